/** The frames of a capture: containers' as they are, an underlay's out of their tunnels. */
import { type CaptureBatch, LinkType } from '../capture/index.js';
import { Ingress, Verdict } from '../dataplane/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import { CaptureKind } from './observed-topology.js';

/**
 * Takes a frame, which stands in `bytes` until the call returns.
 * @param vni its network, or -1 where the capture doesn't say
 * @param seconds time of the packet that it came out of, and `nanoseconds` of its fraction
 */
export type FrameHandler = (
  bytes: Uint8Array,
  start: number,
  end: number,
  vni: number,
  seconds: number,
  nanoseconds: number,
) => void;

/** Reads the frames of a capture of a kind. Each packet gives one frame, or is counted. */
export class CaptureFrames {
  /**
   * Packets that hold no whole frame: other traffic, what can't be opened, what the capture cut, and outer fragments
   * but for the one that completes a frame.
   */
  withoutFrame = 0;
  readonly #kind: CaptureKind;
  readonly #ingress: Ingress;
  readonly #onFrame: FrameHandler;

  /** @param esp what opens an encrypted capture, if there are keys */
  constructor(kind: CaptureKind, esp: InboundEsp | undefined, onFrame: FrameHandler) {
    this.#kind = kind;
    this.#ingress = new Ingress(esp === undefined ? {} : { esp });
    this.#onFrame = onFrame;
  }

  /** Hands on the frames of a batch, in order. */
  add(batch: CaptureBatch): void {
    const bare = this.#kind === CaptureKind.Frames;
    for (let i = 0; i < batch.count; i++) {
      const found = bare ? this.#frame(batch, i) : this.#carried(batch, i);
      if (!found) this.withoutFrame++;
    }
  }

  #frame(batch: CaptureBatch, i: number): boolean {
    const length = batch.capturedLength[i];
    const whole = length === batch.originalLength[i] && length >= ETHERNET_SPAN;
    if (!whole || batch.linkType[i] !== LinkType.Ethernet) return false;
    const start = batch.offset[i];
    this.#onFrame(batch.bytes, start, start + length, -1, batch.seconds[i], batch.nanoseconds[i]);
    return true;
  }

  #carried(batch: CaptureBatch, i: number): boolean {
    const ingress = this.#ingress;
    const start = batch.offset[i];
    const end = start + batch.capturedLength[i];
    const limit = start + batch.originalLength[i];
    const seconds = batch.seconds[i];
    if (ingress.receive(batch.linkType[i], batch.bytes, start, end, limit, seconds) !== Verdict.Frame) return false;
    const { outerBytes, frameOffset, frameEnd, vni } = ingress;
    this.#onFrame(outerBytes, frameOffset, frameEnd, vni, seconds, batch.nanoseconds[i]);
    return true;
  }
}
