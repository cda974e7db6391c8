/** Sends many packets with one system call, directly from their arena. */
import { addressOf, lastErrno, NativeMemory } from '../../foreign/index.js';
import type { PacketBatch } from '../../memory/index.js';
import { Errno, errnoName, type Linux, linux } from '../system/linux.js';
import { MessageVector } from './message-vector.js';
import { putSocketAddress } from './socket-address.js';

const MSG_DONTWAIT = 0x40;
const POLLOUT = 4;
/** Maximum wait for a full queue, in milliseconds. */
const FULL_QUEUE_WAIT_MS = 5;
const NAME_STRIDE = 32;

/** Sends to the nodes of a topology. */
export class SendVector {
  /** Packets accepted by the system. */
  sent = 0;
  /** Packets refused by the system, by the name of the error. */
  readonly refused = new Map<string, number>();
  readonly #vector: MessageVector;
  #names = new NativeMemory(NAME_STRIDE);
  #nameBytes = new Int32Array(0);
  readonly #polled = new NativeMemory(8);
  readonly #system: Pick<Linux, 'sendmmsg' | 'poll'>;
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;

  /**
   * @param count maximum packets per system call, 1 to 1024
   * @param system the system calls
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(count: number, system: Pick<Linux, 'sendmmsg' | 'poll'> = linux()) {
    this.#system = system;
    this.#vector = new MessageVector(count);
  }

  /**
   * Sets the nodes' addresses.
   * @param addresses by node, 4 or 16 bytes each; packets to a node without one are refused
   * @param port host order; 0 for raw sockets
   */
  setAddresses(addresses: readonly (Uint8Array | undefined)[], port: number): void {
    this.#names = new NativeMemory(Math.max(1, addresses.length) * NAME_STRIDE);
    this.#nameBytes = Int32Array.from(addresses, (address, node) =>
      address === undefined ? 0 : putSocketAddress(this.#names.bytes, node * NAME_STRIDE, address, port),
    );
  }

  /**
   * Sends the packets of a batch, each to its `node`. Refused ones are counted, and the rest is still sent.
   * @param skip bytes at the start of each packet to omit
   */
  send(socket: number, batch: PacketBatch, skip: number): void {
    const { arena, start, end, node: nodes, count } = batch;
    if (this.#arena !== arena.bytes) {
      this.#arena = arena.bytes;
      this.#base = addressOf(arena.bytes);
    }
    const vector = this.#vector;
    for (let first = 0; first < count; first += vector.count) {
      const part = Math.min(vector.count, count - first);
      for (let i = 0; i < part; i++) {
        const from = start[first + i] + skip;
        const node = nodes[first + i];
        vector.setPiece(i, this.#base + from, end[first + i] - from);
        vector.setName(i, this.#names.address + node * NAME_STRIDE, this.#nameBytes[node]);
      }
      this.#transmit(socket, part);
    }
  }

  #transmit(socket: number, count: number): void {
    let done = 0;
    let waited = false;
    while (done < count) {
      const sent = this.#system.sendmmsg(socket, this.#vector.addressOf(done), count - done, MSG_DONTWAIT);
      if (sent > 0) {
        done += sent;
        this.sent += sent;
        continue;
      }
      const errno = lastErrno();
      if (errno === Errno.Interrupted) continue;
      const full = errno === Errno.Again || errno === Errno.NoBuffers;
      if (full && !waited) {
        this.#waitForRoom(socket);
        waited = true;
        continue;
      }
      // A full queue affects all following packets; any other error only the first one.
      const lost = full ? count - done : 1;
      const name = errnoName(errno);
      this.refused.set(name, (this.refused.get(name) ?? 0) + lost);
      done += lost;
    }
  }

  #waitForRoom(socket: number): void {
    const words = new Int32Array(this.#polled.bytes.buffer, this.#polled.bytes.byteOffset, 2);
    words[0] = socket;
    words[1] = POLLOUT;
    this.#system.poll(this.#polled.address, 1, FULL_QUEUE_WAIT_MS);
  }
}
