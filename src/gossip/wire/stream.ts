/**
 * memberlist's TCP streams: one message in each direction. From the outside in: label (from the side that dials),
 * encryption, compression, message.
 */
import { ByteWriter } from '../../memory/internal.js';
import { isFault, type GossipFault } from './fault.js';
import {
  compressMessage,
  decompressMessage,
  LABEL_HEADER_BYTES,
  labelBytes,
  labelHeader,
  sameLabel,
} from './framing.js';
import { EncryptionVersion, encryptedLength, type GossipKeyring } from './keyring.js';
import { MAX_PUSH_PULL_ENTRIES, MAX_STREAM_BYTES } from './limits.js';
import { decodeMember, encodeMember } from './member-codec.js';
import { type MemberMessage, MessageType } from './messages.js';
import { MsgpackReader } from './msgpack.js';

/** Type and length of an encrypted message. */
const FRAME_HEADER_BYTES = 5;
/** Shortest encrypted message: version, nonce and tag. */
const MIN_FRAME = 29;
/** Longest struct of a stream in clear text, apart from a compressed message in it. */
const MAX_STRUCT_BYTES = 8192;

/** How a message of a stream is written. */
export interface StreamOptions {
  /**
   * Whether to compress it. memberlist does even if that makes it longer.
   * @default true
   */
  readonly compress?: boolean;
  /**
   * Label of the cluster; swarms have none.
   * @default ''
   */
  readonly label?: string;
  /**
   * Whether this side opened the connection: it sends the label.
   * @default true
   */
  readonly dialled?: boolean;
  /** @default EncryptionVersion.Plain */
  readonly encryption?: EncryptionVersion;
}

/**
 * Encodes one side of a stream, to the same bytes as memberlist.
 * @param keys undefined for clear text
 * @throws VtepError `BAD_GOSSIP` for a value that doesn't fit
 */
export function encodeStream(
  message: MemberMessage,
  keys: GossipKeyring | undefined,
  { compress = true, label = '', dialled = true, encryption = EncryptionVersion.Plain }: StreamOptions = {},
): Uint8Array {
  let plain = encodeMember(message, true);
  if (compress) plain = compressMessage(plain);
  const name = labelBytes(label);
  const out = new ByteWriter(plain.length + 64);
  if (dialled) out.bytes(labelHeader(name));
  if (keys === undefined) {
    out.bytes(plain);
    return out.finish();
  }
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  header[0] = MessageType.Encrypt;
  new DataView(header.buffer).setUint32(1, encryptedLength(encryption, plain.length));
  out.bytes(header);
  out.bytes(keys.seal(plain, aadOf(header, name), encryption));
  return out.finish();
}

function aadOf(header: Uint8Array, label: Uint8Array): Uint8Array {
  const aad = new Uint8Array(header.length + label.length);
  aad.set(header);
  aad.set(label, header.length);
  return aad;
}

/** How a stream is read. */
export interface ReadStreamOptions {
  /**
   * Label of the cluster.
   * @default ''
   */
  readonly label?: string;
  /**
   * Whether the other side may send any label.
   * @default false
   */
  readonly anyLabel?: boolean;
  /**
   * Whether the other side opened the connection, and sends the label.
   * @default true
   */
  readonly accepted?: boolean;
}

/**
 * Decodes one side of a stream as its bytes arrive, in bounded memory: 20 MiB of what is received, and as much again
 * when it is decompressed.
 * @example
 * import { createServer } from 'node:net';
 * import { StreamDecoder } from 'vtep/gossip';
 *
 * createServer((socket) => {
 *   const decoder = new StreamDecoder(undefined);
 *   socket.on('data', (chunk) => {
 *     const message = decoder.push(chunk);
 *     if (message !== undefined) socket.end(() => console.log(message));
 *   });
 * }).listen(7946);
 */
export class StreamDecoder {
  readonly #keys: GossipKeyring | undefined;
  readonly #anyLabel: boolean;
  readonly #expected: Uint8Array;
  #awaitsLabel: boolean;
  #label: Uint8Array;
  #bytes = new Uint8Array(1024);
  #length = 0;
  #result: MemberMessage | GossipFault | undefined;
  /** In clear text: end of what was measured, 0 at the start; structs and bytes that follow. */
  #measured = 0;
  #structs = 0;
  #tail = 0;
  /** Tag of the key that decrypted the message; undefined before that, and in clear text. */
  keyTag: number | undefined;
  /** Whether the message was compressed. */
  compressed = false;

  /** @param keys undefined for clear text */
  constructor(
    keys: GossipKeyring | undefined,
    { label = '', anyLabel = false, accepted = true }: ReadStreamOptions = {},
  ) {
    this.#keys = keys;
    this.#anyLabel = anyLabel;
    this.#expected = labelBytes(label);
    this.#awaitsLabel = accepted;
    this.#label = accepted ? new Uint8Array(0) : this.#expected;
  }

