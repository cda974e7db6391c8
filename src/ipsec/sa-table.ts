/**
 * The memory of SAs: what packets read and change of an SA is a row of one array, indexed like the table that finds it
 * (the SAD, a node's peers). As objects the same fields are spread over the heap: with thousands of SAs each packet
 * then waits for memory many times in a row, mostly for the addresses of pages.
 *
 * A row is 64 bytes; an inbound SA's replay window follows it. An SA that is in no table has memory of its own, which
 * costs more per packet.
 */

/** 32-bit words of a row, without a replay window. */
export const ROW_WORDS = 16;
/** Rows of a new table. */
const FIRST_ROWS = 16;

/** Words of a row. */
export const SaWord = {
  Spi: 0,
  /** In network order. */
  Salt: 1,
  /** Key id in the cipher; `NO_KEY` once the SA is closed. */
  Key: 2,
  /** `SaFlag`, and the ICV's bytes in the lowest bits; 0 if the row is empty. */
  Flags: 3,
  /** Packets of pending batches. */
  Pending: 4,
  // Outbound.
  /** The last sequence number sent. */
  SequenceHigh: 5,
  SequenceLow: 6,
  /** The last sequence number that may be used without asking for more. */
  CeilingHigh: 7,
  CeilingLow: 8,
  MaskHigh: 9,
  MaskLow: 10,
  /** IPv4 identification of the next tunnel-mode packet, and the headroom in the upper half. */
  Identification: 11,
  // Inbound.
  /** The source's first word; all of it for IPv4. */
  Source: 5,
  /** Size of the replay window, and its ring's number of words minus 1. */
  WindowSize: 6,
  WindowMask: 7,
  /** The destination's first word; all of it for IPv4. */
  Destination: 8,
} as const;

/** 64-bit floats of a row. */
export const SaFloat = {
  /** Inbound: packets accepted, with a correct ICV. */
  Verified: 5,
  /** Packets and bytes that count towards the limits. */
  Packets: 6,
  Bytes: 7,
} as const;

/** Bits of `SaWord.Flags`. */
export const SaFlag = {
  IcvMask: 0x1f,
  Esn: 1 << 5,
  Tunnel: 1 << 6,
  /** UDP encapsulation. */
  Encap: 1 << 7,
  /** Has limits. */
  Limited: 1 << 8,
  /** Outbound: transport mode over IPv4, not in UDP. */
  Plain: 1 << 9,
  /** Inbound: tunnel mode and UDP encapsulation are inferred. */
  InferMode: 1 << 10,
  /** Inbound: packets may come from any address. */
  AnySource: 1 << 11,
  /** Inbound: the replay window's first number may be any. */
  MidStream: 1 << 12,
  /** Inbound: the replay window follows the row. */
  OwnWindow: 1 << 13,
} as const;

/** Memory of SAs. The arrays are replaced when it grows; offsets into them stay. */
export interface SaMemory {
  readonly words: Int32Array;
  /** The same bytes. The float at word `at` is at half of that. */
  readonly floats: Float64Array;
  /** Changes whenever an SA leaves its row. */
  readonly version: number;
  /** Whether it is a table, rather than one SA's or window's own. */
  readonly shared: boolean;
}

/** Memory for a single SA or window. */
export function ownMemory(words: number): SaMemory {
  const array = new Int32Array(new ArrayBuffer(4 * words));
  return { words: array, floats: new Float64Array(array.buffer), version: 0, shared: false };
}

/** Something that lies in a row. */
export interface Movable {
  /** Words that its row needs. */
  readonly rowWords: number;
  /** Whether it is in no table. */
  readonly isAlone: boolean;
  /**
   * Moves to other memory.
   * @param memory zeros from word `at` on
   */
  moveTo(memory: SaTable, at: number): void;
  /** Moves to memory of its own. */
  moveOut(): void;
}

/** Rows by index. */
export class SaTable implements SaMemory {
  words: Int32Array;
  floats: Float64Array;
  version = 0;
  readonly shared = true;
  /** Words from one row to the next. */
  stride = ROW_WORDS;
  readonly #rows: (Movable | undefined)[] = [];

  constructor() {
    this.words = new Int32Array(FIRST_ROWS * ROW_WORDS);
    this.floats = new Float64Array(this.words.buffer);
  }

  /**
   * Moves an SA into an empty row. One that is in another table stays there.
   * @param index row, from 0; the table grows to it
   */
  place(index: number, sa: Movable): void {
    if (!sa.isAlone) return;
    const stride = (sa.rowWords + ROW_WORDS - 1) & -ROW_WORDS;
    if (stride > this.stride) this.#widen(stride);
    const needed = (index + 1) * this.stride;
    if (needed > this.words.length) this.#grow(Math.max(needed, 2 * this.words.length));
    this.#rows[index] = sa;
    sa.moveTo(this, index * this.stride);
  }

  /** Moves an SA out, and wipes its row. Other SAs are ignored. */
  remove(index: number, sa: Movable): void {
    if (this.#rows[index] !== sa) return;
    this.#rows[index] = undefined;
    this.version++;
    sa.moveOut();
    this.words.fill(0, index * this.stride, (index + 1) * this.stride);
  }

  /** Moves the rows apart. */
  #widen(stride: number): void {
    const moved = this.#rows.map((sa, index) => ({ sa, index })).filter(({ sa }) => sa !== undefined);
    for (const { sa } of moved) sa?.moveOut();
    this.version++;
    this.words.fill(0);
    this.stride = stride;
    this.#grow(Math.max(FIRST_ROWS, this.#rows.length) * stride);
    for (const { sa, index } of moved) sa?.moveTo(this, index * stride);
  }

  #grow(length: number): void {
    const before = this.words;
    this.words = new Int32Array(length);
    this.floats = new Float64Array(this.words.buffer);
    this.words.set(before);
    // It holds salts.
    before.fill(0);
  }
}
