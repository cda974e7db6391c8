/**
 * Coalesces consecutive TCP segments into one packet, as the kernel's receivers do (GRO, net/ipv4/tcp_offload.c), so
 * that later stages process one packet. The bytes stay in place; the first frame's headers apply to all.
 */
import { viewOf } from '../memory/internal.js';
import { HeaderError, IpProtocol, Layers, TCP_CHECKSUM, TCP_HEADER_LEN, TcpFlag, tcpLayout } from '../wire/index.js';
import { type Coalescer, hasSameHeaders } from './coalescer.js';
import { PendingFrames } from './pending-frames.js';
import { MIN_SEGMENT } from './segmenter.js';

const SEQUENCE = tcpLayout.offsetOf('sequence');
const ACKNOWLEDGMENT = tcpLayout.offsetOf('acknowledgment');
const FLAGS_WORD = tcpLayout.bitsOf('dataOffset').offset;
const PUSH = TcpFlag.Psh << 16;
const FLAG_BITS = 0xff << 16;
const ACK = TcpFlag.Ack << 16;

/** Pending segments of one connection. All are in one array, and stay there until `clear`. */
export class TcpCoalescer extends PendingFrames implements Coalescer {
  #nextSequence = 0;
  /** Data offset, flags and window of the first frame, and whether the last one has PSH. */
  #flags = 0;
  #lastHasPush = false;
  readonly #layers = new Layers();

  /**
   * @param partial accept checksums that are the pseudo-header's sum alone (CHECKSUM_PARTIAL), without verifying the
   * payload
   */
  constructor(partial = false) {
    super(IpProtocol.Tcp, TCP_CHECKSUM, partial);
  }

  /**
   * Adds a frame to the pending ones, if there are any and it continues them.
   * @param bytes holds it, from its Ethernet header at `start` to `end`
   * @returns whether it was added; if not, send the pending ones first, then offer it again or send it alone
   */
  offer(bytes: Uint8Array, start: number, end: number): boolean {
    const layers = this.#layers;
    return layers.walkEthernet(bytes, start, end) === HeaderError.None && this.add(bytes, layers, start, end);
  }

  add(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    if (this.complete || !this.isOrdinary(bytes, layers, start, end)) return false;
    const { transportOffset, payloadOffset } = layers;
    const view = viewOf(bytes);
    const flags = view.getInt32(transportOffset + FLAGS_WORD);
    if ((flags & FLAG_BITS & ~PUSH) !== ACK) return false;
    const sequence = view.getInt32(transportOffset + SEQUENCE);
    const size = end - payloadOffset;
    if (this.count > 0) {
      if (sequence !== this.#nextSequence || !this.hasRoom(bytes, size)) return false;
      if (((flags ^ this.#flags) & ~PUSH) !== 0 || !this.#isSameFlow(view, layers, start)) return false;
    }
    // Last, since it reads the whole frame.
    if (!this.append(bytes, layers, start, end)) return false;
    if (this.count === 1) this.#flags = flags;
    this.#nextSequence = (sequence + size) | 0;
    this.#lastHasPush = (flags & PUSH) !== 0;
    // Don't coalesce segments smaller than `Segmenter` accepts: nothing could segment the packet again.
    const tooSmall = this.size + this.headers - this.transport < TCP_HEADER_LEN + MIN_SEGMENT;
    this.complete = this.#lastHasPush || size < this.size || tooSmall;
    return true;
  }

  /** As `Coalescer.finish`; also sets the last segment's PSH. */
  override finish(): void {
    super.finish();
    if (this.#lastHasPush) this.#putFlags(this.#flags | PUSH);
  }

  override restore(): void {
    super.restore();
    this.#putFlags(this.#flags);
  }

  #putFlags(flags: number): void {
    viewOf(this.bytes).setInt32(this.start[0] + this.transport + FLAGS_WORD, flags);
  }

  /** Whether a frame's headers equal the first one's, except lengths, checksums, identification and sequence number. */
  #isSameFlow(view: DataView, layers: Layers, start: number): boolean {
    const first = this.start[0];
    if (layers.family !== this.family || layers.payloadOffset - start !== this.headers) return false;
    if (!hasSameHeaders(view, this.family, start, first, this.count)) return false;
    const tcp = start + this.transport;
    const tcpBefore = first + this.transport;
    if (view.getInt32(tcp + ACKNOWLEDGMENT) !== view.getInt32(tcpBefore + ACKNOWLEDGMENT)) return false;
    // TCP's options.
    for (let at = TCP_HEADER_LEN; at < this.headers - this.transport; at += 4) {
      if (view.getInt32(tcp + at) !== view.getInt32(tcpBefore + at)) return false;
    }
    return true;
  }
}
