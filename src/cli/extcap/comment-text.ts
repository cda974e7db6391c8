/** Composes a packet's comment in a buffer that is reused: nothing is allocated per packet. */
import type { PacketComment } from '../../capture/index.js';

const ASCII_LIMIT = 0x80;
const CAPACITY = 2048;
const ZERO = 0x30;
const HEX_DIGITS = '0123456789abcdef';
const HEX_LENGTH = 8;
const LARGEST_POWER = 1e9;
const encoder = new TextEncoder();

/** The text. What doesn't fit into 2,048 bytes is left out. */
export class CommentText implements PacketComment {
  readonly bytes = new Uint8Array(CAPACITY);
  length = 0;

  /** Starts a new text. */
  clear(): this {
    this.length = 0;
    return this;
  }

  /** Appends a text. */
  text(text: string): this {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= ASCII_LIMIT) return this.#encoded(text.slice(i));
      this.#put(code);
    }
    return this;
  }

  /** Appends an integer from 0 to 2^32 - 1. */
  integer(value: number): this {
    let power = 1;
    while (power < LARGEST_POWER && value >= power * 10) power *= 10;
    for (; power >= 1; power = Math.floor(power / 10)) this.#put(ZERO + (Math.floor(value / power) % 10));
    return this;
  }

  /** Appends a 32-bit value as `0x` and eight digits. */
  hex(value: number): this {
    this.text('0x');
    for (let i = HEX_LENGTH - 1; i >= 0; i--) this.#put(HEX_DIGITS.charCodeAt((value >>> (4 * i)) & 0xf));
    return this;
  }

  #put(code: number): void {
    if (this.length < CAPACITY) this.bytes[this.length++] = code;
  }

  /** For names, of which a comment has at most one or two. */
  #encoded(text: string): this {
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
    return this;
  }
}
