/** Writes selected packets as a pcapng file: as captured, or the frames in them. */
import { PcapngWriter } from '../../../src/capture/portable.js';
import { LinkType } from '../../../src/wire/index.js';
import { columnsOf, openPacket, type OpeningOptions, type PacketReader } from '../detail/index.js';
import { PacketMark } from '../index/packet-columns.js';
import type { CaptureIndex } from '../index/capture-index.js';
import { Verdict } from '../../../src/dataplane/index.js';

/** Packets that are read together. */
const TOGETHER = 256;

/** What became of the packets of an export. */
export interface PacketExport {
  /** The file, in pieces. */
  readonly pieces: readonly Uint8Array[];
  readonly written: number;
  /** Packets without a frame, or whose time pcapng can't express. */
  readonly skipped: number;
}

/** How packets are exported. */
export interface PacketExportOptions extends OpeningOptions {
  /** Whether to write the inner frames, decrypted where a key opens them. */
  readonly inner: boolean;
  /** Called between reads; throws to cancel. */
  readonly turn: (done: number) => Promise<void>;
}

/**
 * Exports packets.
 * @param rows numbers of the packets from 0, ascending
 * @returns the file in memory: a browser has no other place for what it offers to save
 */
export async function packetsAsPcapng(
  index: CaptureIndex,
  reader: PacketReader,
  rows: Uint32Array,
  options: PacketExportOptions,
): Promise<PacketExport> {
  const pieces: Uint8Array[] = [];
  const writer = new PcapngWriter((bytes) => pieces.push(bytes.slice()));
  const interfaces = options.inner ? [] : index.tables.interfaces;
  if (options.inner) writer.addInterface('inner', LinkType.Ethernet);
  for (const { name, linkType } of interfaces) writer.addInterface(name ?? '', linkType);
  let written = 0;
  for (let from = 0; from < rows.length; from += TOGETHER) {
    await options.turn(from);
    const packets = await reader.readAll([...rows.subarray(from, from + TOGETHER)]);
    for (const packet of packets) {
      const { part, i } = columnsOf(index, packet.row);
      const { bytes, length } = packet;
      // A packet without a time gets that of the beginning of 1970.
      const hasTime = !Number.isNaN(packet.seconds);
      const seconds = hasTime ? packet.seconds : 0;
      const nanoseconds = hasTime ? packet.nanoseconds : 0;
      if (seconds < 0) continue;
      if (!options.inner) {
        writer.write(bytes, 0, bytes.length, Math.max(length, bytes.length), seconds, nanoseconds, part.interface[i]);
        written++;
        continue;
      }
      const isWhole = (part.marks[i] & PacketMark.Reassembled) !== 0;
      const fragments = isWhole ? await reader.fragmentsBefore(packet.row) : [];
      const { decoder, verdict } = openPacket(packet, fragments, options);
      if (verdict !== Verdict.Frame) continue;
      const { outerBytes, frameOffset, frameEnd } = decoder;
      writer.write(outerBytes, frameOffset, frameEnd - frameOffset, frameEnd - frameOffset, seconds, nanoseconds, 0);
      written++;
    }
  }
  writer.flush();
  return { pieces, written, skipped: rows.length - written };
}
