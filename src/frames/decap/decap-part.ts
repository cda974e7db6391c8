/** Decapsulates one of several captures, with nothing known of the others. */
import type { CaptureBatch, PacketSource } from '../../capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions, Verdict, type VniCounts } from '../../dataplane/index.js';
import { AddressTable, EspRecords } from '../../inspect/internal.js';
import { DECAP_PIECE_VERSION, type DecapEnd, type DecapPiece, PIECE_BYTES, VniTable } from './decap-piece.js';
import { decapPacket, FrameFlag } from './frame-taker.js';
import { ESP_ROWS } from './frame-writer.js';
import { PieceWriter } from './piece-writer.js';

/** Options of a part. */
export interface DecapPartOptions extends UnderlayDecoderOptions {
  /**
   * Whether to include the captured part of frames that the snaplen truncated.
   * @default false
   */
  readonly keepTruncated?: boolean;
}

/**
 * Decapsulates a capture from an empty state, piece by piece, for `DecapMerge`. Fragments are held back: what completes them may be
 * in another capture. ECN marks are applied to frames. The source is not closed.
 * @param options as those of the merge: port, VNI, reserved bits, and ESP with SAs of its own
 * @throws CaptureError if the source does
 */
export async function* decapPieces(source: PacketSource, options: DecapPartOptions = {}): AsyncGenerator<DecapPiece> {
  const part = new DecapPart(options);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      part.add(batch, i);
      if (part.size >= PIECE_BYTES) yield part.piece(false);
    }
  }
  yield part.piece(true);
}

class DecapPart {
  readonly #decoder: UnderlayDecoder;
  readonly #options: DecapPartOptions;
  readonly #records = new PieceWriter();
  #esp: EspRecords;
  #index = 0;
  /** How many VNIs of each table are listed, and of each port that was guessed. */
  #filtered = 0;
  #reserved = 0;
  readonly #guesses = new Map<number, number>();

  constructor(options: DecapPartOptions) {
    this.#options = options;
    this.#decoder = new UnderlayDecoder({ ...options, applyEcn: true });
    this.#decoder.leavesFragments = true;
    this.#esp = this.#newEsp();
  }

  /** Bytes of the piece so far. */
  get size(): number {
    return this.#records.size + this.#esp.bytes;
  }

  add(batch: CaptureBatch, i: number): void {
    const records = this.#records;
    const decoder = this.#decoder;
    const verdict = decapPacket(batch, i, decoder, this.#esp, this.#options.keepTruncated ?? false, records);
    if (verdict === Verdict.Frame) return;
    if (verdict === Verdict.Held) this.#hold(batch, i);
    else if (verdict === Verdict.Filtered)
      this.#filtered = this.#list(VniTable.Filtered, decoder.filtered, this.#filtered);
    else if (verdict === Verdict.Dropped)
      this.#reserved = this.#list(VniTable.Reserved, decoder.reserved, this.#reserved);
    else if (verdict === Verdict.Other) this.#listGuess();
  }

  piece(isLast: boolean): DecapPiece {
    const esp = this.#esp.columns();
    if (this.#esp.count > 0) this.#esp = this.#newEsp();
    return {
      version: DECAP_PIECE_VERSION,
      index: this.#index++,
      records: this.#records.drain(),
      esp,
      end: isLast ? this.#end() : undefined,
    };
  }

  #newEsp(): EspRecords {
    // A piece has fewer packets than rows.
    return new EspRecords(new AddressTable(ESP_ROWS), ESP_ROWS, this.#options.esp);
  }

  #hold(batch: CaptureBatch, i: number): void {
    this.#records.hold(
      batch.bytes,
      batch.offset[i],
      batch.capturedLength[i],
      batch.originalLength[i],
      batch.linkType[i],
      batch.noTimestamp[i] === 0 ? 0 : FrameFlag.Timeless,
      batch.seconds[i],
      batch.nanoseconds[i],
      this.#esp.count,
    );
  }

  /** Adds the VNI that is new in a table, if there is one. */
  #list(table: typeof VniTable.Filtered | typeof VniTable.Reserved, { byVni }: VniCounts, known: number): number {
    if (byVni.size === known) return known;
    this.#records.list(table, lastOf(byVni));
    return byVni.size;
  }

  #listGuess(): void {
    const { byPort } = this.#decoder.guess;
    if (byPort.size === 0) return;
    const port = this.#decoder.outer.destinationPort;
    const counts = byPort.get(port);
    if (counts === undefined || counts.byVni.size === (this.#guesses.get(port) ?? 0)) return;
    this.#guesses.set(port, counts.byVni.size);
    this.#records.list(VniTable.Guess, lastOf(counts.byVni), port);
  }

  #end(): DecapEnd {
    const decoder = this.#decoder;
    const { filtered, reserved, guess } = decoder;
    const guesses = [...guess.byPort].flatMap(([port, counts]) => rowsOf(counts).map((row) => ({ ...row, port })));
    return {
      inexact: guess.full || [filtered, reserved, ...guess.byPort.values()].some(hasUnlisted),
      sums: decoder.sums(),
      filtered: rowsOf(filtered),
      reserved: rowsOf(reserved),
      guesses,
    };
  }
}

function rowsOf({ byVni }: VniCounts): { vni: number; packets: number }[] {
  return [...byVni].map(([vni, packets]) => ({ vni, packets }));
}

/** The VNI that was listed last. */
function lastOf(byVni: ReadonlyMap<number, number>): number {
  return [...byVni.keys()][byVni.size - 1];
}

/** Whether there are packets of VNIs that aren't counted separately. */
function hasUnlisted({ packets, byVni }: VniCounts): boolean {
  let listed = 0;
  for (const count of byVni.values()) listed += count;
  return listed < packets;
}
