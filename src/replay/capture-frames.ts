/** The frames of a capture: containers' as they are, an underlay's out of their tunnels. */
import { type CaptureBatch, LinkType } from '../capture/index.js';
import { DropReason, UnderlayDecoder, Verdict } from '../dataplane/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import { CaptureKind } from './observed-topology.js';

/**
 * Reads the frames of a capture of a kind, one at a time, so that whoever takes them may wait between two. Each packet
 * gives one frame, or is counted.
 */
export class CaptureFrames {
  /**
   * Packets that hold no whole frame: other traffic, what can't be opened, what the capture cut, and outer fragments
   * but for the one that completes a frame.
   */
  withoutFrame = 0;
  /** Those of them of which the capture holds only a part. */
  cut = 0;
  /** Frames that are longer than was asked for, which are passed over. */
  tooLong = 0;
  /** What the frame of the last `next` stands in, from `start` to `end`, until the next call. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Its network, or -1 where the capture doesn't say. */
  vni = -1;
  /** Time of the packet that it came out of, and `nanoseconds` of its fraction. */
  seconds = 0;
  nanoseconds = 0;
  readonly #kind: CaptureKind;
  readonly #decoder: UnderlayDecoder;
  readonly #longest: number;
  #batch: CaptureBatch | undefined;
  #next = 0;

  /**
   * @param esp what opens an encrypted capture, if there are keys
   * @param longest bytes of the longest frame that is wanted
   */
  constructor(kind: CaptureKind, esp?: InboundEsp, longest = Number.POSITIVE_INFINITY) {
    this.#kind = kind;
    this.#longest = longest;
    this.#decoder = new UnderlayDecoder(esp === undefined ? {} : { esp });
  }

  /** Takes a batch, whose frames `next` then gives; what is left of the one before is not read. */
  begin(batch: CaptureBatch): void {
    this.#batch = batch;
    this.#next = 0;
  }

  /** Goes to the next frame of the batch. Returns false if there is none. */
  next(): boolean {
    const batch = this.#batch;
    if (batch === undefined) return false;
    const bare = this.#kind === CaptureKind.Frames;
    while (this.#next < batch.count) {
      const i = this.#next++;
      this.seconds = batch.seconds[i];
      this.nanoseconds = batch.nanoseconds[i];
      const found = bare ? this.#frame(batch, i) : this.#carried(batch, i);
      if (found && this.end - this.start <= this.#longest) return true;
      if (found) this.tooLong++;
      else this.withoutFrame++;
    }
    return false;
  }

  #frame(batch: CaptureBatch, i: number): boolean {
    const length = batch.capturedLength[i];
    const cut = length < batch.originalLength[i];
    if (cut) this.cut++;
    const whole = !cut && length >= ETHERNET_SPAN;
    if (!whole || batch.linkType[i] !== LinkType.Ethernet) return false;
    this.bytes = batch.bytes;
    this.start = batch.offset[i];
    this.end = this.start + length;
    return true;
  }

  #carried(batch: CaptureBatch, i: number): boolean {
    const decoder = this.#decoder;
    const start = batch.offset[i];
    const end = start + batch.capturedLength[i];
    const limit = start + batch.originalLength[i];
    const verdict = decoder.receive(batch.linkType[i], batch.bytes, start, end, limit, this.seconds);
    if (verdict === Verdict.Dropped && decoder.reason === DropReason.CaptureTruncated) this.cut += decoder.parts;
    if (verdict !== Verdict.Frame) return false;
    this.bytes = decoder.outerBytes;
    this.start = decoder.frameOffset;
    this.end = decoder.frameEnd;
    this.vni = decoder.vni;
    return true;
  }
}
