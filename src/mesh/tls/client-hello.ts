/**
 * The first message of a TLS client (RFC 8446 section 4.1.2; RFC 6066 section 3), read only as far as the name of the server
 * that it wants. It may be in several records, and come in pieces.
 */

/** Maximum number of bytes of the message: post-quantum key shares make some of 2 KiB. */
export const MAX_CLIENT_HELLO = 16_384;
/** Maximum number of bytes of the message with the headers of its records, of which a client may make many. */
export const MAX_CLIENT_HELLO_RECORDS = 32_768;

/** What is known of a client's first message. */
export const HelloVerdict = {
  /** It isn't complete. */
  More: 0,
  /** It is: `serverName` is set, or empty if it has none. */
  Complete: 1,
  /** It isn't TLS, or malformed. */
  Bad: 2,
} as const;
export type HelloVerdict = (typeof HelloVerdict)[keyof typeof HelloVerdict];

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const MAX_RECORD = 16_384;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const VERSION_AND_RANDOM = 34;
const MAX_SESSION_ID = 32;
const NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

/** The first message of one client. */
export class ClientHello {
  /**
   * The server's name in lower case, without a dot at its end; empty if the client named none. With Encrypted Client Hello,
   * it is that of the outer message, which is in clear text: the name of the provider, not that of the site.
   */
  serverName = '';
  /** What the complete records so far have of the message, if there is more than one record. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Where the message ends, once its header is there; 0 before. */
  #end = 0;
  /** Where the next record begins. */
  #at = 0;

  /**
   * Reads what came so far. Each record is read once, in whatever pieces it comes.
   * @param bytes all bytes from the first on, those of earlier calls too
   */
  read(bytes: Uint8Array): HelloVerdict {
    for (;;) {
      const at = this.#at;
      // SSL 3.0 to TLS 1.3 all have 3 as the first byte of the version.
      const isHandshake =
        at >= bytes.length || (bytes[at] === HANDSHAKE && (at + 1 >= bytes.length || bytes[at + 1] === 3));
      if (!isHandshake || at > MAX_CLIENT_HELLO_RECORDS) return HelloVerdict.Bad;
      if (at + RECORD_HEADER > bytes.length) return HelloVerdict.More;
      const size = (bytes[at + 3] << 8) | bytes[at + 4];
      if (size === 0 || size > MAX_RECORD) return HelloVerdict.Bad;
      const start = at + RECORD_HEADER;
      const piece = bytes.subarray(start, start + size);
      const verdict = this.#readMessage(piece);
      if (verdict !== HelloVerdict.More || piece.length < size) return verdict;
      // The caller may move the bytes to another buffer before the next call.
      this.#pieces.push(piece.slice());
      this.#length += size;
      this.#at = start + size;
    }
  }

  /** @param last what is there of the record behind the pieces */
  #readMessage(last: Uint8Array): HelloVerdict {
    if (this.#end === 0) {
      const header = this.#header(last);
      if (header.length > 0 && header[0] !== CLIENT_HELLO) return HelloVerdict.Bad;
      if (header.length < MESSAGE_HEADER) return HelloVerdict.More;
      const length = (header[1] << 16) | (header[2] << 8) | header[3];
      if (length > MAX_CLIENT_HELLO) return HelloVerdict.Bad;
      this.#end = MESSAGE_HEADER + length;
    }
    const end = this.#end;
    if (this.#length + last.length < end) return HelloVerdict.More;
    const message = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    const name = serverNameOf(new Reader(message.subarray(MESSAGE_HEADER, end)));
    if (name === undefined) return HelloVerdict.Bad;
    this.serverName = name;
    return HelloVerdict.Complete;
  }

  /** The header of the message, as far as it is there. */
  #header(last: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return last.subarray(0, MESSAGE_HEADER);
    const first = this.#pieces[0];
    if (first.length >= MESSAGE_HEADER) return first.subarray(0, MESSAGE_HEADER);
    return Buffer.concat([...this.#pieces.slice(0, MESSAGE_HEADER), last.subarray(0, MESSAGE_HEADER)]).subarray(
      0,
      MESSAGE_HEADER,
    );
  }
}

/** The name, empty if there is none; undefined if the message is malformed. */
function serverNameOf(hello: Reader): string | undefined {
  hello.skip(VERSION_AND_RANDOM);
  const session = hello.vector(1);
  const ciphers = hello.vector(2);
  const compressions = hello.vector(1);
  if (session === undefined || session.left > MAX_SESSION_ID || ciphers === undefined || compressions === undefined) {
    return undefined;
  }
  if (hello.isBad) return undefined;
  // Clients of TLS 1.2 and before may leave out the extensions.
  if (hello.left === 0) return '';
  const extensions = hello.vector(2);
  if (extensions === undefined || hello.left > 0) return undefined;
  let found = '';
  let hasName = false;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (content === undefined) return undefined;
    if (type !== SERVER_NAME) continue;
    const name = hasName ? undefined : nameIn(content);
    if (name === undefined) return undefined;
    found = name;
    hasName = true;
  }
  return extensions.isBad ? undefined : found;
}

/** The host name of an extension. */
function nameIn(extension: Reader): string | undefined {
  const list = extension.vector(2);
  if (list === undefined || extension.left > 0) return undefined;
  const type = list.number(1);
  const name = list.vector(2);
  // Other types were never defined, and of one type there is one name.
  if (name === undefined || type !== HOST_NAME || list.left > 0) return undefined;
  const text = name.text().toLowerCase().replace(/\.$/, '');
  return NAME.test(text) ? text : undefined;
}

/** Reads numbers and vectors (RFC 8446 section 3.4). */
class Reader {
  /** Whether something was cut. */
  isBad = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(length: number): void {
    if (length > this.left) this.isBad = true;
    this.#at += Math.min(length, this.left);
  }

  /** A number of so many bytes. */
  number(length: number): number {
    if (length > this.left) {
      this.isBad = true;
      this.#at = this.#bytes.length;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < length; i++) value = (value << 8) | this.#bytes[this.#at++];
    return value;
  }

  /** What follows a length of so many bytes; undefined if it is cut. */
  vector(lengthBytes: number): Reader | undefined {
    const length = this.number(lengthBytes);
    if (this.isBad || length > this.left) {
      this.isBad = true;
      return undefined;
    }
    const found = new Reader(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return found;
  }

  text(): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, this.left).toString('latin1');
  }
}
