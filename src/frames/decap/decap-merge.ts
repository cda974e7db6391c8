/** Merges the decapsulated parts of several captures: the same frames and counts as in one pass over all of them. */
import { MAX_ORIGINAL_LENGTH, MAX_SECONDS } from '../../capture/internal.js';
import { CaptureBatch } from '../../capture/portable.js';
import type { UnderlayDecoder } from '../../dataplane/index.js';
import { EspReplay, type EspSurvey } from '../../inspect/internal.js';
import type { InboundEsp } from '../../ipsec/index.js';
import { badPiece, checkPiece } from './check-piece.js';
import { type DecapEnd, type DecapPiece, RECORD_HEADER, RecordField, RecordKind, VniTable } from './decap-piece.js';
import { FrameFlag } from './frame-taker.js';
import type { FrameWriter } from './frame-writer.js';

const MAX_VNI = 0xff_ffff;
const MAX_PORT = 0xffff;
const MAX_NANOSECONDS = 999_999_999;
const ALL_FLAGS = FrameFlag.Opened | FrameFlag.Truncated | FrameFlag.Timeless;

/** What a merge needs. */
export interface DecapMergeOptions {
  /** Writes the frames. */
  readonly writer: FrameWriter;
  /** A new one with the options of the parts: it decodes the packets that they held back. */
  readonly decoder: UnderlayDecoder;
  /** A new one. */
  readonly esp: EspSurvey;
  /** What the decoder decrypts with; undefined without keys. */
  readonly inbound: InboundEsp | undefined;
}

/** The header of a record of a piece. */
interface PieceRecord {
  kind: number;
  flags: number;
  tag: number;
  captured: number;
  length: number;
  seconds: number;
  nanoseconds: number;
  esp: number;
  /** Start of its bytes. */
  start: number;
}

/**
 * Takes pieces capture by capture, and each capture's in order. Afterwards the decoder, the survey and the writer have what they
 * would have after one pass over the captures.
 *
 * Fragments are reassembled here. SAs follow what those of the parts did with each packet: their replay windows and extended
 * sequence numbers are then those of one pass, or `add` says that they aren't.
 */
