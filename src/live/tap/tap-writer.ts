/** Writes frames to a TAP device directly from their arena. Coalesces segments of a connection into one write. */
import { addressOf, lastErrno } from '../../foreign/index.js';
import { MAX_COALESCED_FRAMES, TcpCoalescer } from '../../fragment/index.js';
import { Errno, errnoName, linux } from '../system/linux.js';
import { checkRange } from '../../memory/internal.js';
import { OffloadHeader } from './offload-header.js';
import { PieceVector } from '../socket/piece-vector.js';
import { Refusals } from '../port/refusals.js';

/** A writer for one descriptor. */
export class TapWriter {
  /** Frames that the device accepted. */
  sent = 0;
  /** Frames that it refused, by the name of the error. */
  readonly refusals = new Refusals();
  readonly #descriptor: number;
  readonly #system = linux();
  readonly #offload = new OffloadHeader();
  readonly #merger: TcpCoalescer;
  readonly #partial: boolean;
  readonly #pieces = new PieceVector(MAX_COALESCED_FRAMES);
  #bytes: Uint8Array = new Uint8Array(0);
  #base = 0;

  /**
   * @param descriptor of a TAP device with IFF_VNET_HDR, non-blocking
   * @param partial whether frames may have partial checksums, which the kernel then completes; if not, a field with the
   * pseudo-header's sum is a wrong checksum like any other
   */
  constructor(descriptor: number, partial: boolean) {
    this.#descriptor = descriptor;
    this.#partial = partial;
    this.#merger = new TcpCoalescer(partial);
  }

  /**
   * Sends a frame, see `FramePort.send`.
   * @throws MemoryError `BAD_RANGE`, since the kernel would read past the memory
   */
  send(bytes: Uint8Array, start: number, end: number): void {
    checkRange(bytes, start, end);
    if (this.#bytes !== bytes) {
      this.flush();
      this.#bytes = bytes;
      this.#base = addressOf(bytes);
    }
    const merger = this.#merger;
    if (!merger.offer(bytes, start, end)) {
      const alone = merger.count === 0;
      this.flush();
      // A frame that can't start a run needn't be checked again.
      if (alone || !merger.offer(bytes, start, end)) {
        this.#writeOne(start, end);
        return;
      }
    }
    if (merger.complete) this.flush();
  }

  /** Writes the frames held back for coalescing. */
  flush(): void {
    const merger = this.#merger;
    const { count, start, end } = merger;
    if (count === 0) return;
    if (count === 1) {
      this.#writeOne(start[0], end[0]);
    } else {
      merger.finish();
      const header = this.#offload.putMerged(this.#bytes, merger);
      this.#pieces.set(0, this.#base + header, end[0] - header);
      let bytes = end[0] - header;
      for (let i = 1; i < count; i++) {
        this.#pieces.set(i, this.#base + start[i], end[i] - start[i]);
        bytes += end[i] - start[i];
      }
      this.#count(this.#system.writev(this.#descriptor, this.#pieces.address, count), bytes, count);
    }
    merger.clear();
  }

  #writeOne(start: number, end: number): void {
    const header = this.#offload.put(this.#bytes, start, end, this.#partial);
    this.#count(this.#system.write(this.#descriptor, this.#base + header, end - header), end - header, 1);
  }

  #count(written: number, bytes: number, frames: number): void {
    if (written === bytes) this.sent += frames;
    // A partially written frame did not arrive either; errno is set only if the call failed.
    else this.refusals.add(written < 0 ? errnoName(lastErrno()) : errnoName(Errno.Io), frames);
  }
}
