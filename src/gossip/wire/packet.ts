/**
 * memberlist's UDP packets. From the outside in: label, encryption, CRC, compression, compound, messages. Each layer but
 * the last is optional.
 */
import { VtepError } from '../../error.js';
import { ByteWriter } from '../../memory/internal.js';
import { crc32 } from './crc32.js';
import { isFault, type GossipFault } from './fault.js';
import {
  compressMessage,
  decompressMessage,
  LABEL_HEADER_BYTES,
  labelBytes,
  labelHeader,
  sameLabel,
} from './framing.js';
import { EncryptionVersion, type GossipKeyring } from './keyring.js';
import { MAX_FRAMING_DEPTH, MAX_PACKET_BYTES, MAX_PACKET_MESSAGES } from './limits.js';
import { decodeMember } from './member-codec.js';
import { type MemberMessage, MessageType } from './messages.js';

/** Maximum number of messages in a compound. */
export const MAX_COMPOUND_PARTS = 255;
const CRC_BYTES = 5;
const UINT16 = 0xffff;

/** How a packet is written. */
export interface PacketOptions {
  /**
   * Whether to add a CRC: memberlist does when it sends to a member whose protocol is known to be 5 or more, and not
   * when it sends to an address, as it does with pings and their answers.
   */
  readonly crc: boolean;
  /**
   * Whether to compress the packet, if that makes it shorter.
   * @default true
   */
  readonly compress?: boolean;
  /**
   * Label of the cluster; swarms have none.
   * @default ''
   */
  readonly label?: string;
  /** @default EncryptionVersion.Plain */
  readonly encryption?: EncryptionVersion;
}

/**
 * Encodes a packet, to the same bytes as memberlist.
 * @param messages encoded messages (`encodeMember`), 1 to 255
 * @param keys undefined for a packet in clear text
 * @throws VtepError `BAD_GOSSIP` for too many messages, or one of more than 65,535 bytes among several
 */
export function encodePacket(
  messages: readonly Uint8Array[],
  keys: GossipKeyring | undefined,
  { crc, compress = true, label = '', encryption = EncryptionVersion.Plain }: PacketOptions,
): Uint8Array {
  let packet = messages.length === 1 ? messages[0] : encodeCompound(messages);
  if (compress) {
    const compressed = compressMessage(packet);
    if (compressed.length < packet.length) packet = compressed;
  }
  if (crc) packet = withCrc(packet);
  const name = labelBytes(label);
  if (keys !== undefined) packet = keys.seal(packet, name, encryption);
  if (name.length === 0) return packet;
  const out = new ByteWriter(packet.length + name.length + LABEL_HEADER_BYTES);
  out.bytes(labelHeader(name));
  out.bytes(packet);
  return out.finish();
}

function encodeCompound(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length === 0 || messages.length > MAX_COMPOUND_PARTS) {
    throw new VtepError('BAD_GOSSIP', `a packet has 1 to ${MAX_COMPOUND_PARTS} messages, not ${messages.length}`);
  }
  const out = new ByteWriter();
  out.byte(MessageType.Compound);
  out.byte(messages.length);
  for (const { length } of messages) {
    if (length > UINT16) throw new VtepError('BAD_GOSSIP', `a message is too long for a compound: ${length} bytes`);
    out.uint16(length);
  }
  for (const message of messages) out.bytes(message);
  return out.finish();
}

function withCrc(message: Uint8Array): Uint8Array {
  const out = new ByteWriter(message.length + CRC_BYTES);
  out.byte(MessageType.Crc);
  out.uint32(crc32(message));
  out.bytes(message);
  return out.finish();
}

/** How a packet is read. */
export interface ReadPacketOptions {
  /**
   * Label that packets must have.
   * @default '': none
   */
  readonly label?: string;
  /**
   * Whether packets may have any label.
   * @default false
   */
  readonly anyLabel?: boolean;
}

/** What a packet holds. */
export interface GossipPacket {
  /** The messages that are valid. */
  readonly messages: readonly MemberMessage[];
  /** Number of messages that are not valid. */
  readonly invalid: number;
  /** What is wrong with the first of those. */
  readonly fault: GossipFault | undefined;
  /** Tag of the key that decrypted it; undefined for a packet in clear text. */
  readonly keyTag: number | undefined;
  readonly crc: boolean;
  readonly compressed: boolean;
}

