/** The bytes of a client until its first message is complete. */
import { ClientHello, HelloVerdict, MAX_CLIENT_HELLO_RECORDS } from '../../../mesh/index.js';

/** Bytes that are made room for when the message comes in pieces: most messages are shorter. */
const FIRST_ROOM = 2048;

/** What a client has sent. The usual case, a message in one piece, isn't copied. */
export class HelloBytes {
  readonly #hello = new ClientHello();
  #bytes: Buffer | undefined;
  /** Whether `#bytes` is the owner's, and may be written to behind `#length`. */
  #isOwn = false;
  #length = 0;

  /** Takes more bytes. */
  add(chunk: Buffer): HelloVerdict {
    if (this.#bytes === undefined) {
      this.#bytes = chunk;
      this.#length = chunk.length;
    } else this.#append(chunk);
    const verdict = this.#hello.read(this.bytes);
    return verdict === HelloVerdict.More && this.#length > MAX_CLIENT_HELLO_RECORDS ? HelloVerdict.Bad : verdict;
  }

  /** All bytes so far, of which some may follow the message. */
  get bytes(): Buffer {
    return this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }

  /** Whether nothing came. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The name that the message has, once it is complete; empty if it has none. */
  get serverName(): string {
    return this.#hello.serverName;
  }

  #append(chunk: Buffer): void {
    const before = this.bytes;
    const length = before.length + chunk.length;
    if (!this.#isOwn || this.#bytes === undefined || this.#bytes.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM, 2 * length));
      larger.set(before);
      this.#bytes = larger;
      this.#isOwn = true;
    }
    this.#bytes.set(chunk, before.length);
    this.#length = length;
  }
}
