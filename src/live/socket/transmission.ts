/** Passes messages to sendmmsg(2), and counts what becomes of their packets. */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { Errno, errnoName, type Linux, linux } from '../system/linux.js';

const MSG_DONTWAIT = 0x40;
const POLLOUT = 4;
/** Maximum wait for a full queue, in milliseconds. */
const FULL_QUEUE_WAIT_MS = 5;

/** Messages in memory: struct mmsghdr. */
export interface Messages {
  /** The address of message `i`. */
  addressOf(i: number): number;
}

/** The sending of one underlay: all its sockets share one. */
export class Transmission {
  /** Packets accepted by the system. */
  sent = 0;
  /** Packets refused by the system, by the name of the error. */
  readonly refused = new Map<string, number>();
  readonly #polled: NativeMemory;
  #waited = false;
  readonly #system: Pick<Linux, 'sendmmsg' | 'poll'>;

  /**
   * @param system the system calls
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(system: Pick<Linux, 'sendmmsg' | 'poll'> = linux()) {
    this.#system = system;
    // After `linux()`, whose error names what is missing; a field would be initialised first.
    this.#polled = new NativeMemory(8);
  }

  /** Begins a batch, whose messages wait for room in full queues once: other packets are due. */
  begin(): void {
    this.#waited = false;
  }

  /**
   * Sends messages in order. Refused ones are counted, and the rest is still sent.
   * @param first index of the first message
   * @param end index after the last one
   * @param packets number of packets that the kernel makes of each message; default: one
   * @returns index of a message of several packets that the system doesn't segment, which isn't counted, nor are those
   * after it; `end` if there is none
   */
  send(socket: number, messages: Messages, first: number, end: number, packets?: Int32Array): number {
    let done = first;
    while (done < end) {
      const sent = this.#system.sendmmsg(socket, messages.addressOf(done), end - done, MSG_DONTWAIT);
      if (sent > 0) {
        this.sent += packetsIn(packets, done, done + sent);
        done += sent;
        continue;
      }
      const errno = lastErrno();
      if (errno === Errno.Interrupted) continue;
      const full = errno === Errno.Again || errno === Errno.NoBuffers;
      if (full && !this.#waited) {
        this.#waitForRoom(socket);
        this.#waited = true;
        continue;
      }
      if (isSegmentationError(errno) && packetsIn(packets, done, done + 1) > 1) return done;
      // A full queue affects all following packets; any other error only those of the first message.
      const next = full ? end : done + 1;
      const name = errnoName(errno);
      this.refused.set(name, (this.refused.get(name) ?? 0) + packetsIn(packets, done, next));
      done = next;
    }
    return end;
  }

  #waitForRoom(socket: number): void {
    const words = new Int32Array(this.#polled.bytes.buffer, this.#polled.bytes.byteOffset, 2);
    words[0] = socket;
    words[1] = POLLOUT;
    this.#system.poll(this.#polled.address, 1, FULL_QUEUE_WAIT_MS);
  }
}

/**
 * What UDP_SEGMENT fails with: segments larger than the device's MTU (EINVAL, EMSGSIZE in newer kernels), and before
 * Linux 6.11 a device without checksum offload (EIO).
 */
function isSegmentationError(errno: number): boolean {
  return errno === Errno.Invalid || errno === Errno.Io || errno === Errno.MessageSize;
}

function packetsIn(packets: Int32Array | undefined, from: number, to: number): number {
  if (packets === undefined) return to - from;
  let sum = 0;
  for (let i = from; i < to; i++) sum += packets[i];
  return sum;
}
