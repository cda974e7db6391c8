/** The frames of a capture: of containers directly, of an underlay after decapsulation. */
import { type CaptureBatch, LinkType } from '../capture/index.js';
import { DropReason, UnderlayDecoder, Verdict } from '../dataplane/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import { ETHERNET_HEADER_LEN } from '../wire/index.js';
import { CaptureKind } from './observed-topology.js';

/**
 * Reads the frames of a capture, one at a time, so that the caller may wait between two. Each packet either yields a
 * frame or is counted.
 */
export class CaptureFrames {
  /**
   * Packets without a whole frame: other traffic, packets that can't be decrypted, truncated ones, and outer fragments
   * other than the one that completes a frame.
   */
  withoutFrame = 0;
  /** How many of those the capture truncated. */
  truncated = 0;
  /** Frames longer than `longest`, which are skipped. */
  tooLong = 0;
  /** Contains the frame of the last `next`, from `start` to `end`. Valid until the next call. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Its VNI, or -1 for a capture of containers. */
  vni = -1;
  /** Time of its packet: whole seconds, and the fraction in nanoseconds. */
  seconds = 0;
  nanoseconds = 0;
  readonly #kind: CaptureKind;
  readonly #decoder: UnderlayDecoder;
  readonly #longest: number;
  #batch: CaptureBatch | undefined;
  #next = 0;

  /**
   * @param esp decrypts an encrypted capture, if there are keys
   * @param longest maximum frame length in bytes
   */
  constructor(kind: CaptureKind, esp?: InboundEsp, longest = Number.POSITIVE_INFINITY) {
    this.#kind = kind;
    this.#longest = longest;
    this.#decoder = new UnderlayDecoder(esp === undefined ? {} : { esp });
  }

  /** Begins a batch, whose frames `next` then returns one by one. The rest of the previous batch is discarded. */
  begin(batch: CaptureBatch): void {
    this.#batch = batch;
    this.#next = 0;
  }

  /** Advances to the next frame of the batch. Returns false if there is none. */
  next(): boolean {
    const batch = this.#batch;
    if (batch === undefined) return false;
    const bare = this.#kind === CaptureKind.Frames;
    while (this.#next < batch.count) {
      const i = this.#next++;
      this.seconds = batch.seconds[i];
      this.nanoseconds = batch.nanoseconds[i];
      const found = bare ? this.#frame(batch, i) : this.#innerFrame(batch, i);
      if (found && this.end - this.start <= this.#longest) return true;
      if (found) this.tooLong++;
      else this.withoutFrame++;
    }
    return false;
  }

  #frame(batch: CaptureBatch, i: number): boolean {
    const length = batch.capturedLength[i];
    const cut = length < batch.originalLength[i];
    if (cut) this.truncated++;
    const whole = !cut && length >= ETHERNET_HEADER_LEN;
    if (!whole || batch.linkType[i] !== LinkType.Ethernet) return false;
    this.bytes = batch.bytes;
    this.start = batch.offset[i];
    this.end = this.start + length;
    return true;
  }

  #innerFrame(batch: CaptureBatch, i: number): boolean {
    const decoder = this.#decoder;
    const verdict = decoder.receivePacket(batch, i);
    if (verdict === Verdict.Dropped && decoder.reason === DropReason.CaptureTruncated) this.truncated += decoder.parts;
    if (verdict !== Verdict.Frame) return false;
    this.bytes = decoder.outerBytes;
    this.start = decoder.frameOffset;
    this.end = decoder.frameEnd;
    this.vni = decoder.vni;
    return true;
  }
}
