/**
 * LZW as Go's compress/lzw has it with LSB order and 8-bit literals: the variant of GIF with codes of 9 to 12 bits, a
 * clear code (256) at the start and whenever the table is full, and an end code (257).
 */
import type { GossipFault } from './fault.js';

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;
const NONE = -1;
/** Entries of the encoder's hash table, a power of two above four times the number of codes, as in Go. */
const TABLE_SIZE = 4 << MAX_WIDTH;
const TABLE_MASK = TABLE_SIZE - 1;

/** Of the encoder: a code's prefix and literal in the upper 20 bits, the code in the lower 12; 0 is free. */
const table = new Uint32Array(TABLE_SIZE);
/** Of the encoder: the slots in use, since short inputs use few. */
const used = new Uint16Array(MAX_CODE + 1);
/** Of the decoder: the last byte of a code's text, and the code of the text before it. */
const suffix = new Uint8Array(MAX_CODE + 1);
const prefix = new Uint16Array(MAX_CODE + 1);
/** Of the decoder: the text of one code, from its end. */
const text = new Uint8Array(MAX_CODE + 1);

class BitWriter {
  bytes: Uint8Array;
  length = 0;
  width = FIRST_WIDTH;
  #bits = 0;
  #count = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  write(code: number): void {
    this.#bits |= code << this.#count;
    this.#count += this.width;
    while (this.#count >= 8) {
      this.#byte(this.#bits);
      this.#bits >>>= 8;
      this.#count -= 8;
    }
  }

  finish(): Uint8Array {
    if (this.#count > 0) this.#byte(this.#bits);
    return this.bytes.subarray(0, this.length);
  }

  #byte(value: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = value;
  }
}

/** Compresses bytes, to the same bytes as Go's encoder. */
export function compressLzw(bytes: Uint8Array): Uint8Array {
  const output = new BitWriter(bytes.length + (bytes.length >>> 1) + 16);
  output.write(CLEAR);
  if (bytes.length === 0) {
    output.write(END);
    return output.finish();
  }
  let slots = 0;
  let last = END;
  let overflow = 1 << FIRST_WIDTH;
  const clear = (): void => {
    for (let i = 0; i < slots; i++) table[used[i]] = 0;
    slots = 0;
  };
  /** Counts a new code. Returns whether the table was full, and therefore cleared. */
  const grow = (): boolean => {
    last++;
    if (last === overflow) {
      output.width++;
      overflow <<= 1;
    }
    if (last < MAX_CODE) return false;
    output.write(CLEAR);
    output.width = FIRST_WIDTH;
    last = END;
    overflow = 1 << FIRST_WIDTH;
    clear();
    return true;
  };
  let code = bytes[0];
  for (let i = 1; i < bytes.length; i++) {
    const key = (code << 8) | bytes[i];
    let slot = ((key >>> 12) ^ key) & TABLE_MASK;
    while (table[slot] !== 0 && table[slot] >>> 12 !== key) slot = (slot + 1) & TABLE_MASK;
    if (table[slot] !== 0) {
      code = table[slot] & MAX_CODE;
      continue;
    }
    output.write(code);
    code = bytes[i];
    if (grow()) continue;
    table[slot] = (key << 12) | last;
    used[slots++] = slot;
  }
  output.write(code);
  grow();
  output.write(END);
  clear();
  return output.finish();
}

/**
 * Decompresses bytes. As in Go, what follows the end code is ignored.
 * @param limit maximum length of the result in bytes
 * @returns the result, or `truncated` without an end code, `bad-lzw`, `too-large`
 */
export function decompressLzw(bytes: Uint8Array, limit: number): Uint8Array | GossipFault {
  let output = new Uint8Array(Math.min(limit, Math.max(256, 3 * bytes.length)));
  let length = 0;
  let width = FIRST_WIDTH;
  let overflow = 1 << FIRST_WIDTH;
  let highest = END;
  let last = NONE;
  let bits = 0;
  let count = 0;
  let at = 0;
  for (;;) {
    while (count < width) {
      if (at === bytes.length) return 'truncated';
      bits |= bytes[at++] << count;
      count += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    count -= width;
    if (code === CLEAR) {
      width = FIRST_WIDTH;
      overflow = 1 << FIRST_WIDTH;
      highest = END;
      last = NONE;
      continue;
    }
    if (code === END) return output.subarray(0, length);
    if (code > highest) return 'bad-lzw';
    // Built from its end. A code that is only now being defined is the last one's text and that text's first byte.
    let from = MAX_CODE + 1;
    let rest = code;
    if (code === highest && last !== NONE) {
      let first = last;
      while (first >= CLEAR) first = prefix[first];
      text[--from] = first;
      rest = last;
    }
    while (rest >= CLEAR) {
      text[--from] = suffix[rest];
      rest = prefix[rest];
    }
    text[--from] = rest;
    const size = MAX_CODE + 1 - from;
    if (length + size > limit) return 'too-large';
    if (length + size > output.length) {
      const larger = new Uint8Array(Math.min(limit, 2 * (length + size)));
      larger.set(output.subarray(0, length));
      output = larger;
    }
    if (size === 1) output[length] = rest;
    else output.set(text.subarray(from), length);
    length += size;
    if (last !== NONE) {
      suffix[highest] = rest;
      prefix[highest] = last;
    }
    last = code;
    highest++;
    if (highest < overflow) continue;
    if (width === MAX_WIDTH) {
      // The table is full: nothing is added until the encoder clears it.
      last = NONE;
      highest--;
    } else {
      width++;
      overflow <<= 1;
    }
  }
}
