/** The frames of a capture: of containers directly, of an underlay after decapsulation. */
import { type CaptureBatch, LinkType } from '../capture/index.js';
import { DropReason, UnderlayDecoder, Verdict } from '../dataplane/index.js';
import { outerFlow, PLAIN_FRAME, plainFrameEnd } from '../dataplane/internal.js';
import type { InboundEsp } from '../ipsec/index.js';
import { ETHERNET_HEADER_LEN, VXLAN_PORT } from '../wire/index.js';
import { CaptureKind } from './observed-topology.js';

/** Decides by the packet whether its frame is skipped. */
export interface FrameFilter {
  /**
   * Called for a packet that certainly has a whole frame of at most the maximum length, before it is decoded.
   * @param start offset of the packet, which has plain Ethernet, IPv4, UDP and VXLAN headers, in `bytes`
   * @param end end of its frame
   * @param seconds time of the packet: whole seconds, and the fraction in nanoseconds
   * @returns whether to skip it
   */
  skips(bytes: Uint8Array, start: number, end: number, seconds: number, nanoseconds: number): boolean;
}

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

  /** Hash of the outer flow of the frame's packet (`outerFlow`): clear VXLAN's addresses and source port. */
  get flow(): number {
    const { outerBytes, outer } = this.#decoder;
    return this.#kind === CaptureKind.Frames ? 0 : outerFlow(outerBytes, outer);
  }

  /**
   * Advances to the next frame of the batch. Returns false if there is none.
   * @param filter skips frames before they are decoded
   */
  next(filter?: FrameFilter): boolean {
    const batch = this.#batch;
    if (batch === undefined) return false;
    const bare = this.#kind === CaptureKind.Frames;
    while (this.#next < batch.count) {
      const i = this.#next++;
      this.seconds = batch.seconds[i];
      this.nanoseconds = batch.nanoseconds[i];
      if (filter !== undefined && this.#isSkipped(filter, batch, i)) continue;
      const found = bare ? this.#frame(batch, i) : this.#innerFrame(batch, i);
      if (found && this.end - this.start <= this.#longest) return true;
      if (found) this.tooLong++;
      else this.withoutFrame++;
    }
    return false;
  }

  #isSkipped(filter: FrameFilter, batch: CaptureBatch, i: number): boolean {
    const length = batch.capturedLength[i];
    if (batch.linkType[i] !== LinkType.Ethernet || length < batch.originalLength[i]) return false;
    const start = batch.offset[i];
    const end = plainFrameEnd(batch.bytes, start, start + length, VXLAN_PORT);
    if (end < 0 || end - start - PLAIN_FRAME > this.#longest) return false;
    return filter.skips(batch.bytes, start, end, batch.seconds[i], batch.nanoseconds[i]);
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
