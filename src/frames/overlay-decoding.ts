/** Decodes the packets of a capture to frames, one at a time, and counts them. */
import type { CaptureBatch } from '../capture/index.js';
import {
  DropReason,
  dropReasonName,
  dropReasonText,
  UnderlayDecoder,
  type UnderlayDecoderOptions,
  Verdict,
} from '../dataplane/index.js';
import { LinkType } from '../wire/index.js';
import { CapturedPacket } from './captured-packet.js';
import { FragmentRecords } from './fragment-records.js';
import type { OpenedKeys } from './keys-input.js';
import { type Carrier, DroppedPacket, type EspFields, Frame } from './frame.js';

/** Copies a packet out of a batch. */
export function packetOf(batch: CaptureBatch, i: number, number: number): CapturedPacket {
  const offset = batch.offset[i];
  return new CapturedPacket(
    // Not slice, which of a Buffer shares its memory.
    new Uint8Array(batch.bytes.subarray(offset, offset + batch.capturedLength[i])),
    batch.noTimestamp[i] === 1 ? Number.NaN : batch.seconds[i],
    batch.nanoseconds[i],
    number,
    batch.linkType[i],
    batch.originalLength[i],
  );
}

/** Counts of the packets that were read: packets = framePackets + truncated + esp + other + held + filtered + dropped. */
export interface OverlayCounts {
  /** Packets of the capture. */
  readonly packets: number;
  /** Frames, truncated ones included. */
  readonly frames: number;
  /** Packets that carried whole frames: more than frames if some were fragmented. */
  readonly framePackets: number;
  /** Packets of frames that the capture truncated. */
  readonly truncated: number;
  /** ESP packets, without keys to decrypt them. */
  readonly esp: number;
  /** Other traffic of the underlay. */
  readonly other: number;
  /** Fragments whose datagram is incomplete so far. */
  readonly held: number;
  /** Packets of networks other than the selected one. */
  readonly filtered: number;
  /** Dropped packets by the name of the drop reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The decoder, with copies for results. */
export class OverlayDecoding {
  readonly #decoder: UnderlayDecoder;
  readonly #drops: boolean;
  readonly #fragments = new FragmentRecords();
  #truncatedFrames = 0;
  #truncated = 0;

  /** Lines of the key files that could not be used. */
  readonly warnings: readonly string[];
  readonly #keys: OpenedKeys | undefined;

  /**
   * @param drops whether dropped packets are results too
   * @param keys decrypt ESP; wiped by `close`
   */
  constructor(options: UnderlayDecoderOptions, drops: boolean, keys?: OpenedKeys) {
    this.#decoder = new UnderlayDecoder(keys === undefined ? options : { ...options, esp: keys.esp });
    this.#drops = drops;
    this.#keys = keys;
    this.warnings = keys?.warnings ?? [];
  }

  /** Wipes the keys. */
  close(): void {
    this.#keys?.close();
  }

  get counts(): OverlayCounts {
    const decoder = this.#decoder;
    const dropped: Record<string, number> = {};
    decoder.drops.counts.forEach((count, reason) => {
      const rest = reason === DropReason.CaptureTruncated ? count - this.#truncated : count;
      if (rest > 0) dropped[dropReasonName(reason)] = rest;
    });
    return {
      packets: decoder.packets,
      frames: decoder.frames + this.#truncatedFrames,
      framePackets: decoder.framePackets,
      truncated: this.#truncated,
      esp: decoder.espPackets,
      other: decoder.otherPackets,
      held: decoder.held,
      filtered: decoder.filtered.packets,
      dropped,
    };
  }

  /** Decodes packet `i` of a batch. Returns undefined if it gives no result. */
  decode(batch: CaptureBatch, i: number): Frame | DroppedPacket | undefined {
    const decoder = this.#decoder;
    switch (decoder.receivePacket(batch, i)) {
      case Verdict.Frame:
        return this.#frame(batch, i);
      case Verdict.Held:
        this.#fragments.hold(packetOf(batch, i, decoder.packets));
        return undefined;
      case Verdict.Dropped: {
        // Among dropped packets, only those truncated inside their frame have a VNI.
        if (decoder.vni >= 0) {
          this.#truncatedFrames++;
          this.#truncated += decoder.parts;
          return this.#frame(batch, i);
        }
        const packets = this.#packets(batch, i);
        const { reason } = decoder;
        if (!this.#drops) return undefined;
        return new DroppedPacket(packets, this.#esp(), dropReasonName(reason), dropReasonText(reason));
      }
      default:
        // The fragments of what isn't wanted are forgotten too.
        if (decoder.parts > 1) this.#packets(batch, i);
        return undefined;
    }
  }

  #packets(batch: CaptureBatch, i: number): readonly CapturedPacket[] {
    const packet = packetOf(batch, i, this.#decoder.packets);
    const { parts } = this.#decoder;
    return parts > 1 ? this.#fragments.take(packet, parts) : [packet];
  }

  #esp(): EspFields | undefined {
    const { encrypted, spi, sequence } = this.#decoder;
    return encrypted ? { spi, sequence } : undefined;
  }

  #frame(batch: CaptureBatch, i: number): Frame {
    const packets = this.#packets(batch, i);
    const packet = packets[packets.length - 1];
    return new Frame(packets, this.#esp(), this.#decoder.vni, this.#carrier(batch, i, packet));
  }

  /** The packet that carried the frame: the captured packet itself, or a copy of what the decoder made of it. */
  #carrier(batch: CaptureBatch, i: number, packet: CapturedPacket): Carrier {
    const { outerBytes, outer, frameOffset, frameEnd, capturedEnd, copied, depth, innerLink } = this.#decoder;
    if (!copied && depth === 0) {
      const start = batch.offset[i];
      const { bytes, linkType, originalLength: length } = packet;
      return { bytes, linkType, length, frameStart: frameOffset - start, frameEnd: frameEnd - start };
    }
    const ethernet = depth > 0 && innerLink >= 0;
    const start = ethernet ? innerLink : outer.networkOffset;
    return {
      bytes: new Uint8Array(outerBytes.subarray(start, Math.min(capturedEnd, frameEnd))),
      linkType: ethernet ? LinkType.Ethernet : LinkType.Raw,
      length: outer.networkEnd - start,
      frameStart: frameOffset - start,
      frameEnd: frameEnd - start,
    };
  }
}