  /**
   * Adds bytes as they arrive.
   * @returns the message once it is complete, or why it is invalid, again after that; undefined if more bytes are needed
   */
  push(chunk: Uint8Array): MemberMessage | GossipFault | undefined {
    if (this.#result !== undefined) return this.#result;
    this.#append(chunk);
    this.#result = this.#decode();
    if (this.#result !== undefined) this.#bytes = new Uint8Array(0);
    return this.#result;
  }

  /** Reports the end of the stream: without a complete message, `truncated`. */
  end(): MemberMessage | GossipFault {
    this.#result ??= 'truncated';
    return this.#result;
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  #decode(): MemberMessage | GossipFault | undefined {
    const fault = this.#awaitsLabel ? this.#readLabel() : undefined;
    if (fault !== undefined) return fault;
    if (this.#awaitsLabel || this.#length === 0) return undefined;
    if (this.#bytes[0] === MessageType.Encrypt) return this.#decodeEncrypted();
    if (this.#keys !== undefined) return 'not-encrypted';
    const end = this.#measure();
    if (typeof end === 'string' || end === undefined) return end;
    return this.#decodePlain(this.#bytes.subarray(0, end));
  }

  /** Removes the label, once it is complete. */
  #readLabel(): GossipFault | undefined {
    if (this.#length === 0) return undefined;
    if (this.#bytes[0] === MessageType.Label) {
      const end = LABEL_HEADER_BYTES + (this.#length < LABEL_HEADER_BYTES ? 1 : this.#bytes[1]);
      if (end === LABEL_HEADER_BYTES) return 'bad-label';
      if (this.#length < end) return undefined;
      this.#label = this.#bytes.slice(LABEL_HEADER_BYTES, end);
      this.#bytes.copyWithin(0, end, this.#length);
      this.#length -= end;
    }
    this.#awaitsLabel = false;
    return this.#anyLabel || sameLabel(this.#label, this.#expected) ? undefined : 'bad-label';
  }

  #decodeEncrypted(): MemberMessage | GossipFault | undefined {
    if (this.#length < FRAME_HEADER_BYTES) return undefined;
    const size = new DataView(this.#bytes.buffer).getUint32(1);
    if (size > MAX_STREAM_BYTES) return 'too-large';
    if (size < MIN_FRAME) return 'truncated';
    const end = FRAME_HEADER_BYTES + size;
    if (this.#length < end) return undefined;
    if (this.#keys === undefined) return 'no-key-fits';
    const header = this.#bytes.subarray(0, FRAME_HEADER_BYTES);
    const plain = this.#keys.open(this.#bytes.subarray(FRAME_HEADER_BYTES, end), aadOf(header, this.#label));
    if (isFault(plain)) return plain;
    this.keyTag = this.#keys.openedBy;
    return this.#decodePlain(plain);
  }

  #decodePlain(plain: Uint8Array): MemberMessage | GossipFault {
    if (plain.length === 0) return 'truncated';
    if (plain[0] !== MessageType.Compress) return decodeMember(plain, true);
    this.compressed = true;
    const message = decompressMessage(plain, MAX_STREAM_BYTES);
    return isFault(message) ? message : decodeMember(message, true);
  }

  /**
   * Finds the end of a message in clear text, which has no length of its own. A struct that is complete is not read
   * again when more bytes arrive.
   */
  #measure(): number | GossipFault | undefined {
    if (this.#length > MAX_STREAM_BYTES) return 'too-large';
    if (this.#measured === 0) {
      const reader = new MsgpackReader(this.#bytes, 1, this.#length);
      reader.struct((field) => this.#readLength(reader, field));
      const fault = this.#faultOf(reader, 1);
      if (fault !== null) return fault;
      this.#measured = reader.at;
    }
    while (this.#structs > 0) {
      const reader = new MsgpackReader(this.#bytes, this.#measured, this.#length);
      reader.skip();
      const fault = this.#faultOf(reader, this.#measured);
      if (fault !== null) return fault;
      this.#measured = reader.at;
      this.#structs--;
    }
    const end = this.#measured + this.#tail;
    return this.#length < end ? undefined : end;
  }

  #readLength(reader: MsgpackReader, field: string): boolean {
    if (field === 'Nodes') this.#structs = reader.uint(MAX_PUSH_PULL_ENTRIES);
    else if (field === 'UserStateLen' || field === 'UserMsgLen') this.#tail = reader.uint(MAX_STREAM_BYTES);
    else return false;
    return true;
  }

  /** The fault of a struct; undefined if it is only incomplete, null if there is none. */
  #faultOf({ fault, at }: MsgpackReader, start: number): GossipFault | undefined | null {
    if (fault === undefined) return null;
    if (fault !== 'truncated') return fault;
    return at - start > MAX_STRUCT_BYTES ? 'too-large' : undefined;
  }
}
