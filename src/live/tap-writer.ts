/** Writes frames to a TAP device out of the arena that they stand in. Segments of one connection go as one, by one call. */
import { addressOf, lastErrno } from '../foreign/index.js';
import { MERGED_FRAMES, TcpMerger } from '../fragment/index.js';
import { Errno, errnoName, linux } from './linux.js';
import { checkRange } from '../memory/range.js';
import { OffloadHeader } from './offload-header.js';
import { PieceVector } from './piece-vector.js';
import { Refusals } from './refusals.js';

/** Writes to one descriptor. */
export class TapWriter {
  /** Frames that the device took. */
  sent = 0;
  /** Frames that it refused, by the name of the error. */
  readonly refusals = new Refusals();
  readonly #descriptor: number;
  readonly #system = linux();
  readonly #offload = new OffloadHeader();
  readonly #merger: TcpMerger;
  readonly #unfinished: boolean;
  readonly #pieces = new PieceVector(MERGED_FRAMES);
  #bytes: Uint8Array = new Uint8Array(0);
  #base = 0;

  /**
   * @param descriptor of a TAP device with IFF_VNET_HDR, non-blocking
   * @param unfinished whether frames may have checksums that are still to be filled in, which the kernel then does; if not,
   * a field with the pseudo-header's sum is a wrong checksum like any other
   */
  constructor(descriptor: number, unfinished: boolean) {
    this.#descriptor = descriptor;
    this.#unfinished = unfinished;
    this.#merger = new TcpMerger(unfinished);
  }

  /**
   * Takes a frame, as of `FramePort.send`.
   * @throws MemoryError `BAD_RANGE`: the kernel would read whatever lies there
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
      // What doesn't begin a row needn't be looked at again.
      if (alone || !merger.offer(bytes, start, end)) {
        this.#writeOne(start, end);
        return;
      }
    }
    if (merger.complete) this.flush();
  }

  /** Writes what is held back. */
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
    const header = this.#offload.put(this.#bytes, start, end, this.#unfinished);
    this.#count(this.#system.write(this.#descriptor, this.#base + header, end - header), end - header, 1);
  }

  #count(written: number, bytes: number, frames: number): void {
    if (written === bytes) this.sent += frames;
    // A frame that was cut short did not arrive either: errno is that of a failed call only.
    else this.refusals.add(written < 0 ? errnoName(lastErrno()) : errnoName(Errno.Io), frames);
  }
}
