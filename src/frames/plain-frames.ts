/** The packets of a capture as frames. */
import type { CaptureBatch } from '../capture/index.js';
import { isLinkTypeKnown } from '../wire/index.js';
import { Frame } from './frame.js';
import { type OverlayCounts, packetOf } from './overlay-decoding.js';

/** Reads every packet as a frame. */
export class PlainFrames {
  #packets = 0;
  #frames = 0;
  #truncated = 0;

  get counts(): OverlayCounts {
    const other = this.#packets - this.#frames;
    const [frames, truncated] = [this.#frames, this.#truncated];
    const none = { esp: 0, held: 0, filtered: 0, dropped: {} };
    return { packets: this.#packets, frames, framePackets: frames - truncated, truncated, other, ...none };
  }

  /** Packet `i` of a batch; undefined if its link type is unknown. */
  decode(batch: CaptureBatch, i: number): Frame | undefined {
    this.#packets++;
    if (!isLinkTypeKnown(batch.linkType[i])) return undefined;
    this.#frames++;
    const packet = packetOf(batch, i, this.#packets);
    if (packet.truncated) this.#truncated++;
    const { bytes, linkType, originalLength: length } = packet;
    return new Frame([packet], undefined, undefined, { bytes, linkType, length, frameStart: 0, frameEnd: length });
  }
}