export class DecapMerge {
  readonly #options: DecapMergeOptions;
  readonly #batch = new CaptureBatch();
  readonly #record: PieceRecord = {
    kind: 0,
    flags: 0,
    tag: 0,
    captured: 0,
    length: 0,
    seconds: 0,
    nanoseconds: 0,
    esp: 0,
    start: 0,
  };
  /** Index of the next piece in its capture. */
  #next = 0;
  /** Frames of the capture so far that count as such. */
  #frames = 0;
  #inexact = false;

  constructor(options: DecapMergeOptions) {
    this.#options = options;
  }

  /**
   * Adds a piece.
   * @param value as `node:v8` deserialized it
   * @returns false if the result can't be that of one pass: an SA would have done something else with a packet after those of an
   * earlier capture, it has limits, or a table of VNIs was full. Then decapsulate the captures in one pass, into another output
   * @throws FramesError `BAD_PIECE` if it isn't the next piece; then, too, nothing here is of use any more
   */
  add(value: unknown): boolean {
    if (this.#inexact) return false;
    const piece = checkPiece(value, this.#next++);
    const { decoder, esp, inbound } = this.#options;
    const replay = new EspReplay(piece.esp, esp, inbound);
    this.#addRecords(piece, replay);
    replay.upTo(piece.esp.direction.length);
    if (replay.differs) this.#inexact = true;
    if (piece.end === undefined) return !this.#inexact;
    this.#addEnd(piece.end, decoder);
    this.#next = 0;
    this.#frames = 0;
    return !this.#inexact;
  }

  /** @throws FramesError `BAD_PIECE` if the last piece of a capture is missing */
  end(): void {
    if (this.#next > 0) throw badPiece(`piece ${this.#next} is missing`);
  }

  #addRecords({ records, esp }: DecapPiece, replay: EspReplay): void {
    const view = new DataView(records.buffer, records.byteOffset, records.length);
    const record = this.#record;
    let replayed = 0;
    for (let at = 0; at < records.length;) {
      if (at + RECORD_HEADER > records.length) throw badPiece('a record is cut off');
      readHeader(view, at, record);
      const { captured, seconds, nanoseconds } = record;
      at = record.start + captured;
      if (captured < 0 || at > records.length) throw badPiece('a record is longer than the piece');
      if (!(seconds >= 0 && seconds <= MAX_SECONDS) || nanoseconds < 0 || nanoseconds > MAX_NANOSECONDS)
        throw badPiece('a record has no time');
      switch (record.kind) {
        case RecordKind.Frame:
          this.#addFrame(records, record);
          break;
        case RecordKind.Held:
          if (record.esp < replayed || record.esp > esp.direction.length) throw badPiece('a packet has no place');
          replayed = record.esp;
          replay.upTo(replayed);
          this.#addHeld(records, record);
          break;
        case RecordKind.Vni:
          this.#list(record);
          break;
        default:
          throw badPiece('a record is of no kind that there is');
      }
    }
  }

  #addFrame(records: Uint8Array, { flags, tag, captured, length, seconds, nanoseconds, start }: PieceRecord): void {
    const isTruncated = (flags & FrameFlag.Truncated) !== 0;
    if (tag < 0 || tag > MAX_VNI || (flags & ~ALL_FLAGS) !== 0) throw badPiece('a frame is of no network');
    if (length < captured || length > MAX_ORIGINAL_LENGTH || (!isTruncated && captured !== length))
      throw badPiece('a frame has a wrong length');
    if (!isTruncated) this.#frames++;
    this.#options.writer.take(records, start, captured, length, tag, flags, seconds, nanoseconds);
  }

  /** Decapsulates a packet that was held back. */
  #addHeld(records: Uint8Array, { flags, tag, captured, length, seconds, nanoseconds, start }: PieceRecord): void {
    if (length < captured || length > MAX_ORIGINAL_LENGTH) throw badPiece('a packet has a wrong length');
    const { writer, decoder, esp } = this.#options;
    const batch = this.#batch;
    batch.bytes = records;
    batch.count = 1;
    batch.offset[0] = start;
    batch.capturedLength[0] = captured;
    batch.originalLength[0] = length;
    batch.linkType[0] = tag;
    batch.seconds[0] = seconds;
    batch.nanoseconds[0] = nanoseconds;
    batch.noTimestamp[0] = (flags & FrameFlag.Timeless) === 0 ? 0 : 1;
    writer.addBatch(batch, decoder, esp);
  }

  /** Lists a VNI; its packets are counted at the end of the capture. */
  #list({ flags, tag, captured, length }: PieceRecord): void {
    const { decoder } = this.#options;
    if (tag < 0 || tag > MAX_VNI || length < 0 || length > MAX_PORT || captured !== 0)
      throw badPiece('a VNI is out of range');
    if (flags === VniTable.Filtered) decoder.filtered.add(tag, 0);
    else if (flags === VniTable.Reserved) decoder.reserved.add(tag, 0);
    else if (flags === VniTable.Guess) decoder.guess.addVni(length, tag, 0);
    else throw badPiece('a VNI is of no table');
  }

  #addEnd({ inexact, sums, filtered, reserved, guesses }: DecapEnd, decoder: UnderlayDecoder): void {
    if (inexact) this.#inexact = true;
    const { packets, frames, framePackets, espPackets, otherPackets, drops } = sums;
    const others = filtered.reduce((sum, row) => sum + row.packets, 0);
    const counted = framePackets + espPackets + otherPackets + drops.reduce((sum, count) => sum + count, 0) + others;
    // A part whose table was full has packets that it can't name.
    if (frames !== this.#frames || (counted !== packets && !inexact)) throw badPiece("its packets don't add up");
    decoder.addSums(sums);
    for (const { vni, packets: count } of filtered) decoder.filtered.add(vni, count);
    for (const { vni, packets: count } of reserved) decoder.reserved.add(vni, count);
    for (const { port, vni, packets: count } of guesses) decoder.guess.addVni(port, vni, count);
  }
}

function readHeader(view: DataView, at: number, record: PieceRecord): void {
  record.kind = view.getUint8(at + RecordField.Kind);
  record.flags = view.getUint8(at + RecordField.Flags);
  record.tag = view.getInt32(at + RecordField.Tag, true);
  record.captured = view.getInt32(at + RecordField.Captured, true);
  record.length = view.getInt32(at + RecordField.Length, true);
  record.seconds = view.getFloat64(at + RecordField.Seconds, true);
  record.nanoseconds = view.getInt32(at + RecordField.Nanoseconds, true);
  record.esp = view.getInt32(at + RecordField.Esp, true);
  record.start = at + RECORD_HEADER;
}
