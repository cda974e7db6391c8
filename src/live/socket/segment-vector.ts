/**
 * Messages of sendmmsg(2) that the kernel cuts into UDP datagrams (UDP_SEGMENT, udp(7)): struct mmsghdr, each with the
 * buffers of its datagrams and with control data.
 */
import { NativeMemory } from '../../foreign/index.js';
import { type PieceVector } from './piece-vector.js';

const WORD = 2 ** 32;
// struct mmsghdr, in 32-bit words; pointers and size_t take two.
const HEADER_BYTES = 64;
const HEADER_WORDS = HEADER_BYTES / 4;
const NAME = 0;
const NAME_LENGTH = 2;
const PIECES = 4;
const PIECE_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const PIECE_BYTES = 16;
// struct cmsghdr (cmsg(3)), in 32-bit words: 8 bytes of length, level, type, then the data.
const CONTROL_BYTES = 48;
const CONTROL_WORDS = CONTROL_BYTES / 4;
const LEVEL = 2;
const TYPE = 3;
const DATA = 4;
const INT_LENGTH = 20;
const SHORT_LENGTH = 18;
/** One control message with its padding. The first is the traffic class, the second the size of datagrams. */
const SPACE = 24;
const SEGMENT = SPACE / 4;
const TRAFFIC_CLASS = { 4: { level: 0, type: 1 }, 6: { level: 41, type: 67 } } as const;
const UDP_SEGMENT = { level: 17, type: 103 } as const;

/** A vector of messages. `count` of them are set, with `pieceCount` buffers. */
export class SegmentVector {
  count = 0;
  pieceCount = 0;
  /** Number of datagrams in each message. */
  readonly packets: Int32Array;
  /** Index of each message's first buffer. */
  readonly firstPiece: Int32Array;
  readonly #headers: NativeMemory;
  readonly #words: Int32Array;
  readonly #controls: NativeMemory;
  readonly #controlWords: Int32Array;

  /**
   * @param family IP version, for the traffic class
   * @param messages most messages, 1 to 1024
   * @param pieces buffers; several vectors may share them
   */
  constructor(
    family: 4 | 6,
    readonly messages: number,
    readonly pieces: PieceVector,
  ) {
    this.packets = new Int32Array(messages);
    this.firstPiece = new Int32Array(messages);
    this.#headers = new NativeMemory(messages * HEADER_BYTES);
    this.#words = wordsOf(this.#headers);
    this.#controls = new NativeMemory(messages * CONTROL_BYTES);
    this.#controlWords = wordsOf(this.#controls);
    const { level, type } = TRAFFIC_CLASS[family];
    for (let i = 0; i < messages; i++) {
      this.#putControl(i * CONTROL_WORDS, INT_LENGTH, level, type);
      this.#putControl(i * CONTROL_WORDS + SEGMENT, SHORT_LENGTH, UDP_SEGMENT.level, UDP_SEGMENT.type);
    }
  }

  /** Whether there is no room for another message. */
  get full(): boolean {
    return this.count === this.messages;
  }

  /** The address of message `i`. */
  addressOf(i: number): number {
    return this.#headers.address + i * HEADER_BYTES;
  }

  clear(): void {
    this.count = 0;
    this.pieceCount = 0;
  }

  /**
   * Adds a message, whose datagrams are in `pieces`.
   * @param packets number of datagrams
   * @param size size of all datagrams but the last in bytes
   * @param firstPiece index of the first buffer
   * @param pieceCount number of buffers
   * @param name address of the destination's socket address
   * @param nameLength its length in bytes
   * @param tos traffic class of the datagrams
   */
  add(
    packets: number,
    size: number,
    firstPiece: number,
    pieceCount: number,
    name: number,
    nameLength: number,
    tos: number,
  ): void {
    const i = this.count++;
    const at = i * HEADER_WORDS;
    const words = this.#words;
    this.packets[i] = packets;
    this.firstPiece[i] = firstPiece;
    this.#put(at + NAME, name);
    words[at + NAME_LENGTH] = nameLength;
    this.#put(at + PIECES, this.pieces.address + firstPiece * PIECE_BYTES);
    words[at + PIECE_COUNT] = pieceCount;
    const control = i * CONTROL_WORDS;
    if (tos !== 0) this.#controlWords[control + DATA] = tos;
    if (packets > 1) this.#controlWords[control + SEGMENT + DATA] = size;
    // Socket calls skip what comes before the first control message in use.
    const from = tos === 0 ? SPACE : 0;
    const to = packets > 1 ? CONTROL_BYTES : SPACE;
    this.#put(at + CONTROL, this.#controls.address + i * CONTROL_BYTES + from);
    words[at + CONTROL_LENGTH] = to - from;
  }

  #putControl(at: number, length: number, level: number, type: number): void {
    this.#controlWords[at] = length;
    this.#controlWords[at + LEVEL] = level;
    this.#controlWords[at + TYPE] = type;
  }

  #put(word: number, address: number): void {
    this.#words[word] = (address % WORD) | 0;
    this.#words[word + 1] = (address / WORD) | 0;
  }
}

function wordsOf({ bytes }: NativeMemory): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
