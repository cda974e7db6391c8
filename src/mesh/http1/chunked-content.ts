/** Content in chunks (RFC 9112 section 7.1), read as it passes: where it ends, and whether others would agree. */
import { COLON, CR, HEX_VALUE, IN_VALUE, LF, LOWER_TOKEN } from './characters.js';

/** Most hexadecimal digits of a chunk's size: 2^52 is still counted exactly. */
const MAX_DIGITS = 13;
/** Maximum number of bytes of all extensions of a message: they are for the next hop, and no one uses them. */
const MAX_EXTENSIONS = 4096;
/** Maximum number of bytes of trailers. */
const MAX_TRAILERS = 8192;
const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;
const SIXTEEN = 16;

const State = {
  Size: 0,
  Extension: 1,
  SizeEnd: 2,
  Data: 3,
  DataCr: 4,
  DataLf: 5,
  LineStart: 6,
  Name: 7,
  Value: 8,
  LineEnd: 9,
  LastLf: 10,
  Done: 11,
  Bad: 12,
} as const;
type State = (typeof State)[keyof typeof State];

/** Parts of an extension. */
const Part = { NameStart: 0, Name: 1, ValueStart: 2, Value: 3, Quoted: 4, Escaped: 5, QuotedEnd: 6 } as const;
type Part = (typeof Part)[keyof typeof Part];

/** The chunks of one message at a time. */
export class ChunkedContent {
  /** Data of the chunk that the last call of `read` came across; empty if it came across none. */
  dataStart = 0;
  dataEnd = 0;
  #state: State = State.Size;
  #left = 0;
  #digits = 0;
  #part: Part = Part.NameStart;
  #extensions = 0;
  #trailers = 0;

  /** Starts with the content of another message. */
  begin(): void {
    this.#state = State.Size;
    this.#left = 0;
    this.#digits = 0;
    this.#extensions = 0;
    this.#trailers = 0;
  }

  /** Whether the content has ended. */
  get isDone(): boolean {
    return this.#state === State.Done;
  }

  /** Whether something was no chunk. Nothing more may be passed on. */
  get isBad(): boolean {
    return this.#state === State.Bad;
  }

  /**
   * Reads up to the end of data, of the content, or of the bytes.
   * @returns how far it came
   */
  read(bytes: Uint8Array, at: number, end: number): number {
    let next = at;
    this.dataStart = at;
    this.dataEnd = at;
    while (next < end && this.#state < State.Done) {
      if (this.#state === State.Data) {
        const taken = Math.min(this.#left, end - next);
        this.dataStart = next;
        this.dataEnd = next + taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = State.DataCr;
        return next + taken;
      }
      this.#state = this.#after(bytes[next++]);
    }
    return next;
  }

  /** The state after a byte that isn't data. */
  #after(byte: number): State {
    switch (this.#state) {
      case State.Size:
        return this.#size(byte);
      case State.Extension:
        return this.#extension(byte);
      case State.SizeEnd:
        if (byte !== LF) return State.Bad;
        this.#digits = 0;
        return this.#left > 0 ? State.Data : State.LineStart;
      case State.DataCr:
        return byte === CR ? State.DataLf : State.Bad;
      case State.DataLf:
        return byte === LF ? State.Size : State.Bad;
      case State.LastLf:
        return byte === LF ? State.Done : State.Bad;
      default:
        return this.#trailer(byte);
    }
  }

  #size(byte: number): State {
    const value = HEX_VALUE[byte];
    if (value < SIXTEEN) {
      this.#left = this.#left * SIXTEEN + value;
      return ++this.#digits <= MAX_DIGITS ? State.Size : State.Bad;
    }
    if (this.#digits === 0) return State.Bad;
    if (byte === CR) return State.SizeEnd;
    if (byte !== SEMICOLON) return State.Bad;
    this.#part = Part.NameStart;
    return State.Extension;
  }

  /** `;name`, `;name=token` or `;name="text"`: spaces that some senders put there (section 7.1.1) are refused. */
  #extension(byte: number): State {
    if (++this.#extensions > MAX_EXTENSIONS) return State.Bad;
    const part = this.#part;
    if (part === Part.Quoted || part === Part.Escaped) {
      if (IN_VALUE[byte] === 0) return State.Bad;
      if (part === Part.Escaped) this.#part = Part.Quoted;
      else if (byte === QUOTE) this.#part = Part.QuotedEnd;
      else if (byte === BACKSLASH) this.#part = Part.Escaped;
      return State.Extension;
    }
    const isStart = part === Part.NameStart || part === Part.ValueStart;
    if (LOWER_TOKEN[byte] !== 0 && part !== Part.QuotedEnd) {
      if (isStart) this.#part = part === Part.NameStart ? Part.Name : Part.Value;
      return State.Extension;
    }
    if (part === Part.ValueStart && byte === QUOTE) this.#part = Part.Quoted;
    else if (isStart) return State.Bad;
    else if (byte === CR) return State.SizeEnd;
    else if (byte === SEMICOLON) this.#part = Part.NameStart;
    else if (byte === EQUALS && part === Part.Name) this.#part = Part.ValueStart;
    else return State.Bad;
    return State.Extension;
  }

  #trailer(byte: number): State {
    if (++this.#trailers > MAX_TRAILERS) return State.Bad;
    switch (this.#state) {
      case State.LineStart:
        if (byte === CR) return State.LastLf;
        return LOWER_TOKEN[byte] === 0 ? State.Bad : State.Name;
      case State.Name:
        if (byte === COLON) return State.Value;
        return LOWER_TOKEN[byte] === 0 ? State.Bad : State.Name;
      case State.Value:
        if (byte === CR) return State.LineEnd;
        return IN_VALUE[byte] === 1 ? State.Value : State.Bad;
      default:
        return byte === LF ? State.LineStart : State.Bad;
    }
  }
}
