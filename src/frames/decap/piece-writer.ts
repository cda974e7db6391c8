/** Collects the records of a piece. */
import { WordCopy } from '../../memory/internal.js';
import type { FrameTaker } from './frame-taker.js';
import { RECORD_HEADER, RecordField, RecordKind, type VniTable } from './decap-piece.js';

const FIRST_BYTES = 1 << 16;

/** A buffer of records. */
export class PieceWriter implements FrameTaker {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #copy = new WordCopy(this.#bytes);
  #size = 0;

  /** Bytes of the records so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds a frame. */
  take(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    length: number,
    vni: number,
    flags: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    const at = this.#add(RecordKind.Frame, flags, vni, captured, length);
    this.#time(at, seconds, nanoseconds, 0);
    this.#copy.copy(bytes, offset, offset + captured, at + RECORD_HEADER);
  }

  /**
   * Adds a packet that is held back.
   * @param flags `FrameFlag.Timeless`, or 0
   * @param esp how many ESP packets of the piece came before it
   */
  hold(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    length: number,
    linkType: number,
    flags: number,
    seconds: number,
    nanoseconds: number,
    esp: number,
  ): void {
    const at = this.#add(RecordKind.Held, flags, linkType, captured, length);
    this.#time(at, seconds, nanoseconds, esp);
    this.#copy.copy(bytes, offset, offset + captured, at + RECORD_HEADER);
  }

  /** Adds that a VNI is in a table from now on. */
  list(table: (typeof VniTable)[keyof typeof VniTable], vni: number, port = 0): void {
    this.#time(this.#add(RecordKind.Vni, table, vni, 0, port), 0, 0, 0);
  }

  /** The records, which are then no longer here. */
  drain(): Uint8Array {
    const records = this.#bytes.slice(0, this.#size);
    this.#size = 0;
    return records;
  }

  #add(kind: number, flags: number, tag: number, captured: number, length: number): number {
    const at = this.#size;
    const end = at + RECORD_HEADER + captured;
    if (end > this.#bytes.length) this.#grow(end);
    this.#size = end;
    const view = this.#view;
    view.setUint8(at + RecordField.Kind, kind);
    view.setUint8(at + RecordField.Flags, flags);
    view.setUint16(at + 2, 0, true);
    view.setInt32(at + RecordField.Tag, tag, true);
    view.setInt32(at + RecordField.Captured, captured, true);
    view.setInt32(at + RecordField.Length, length, true);
    return at;
  }

  #time(at: number, seconds: number, nanoseconds: number, esp: number): void {
    const view = this.#view;
    view.setFloat64(at + RecordField.Seconds, seconds, true);
    view.setInt32(at + RecordField.Nanoseconds, nanoseconds, true);
    view.setInt32(at + RecordField.Esp, esp, true);
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
    this.#copy = new WordCopy(grown);
  }
}
