/**
 * The messages of recvmmsg(2) and sendmmsg(2): struct mmsghdr, each with one piece of memory (struct iovec), laid out once
 * and used over and over.
 */
import { NativeMemory } from '../foreign/index.js';
import { LiveError } from './error.js';
import { PieceVector } from './piece-vector.js';

/** Messages of a call at the most (UIO_MAXIOV). */
const MAX_MESSAGES = 1024;
const WORD = 2 ** 32;
/** Bytes of a struct mmsghdr, and of a struct iovec. */
const HEADER_BYTES = 64;
const PIECE_BYTES = 16;
const HEADER_WORDS = HEADER_BYTES / 4;
// Words of a struct mmsghdr; each pointer and each size_t takes two.
const NAME = 0;
const NAME_LENGTH = 2;
const PIECES = 4;
const PIECE_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const FLAGS = 12;
const LENGTH = 14;

/** Messages. Addresses are halves of 64-bit numbers that every address of a process fits. */
export class MessageVector {
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;
  readonly #pieces: PieceVector;

  /**
   * @param count messages, 1 to 1024
   * @throws LiveError `SYSTEM_CALL` for another number
   */
  constructor(readonly count: number) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_MESSAGES) {
      throw new LiveError('SYSTEM_CALL', `a call takes from 1 to ${MAX_MESSAGES} messages, not ${count}`);
    }
    this.#memory = new NativeMemory(count * HEADER_BYTES);
    this.#pieces = new PieceVector(count);
    const { bytes } = this.#memory;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let i = 0; i < count; i++) {
      this.#put(i * HEADER_WORDS + PIECES, this.#pieces.address + i * PIECE_BYTES);
      this.#words[i * HEADER_WORDS + PIECE_COUNT] = 1;
    }
  }

  /** The address of message `i`. */
  addressOf(i: number): number {
    return this.#memory.address + i * HEADER_BYTES;
  }

  /** Says where a message's bytes stand, or go. */
  setPiece(i: number, address: number, length: number): void {
    this.#pieces.set(i, address, length);
  }

  /** Says where a message's address stands, or goes. */
  setName(i: number, address: number, length: number): void {
    const at = i * HEADER_WORDS;
    this.#put(at + NAME, address);
    this.#words[at + NAME_LENGTH] = length;
  }

  /** Says where what the kernel tells about a message goes. */
  setControl(i: number, address: number, length: number): void {
    const at = i * HEADER_WORDS;
    this.#put(at + CONTROL, address);
    this.#words[at + CONTROL_LENGTH] = length;
  }

  /** Bytes that the kernel told about a message. */
  controlLength(i: number): number {
    return this.#words[i * HEADER_WORDS + CONTROL_LENGTH];
  }

  /** Flags of a message that was received: MSG_TRUNC and others. */
  flags(i: number): number {
    return this.#words[i * HEADER_WORDS + FLAGS];
  }

  /** Bytes of a message that was received or sent. */
  length(i: number): number {
    return this.#words[i * HEADER_WORDS + LENGTH];
  }

  #put(word: number, address: number): void {
    this.#words[word] = (address % WORD) | 0;
    this.#words[word + 1] = (address / WORD) | 0;
  }
}
