/**
 * A reassembled datagram in the fragments that it came in. Linux keeps them through conntrack (net/ipv4/ip_output.c,
 * ip_do_fragment's fast path), whatever sizes the MTU would allow.
 */
import type { Reassembler } from '../../fragment/index.js';
import { IPV4_HEADER_LEN, writeIpv4Length } from '../../wire/index.js';

const MORE_FRAGMENTS = 0x20;
const UNIT = 8;
const COPIED_OPTION = 0x80;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

/** Writes the pieces of one datagram after another. */
export class OriginalPieces {
  /** Number of pieces of the datagram; 0 for none. */
  count = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #ends: Int32Array = new Int32Array(0);
  #start = 0;
  #headerLength = 0;
  #emitted = 0;

  /**
   * Begins with a datagram whose headers may have been rewritten since, at their old length.
   * @param mtu largest IP packet that leaves, in bytes
   * @returns false if a piece is larger
   */
  begin(datagram: Reassembler, mtu: number): boolean {
    const { bytes, start, ends, endCount } = datagram;
    const headerLength = (bytes[start] & 0xf) * 4;
    for (let i = 0, from = 0; i < endCount; i++) {
      if (headerLength + ends[i] - from > mtu) return false;
      from = ends[i];
    }
    this.#bytes = bytes;
    this.#ends = ends;
    this.#start = start;
    this.#headerLength = headerLength;
    this.#emitted = 0;
    this.count = endCount;
    return true;
  }

  /** Writes the next piece, from its IP header. Returns its size in bytes, or 0 if there are no more. */
  next(target: Uint8Array, offset: number): number {
    const index = this.#emitted;
    if (index === this.count) return 0;
    this.#emitted++;
    const bytes = this.#bytes;
    const span = this.#headerLength;
    const from = index === 0 ? 0 : this.#ends[index - 1];
    const to = this.#ends[index];
    const payload = this.#start + span;
    target.set(bytes.subarray(this.#start, payload), offset);
    if (index > 0) blankOptions(target, offset + IPV4_HEADER_LEN, offset + span);
    target.set(bytes.subarray(payload + from, payload + to), offset + span);
    const word = from / UNIT;
    target[offset + 6] = (word >>> 8) | (index + 1 < this.count ? MORE_FRAGMENTS : 0);
    target[offset + 7] = word;
    writeIpv4Length(target, offset, span + to - from);
    return span + to - from;
  }
}

/** Replaces the options that only the first fragment carries (RFC 791 section 3.1), at their length. */
function blankOptions(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end && bytes[at] !== END_OF_OPTIONS;) {
    const length = bytes[at] === NO_OPERATION ? 1 : at + 1 < end ? bytes[at + 1] : 0;
    if (length < 1 || at + length > end || (bytes[at] !== NO_OPERATION && length < 2)) return;
    if ((bytes[at] & COPIED_OPTION) === 0) bytes.fill(NO_OPERATION, at, at + length);
    at += length;
  }
}
