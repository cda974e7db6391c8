/**
 * The messages of recvmmsg(2) and sendmmsg(2): struct mmsghdr, each with one struct iovec, laid out once and reused.
 */
import { NativeMemory } from '../../foreign/index.js';
import { LiveError } from '../error.js';
import { PieceVector } from './piece-vector.js';

/** Maximum number of messages per call (UIO_MAXIOV). */
const MAX_MESSAGES = 1024;
const WORD = 2 ** 32;
/** Lengths of struct mmsghdr and struct iovec in bytes. */
const HEADER_BYTES = 64;
const PIECE_BYTES = 16;
const HEADER_WORDS = HEADER_BYTES / 4;
// Offsets in struct mmsghdr, in 32-bit words; pointers and size_t take two.
const NAME = 0;
const NAME_LENGTH = 2;
const PIECES = 4;
const PIECE_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const FLAGS = 12;
const LENGTH = 14;

/** A vector of messages. Addresses are written as two 32-bit halves. */
export class MessageVector {
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;
  readonly #pieces: PieceVector;

  /**
   * @param count number of messages, 1 to 1024
   * @throws LiveError `SYSTEM_CALL` for another number
   */
  constructor(readonly count: number) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_MESSAGES) {
      throw new LiveError('SYSTEM_CALL', `a system call takes 1 to ${MAX_MESSAGES} messages, not ${count}`);
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

  /** Sets the buffer of a message. */
  setPiece(i: number, address: number, length: number): void {
    this.#pieces.set(i, address, length);
  }

  /** Sets the socket address buffer of a message. */
  setName(i: number, address: number, length: number): void {
    const at = i * HEADER_WORDS;
    this.#put(at + NAME, address);
    this.#words[at + NAME_LENGTH] = length;
  }

  /** Sets the control data buffer of a message. */
  setControl(i: number, address: number, length: number): void {
    const at = i * HEADER_WORDS;
    this.#put(at + CONTROL, address);
    this.#words[at + CONTROL_LENGTH] = length;
  }

  /** Length of a message's control data in bytes. */
  controlLength(i: number): number {
    return this.#words[i * HEADER_WORDS + CONTROL_LENGTH];
  }

  /** Flags of a received message: MSG_TRUNC and others. */
  flags(i: number): number {
    return this.#words[i * HEADER_WORDS + FLAGS];
  }

  /** Length of a received or sent message in bytes. */
  length(i: number): number {
    return this.#words[i * HEADER_WORDS + LENGTH];
  }

  #put(word: number, address: number): void {
    this.#words[word] = (address % WORD) | 0;
    this.#words[word + 1] = (address / WORD) | 0;
  }
}
