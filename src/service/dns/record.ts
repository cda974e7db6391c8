import { read16, RECORD_FIXED_LEN, RecordType } from './message.js';
import { NameReader } from './name.js';

/** RDATA that may contain names, so that it can't be copied as it is. */
interface RdataLayout {
  /** Bytes before the names, or all of it. */
  readonly fixed: number;
  /** Character strings after those. */
  readonly strings: number;
  readonly names: number;
  /** Whether the names may be compressed when written (RFC 3597, section 4: only those of RFC 1035). */
  readonly compressed: boolean;
  /** Bytes after the names; undefined for any number. */
  readonly tail: number | undefined;
}

function layout(
  fixed: number,
  names: number,
  compressed = false,
  tail: number | undefined = 0,
  strings = 0,
): RdataLayout {
  return { fixed, strings, names, compressed, tail };
}

const LAYOUTS: ReadonlyMap<number, RdataLayout> = new Map([
  [RecordType.A, layout(4, 0)],
  [RecordType.Aaaa, layout(16, 0)],
  // NS, MD, MF, CNAME, MB, MG, MR, PTR
  ...[2, 3, 4, 5, 7, 8, 9, 12].map((type) => [type, layout(0, 1, true)] as const),
  // SOA, MINFO, MX
  [6, layout(0, 2, true, 20)],
  [14, layout(0, 2, true)],
  [15, layout(2, 1, true)],
  // RP, AFSDB, RT, SIG, PX, SRV, NAPTR, KX, DNAME, RRSIG, NSEC, TALINK
  [17, layout(0, 2)],
  [18, layout(2, 1)],
  [21, layout(2, 1)],
  [24, { ...layout(18, 1), tail: undefined }],
  [26, layout(2, 2)],
  [33, layout(6, 1)],
  [35, layout(4, 1, false, 0, 3)],
  [36, layout(2, 1)],
  [39, layout(0, 1)],
  [46, { ...layout(18, 1), tail: undefined }],
  [47, { ...layout(0, 1), tail: undefined }],
  [58, layout(0, 2)],
]);

/** Reads records one after another, and checks that their RDATA is what its type says. */
export class RecordReader {
  readonly owner = new NameReader();
  /** A name in the RDATA, during `visitNames`. */
  readonly target = new NameReader();
  type = 0;
  recordClass = 0;
  /** Offset of type, class, TTL and RDLENGTH. */
  fixedAt = 0;
  rdataAt = 0;
  rdataLength = 0;
  /** Offset after the record. */
  next = 0;
  #layout: RdataLayout | undefined;

  /**
   * Reads the record at an offset.
   * @param base offset of the message
   * @param end offset after the message
   * @returns false if the record is cut short or its RDATA is malformed
   */
  read(bytes: Uint8Array, base: number, at: number, end: number): boolean {
    const { owner } = this;
    if (!owner.read(bytes, base, at, end)) return false;
    const fixed = owner.next;
    if (fixed + RECORD_FIXED_LEN > end) return false;
    this.fixedAt = fixed;
    this.type = read16(bytes, fixed);
    this.recordClass = read16(bytes, fixed + 2);
    this.rdataLength = read16(bytes, fixed + 8);
    this.rdataAt = fixed + RECORD_FIXED_LEN;
    this.next = this.rdataAt + this.rdataLength;
    if (this.next > end) return false;
    // An empty RDATA is valid for every type (RFC 2136, section 2.4).
    this.#layout = this.rdataLength === 0 ? undefined : LAYOUTS.get(this.type);
    return this.type === RecordType.Opt ? this.#checkOptions(bytes) : this.#checkRdata(bytes, base);
  }

  /** The names in the RDATA: how many, and whether they may be compressed when written. */
  get names(): number {
    return this.#layout?.names ?? 0;
  }

  /** Whether names in the RDATA may be compressed when written. */
  get compressed(): boolean {
    return this.#layout?.compressed ?? false;
  }

  /** Offset of the RDATA's first name. */
  namesAt(bytes: Uint8Array): number {
    let at = this.rdataAt + (this.#layout?.fixed ?? 0);
    for (let i = 0; i < (this.#layout?.strings ?? 0); i++) at += 1 + bytes[at];
    return at;
  }

  #checkRdata(bytes: Uint8Array, base: number): boolean {
    const shape = this.#layout;
    if (shape === undefined) return true;
    let at = this.rdataAt + shape.fixed;
    for (let i = 0; i < shape.strings; i++) {
      if (at >= this.next) return false;
      at += 1 + bytes[at];
    }
    for (let i = 0; i < shape.names; i++) {
      if (at > this.next || !this.target.read(bytes, base, at, this.next)) return false;
      at = this.target.next;
    }
    return shape.tail === undefined ? at <= this.next : at + shape.tail === this.next;
  }

  /** Options are code, length and that many bytes (RFC 6891, section 6.1.2). */
  #checkOptions(bytes: Uint8Array): boolean {
    let at = this.rdataAt;
    while (at < this.next) {
      if (at + 4 > this.next) return false;
      at += 4 + read16(bytes, at + 2);
    }
    return at === this.next;
  }
}
