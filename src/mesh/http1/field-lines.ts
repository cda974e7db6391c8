/** The fields of a head, read in place (RFC 9112 section 5): where each one's name and value are. */
import { COLON, CR, IN_VALUE, LF, LOWER_TOKEN, SPACE, TAB } from './characters.js';
import { Field, fieldOf, nextHash } from './field-name.js';
import { isDropped } from './hop-by-hop.js';
import { HeadFault } from './head-fault.js';

/** Maximum number of fields of a head. */
export const MAX_FIELDS = 128;

/** Fields of one head at a time. Offsets are into the bytes that were read. */
export class FieldLines {
  count = 0;
  readonly field = new Uint8Array(MAX_FIELDS);
  readonly nameStart = new Int32Array(MAX_FIELDS);
  readonly nameEnd = new Int32Array(MAX_FIELDS);
  readonly valueStart = new Int32Array(MAX_FIELDS);
  readonly valueEnd = new Int32Array(MAX_FIELDS);
  /** Bit `1 << field` for each field that is there. */
  present = 0;
  /** Bit `1 << field` for each field that is there more than once. */
  repeated = 0;
  /** Where the last line ends. */
  #end = 0;

  /**
   * Reads the lines up to the empty one.
   * @param at where the first line begins
   * @param end where the empty line begins: `bytes` has CR and LF there
   */
  read(bytes: Uint8Array, at: number, end: number): HeadFault {
    this.count = 0;
    this.present = 0;
    this.repeated = 0;
    this.#end = end;
    let next = at;
    while (next < end) {
      if (this.count === MAX_FIELDS) return HeadFault.ManyFields;
      const start = next;
      let hash = 0;
      let byte = bytes[next];
      if (byte === SPACE || byte === TAB) return HeadFault.FoldedField;
      for (let lower = LOWER_TOKEN[byte]; lower !== 0; lower = LOWER_TOKEN[(byte = bytes[++next])]) {
        hash = nextHash(hash, lower);
      }
      if (byte !== COLON || next === start) {
        return byte === LF || byte === CR ? HeadFault.BadLineEnd : HeadFault.BadFieldName;
      }
      const nameEnd = next++;
      while (bytes[next] === SPACE || bytes[next] === TAB) next++;
      const valueStart = next;
      while (IN_VALUE[bytes[next]] === 1) next++;
      if (bytes[next] !== CR) return bytes[next] === LF ? HeadFault.BadLineEnd : HeadFault.BadFieldValue;
      if (bytes[next + 1] !== LF) return HeadFault.BadLineEnd;
      let valueEnd = next;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
      next += 2;
      this.#add(fieldOf(bytes, start, nameEnd, hash), start, nameEnd, valueStart, valueEnd);
    }
    return HeadFault.None;
  }

  /** Whether there is such a field. */
  has(field: Field): boolean {
    return (this.present & (1 << field)) !== 0;
  }

  /** Whether there is more than one. */
  repeats(field: Field): boolean {
    return (this.repeated & (1 << field)) !== 0;
  }

  /** The index of the first such field, or -1. */
  indexOf(field: Field): number {
    if (!this.has(field)) return -1;
    let index = 0;
    while (this.field[index] !== field) index++;
    return index;
  }

  /**
   * The lines that go on to the next hop.
   * @param bytes what they were read from
   * @param dropped bits of fields that don't go on
   * @param named names of others that don't, in lower case
   */
  textWithout(bytes: Buffer, dropped: number, named: readonly string[]): string {
    let text = '';
    // Lines that stay beside each other are copied as one piece.
    let from = -1;
    for (let i = 0; i < this.count; i++) {
      const field = this.field[i];
      const isOut =
        (field !== Field.Other && isDropped(1 << field, dropped)) ||
        (named.length > 0 && this.#isNamed(bytes, i, named));
      if (isOut && from >= 0) {
        text += bytes.toString('latin1', from, this.nameStart[i]);
        from = -1;
      } else if (!isOut && from < 0) from = this.nameStart[i];
    }
    if (from >= 0) text += bytes.toString('latin1', from, this.#end);
    return text;
  }

  #isNamed(bytes: Buffer, index: number, named: readonly string[]): boolean {
    return named.includes(bytes.toString('latin1', this.nameStart[index], this.nameEnd[index]).toLowerCase());
  }

  #add(field: Field, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const index = this.count++;
    this.field[index] = field;
    this.nameStart[index] = nameStart;
    this.nameEnd[index] = nameEnd;
    this.valueStart[index] = valueStart;
    this.valueEnd[index] = valueEnd;
    if (field === Field.Other) return;
    const bit = 1 << field;
    if ((this.present & bit) !== 0) this.repeated |= bit;
    this.present |= bit;
  }
}