/**
 * Decodes a packet in bounded memory. An invalid message doesn't keep the others in its compound from being decoded.
 * @param bytes payload of a UDP packet; the messages don't refer to it
 * @param keys undefined for packets in clear text
 * @example
 * import { decodePacket, encodeMember, encodePacket, isFault, MessageType } from 'vtep/gossip';
 *
 * const ping = encodeMember({ type: MessageType.Ping, seqNo: 1, node: '631fe2f865ed' });
 * const packet = decodePacket(encodePacket([ping], undefined, { crc: false }), undefined);
 * console.log(isFault(packet) ? packet : packet.messages);
 */
export function decodePacket(
  bytes: Uint8Array,
  keys: GossipKeyring | undefined,
  { label = '', anyLabel = false }: ReadPacketOptions = {},
): GossipPacket | GossipFault {
  if (bytes.length > MAX_PACKET_BYTES) return 'too-large';
  // A plain array: the slices of a Buffer, which messages consist of, are views.
  let packet = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  let found: Uint8Array = new Uint8Array(0);
  if (packet.length > 0 && packet[0] === MessageType.Label) {
    const length = packet.length < LABEL_HEADER_BYTES ? 0 : packet[1];
    if (length === 0 || packet.length < LABEL_HEADER_BYTES + length) return 'truncated';
    found = packet.slice(LABEL_HEADER_BYTES, LABEL_HEADER_BYTES + length);
    packet = packet.subarray(LABEL_HEADER_BYTES + length);
  }
  if (!anyLabel && !sameLabel(found, labelBytes(label))) return 'bad-label';
  let keyTag: number | undefined;
  if (keys !== undefined) {
    const opened = keys.open(packet, found);
    if (isFault(opened)) return opened;
    packet = opened;
    keyTag = keys.openedBy;
  }
  const crc = packet.length >= CRC_BYTES && packet[0] === MessageType.Crc;
  if (crc) {
    const expected = new DataView(packet.buffer, packet.byteOffset, packet.length).getUint32(1);
    if (crc32(packet, CRC_BYTES) !== expected) return 'bad-crc';
    packet = packet.subarray(CRC_BYTES);
  }
  const parts = new PacketParts();
  parts.walk(packet, 0);
  const { messages, invalid, fault, compressed } = parts;
  if (messages.length === 0 && fault !== undefined) return fault;
  return { messages, invalid, fault, keyTag, crc, compressed };
}

/** The messages inside a packet's framing. */
class PacketParts {
  readonly messages: MemberMessage[] = [];
  invalid = 0;
  fault: GossipFault | undefined;
  compressed = false;
  /** Bytes that compressed messages may still grow to. */
  #room = MAX_PACKET_BYTES;
  #left = MAX_PACKET_MESSAGES;

  walk(bytes: Uint8Array, depth: number): void {
    const type = bytes.length === 0 ? -1 : bytes[0];
    if (type === MessageType.Compound || type === MessageType.Compress) {
      if (depth >= MAX_FRAMING_DEPTH) this.#fail('too-deep');
      else if (type === MessageType.Compound) this.#walkCompound(bytes, depth);
      else this.#walkCompressed(bytes, depth);
      return;
    }
    // Only streams carry these.
    if (type === MessageType.PushPull || type === MessageType.Error) {
      this.#fail('unknown-type');
      return;
    }
    const message = decodeMember(bytes);
    if (isFault(message)) this.#fail(message);
    else this.messages.push(message);
  }

  #walkCompressed(bytes: Uint8Array, depth: number): void {
    const message = decompressMessage(bytes, this.#room);
    if (isFault(message)) {
      this.#fail(message);
      return;
    }
    this.#room -= message.length;
    this.compressed = true;
    this.walk(message, depth + 1);
  }

  #walkCompound(bytes: Uint8Array, depth: number): void {
    const count = bytes.length < 2 ? 0 : bytes[1];
    let at = 2 + 2 * count;
    if (bytes.length < 2 || bytes.length < at) {
      this.#fail('truncated');
      return;
    }
    for (let i = 0; i < count; i++) {
      const end = at + (bytes[2 + 2 * i] << 8) + bytes[3 + 2 * i];
      if (end > bytes.length) {
        this.#fail('truncated');
        return;
      }
      if (this.#left-- <= 0) {
        this.#fail('too-many');
        return;
      }
      this.walk(bytes.subarray(at, end), depth + 1);
      at = end;
    }
  }

  #fail(fault: GossipFault): void {
    this.invalid++;
    this.fault ??= fault;
  }
}
