/** Security associations, and ESP by node:crypto alone: the reference for sealing and opening. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type Aead, chooseAead, nodeBackend } from '../../src/aead/index.js';
import {
  EspDrop,
  EspMode,
  type EspOpener,
  type EspSealer,
  type InboundSa,
  Keymat,
  type OutboundSa,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { join } from '../dataplane/build.js';

/** Parses hexadecimal digits; blanks are ignored. */
export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(/\s/g, ''), 'hex'));
}

/** Formats bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Pseudo-random numbers, the same in every run (mulberry32): each call returns one below `limit`. */
export function dice(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** Pseudo-random bytes. */
export function anyBytes(roll: (limit: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => roll(256));
}

/** A key of AES-128, 192 or 256. */
export function aesKey(length: 16 | 24 | 32 = 16): Uint8Array {
  return unhex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4').subarray(0, length);
}

export const SPI = 0x1f279ba7;
export const SALT = unhex('1f279ba7');

/** The key material of a key and a salt. */
export function keymat(key: Uint8Array = aesKey(), salt: Uint8Array = SALT): Keymat {
  return new Keymat(join(key, salt));
}

/** An SA like Swarm's, except for the given parameters. */
export function association(parameters: Partial<SecurityAssociation> = {}): SecurityAssociation {
  return {
    spi: SPI,
    source: '192.168.50.1',
    destination: '192.168.50.2',
    mode: EspMode.Transport,
    keymat: keymat(),
    icvLength: 8,
    esn: false,
    replayWindow: 0,
    ...parameters,
  };
}

/** A mask that makes the IV the sequence number itself. */
export const NO_MASK = new Uint8Array(8);
/** Some other mask. */
export const MASK = unhex('0123456789abcdef');

/** Node's cipher, and the fastest one available here. */
export function ciphers(): readonly Aead[] {
  const fastest = chooseAead().aead;
  const node = nodeBackend.create();
  return fastest.name === node.name ? [node] : [node, fastest];
}

/** Parameters of ESP by hand. */
export interface ByHand {
  readonly spi?: number;
  readonly sequence: bigint;
  readonly esn?: boolean;
  readonly key?: Uint8Array;
  readonly salt?: Uint8Array;
  readonly icvLength?: number;
  readonly iv?: Uint8Array;
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, i * 4));
  return Uint8Array.from(bytes);
}

function parts({ spi = SPI, sequence, esn = false, key = aesKey(), salt = SALT, icvLength = 8 }: ByHand): {
  algorithm: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';
  key: Uint8Array;
  salt: Uint8Array;
  icvLength: number;
  header: Uint8Array;
  aad: Uint8Array;
} {
  const high = Number(sequence >> 32n);
  const low = Number(sequence & 0xffffffffn);
  const algorithm = `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const;
  const aad = esn ? words(spi, high, low) : words(spi, low);
  return { algorithm, key, salt, icvLength, header: words(spi, low), aad };
}

/** Builds ESP around bytes that include the trailer. */
export function sealByHand(options: ByHand, plain: Uint8Array): Uint8Array {
  const { algorithm, key, salt, icvLength, header, aad } = parts(options);
  const iv = options.iv ?? words(Number(options.sequence >> 32n), Number(options.sequence & 0xffffffffn));
  const cipher = createCipheriv(algorithm, key, join(salt, iv), { authTagLength: icvLength });
  cipher.setAAD(aad);
  const sealed = join(cipher.update(plain), cipher.final());
  return join(header, iv, sealed, cipher.getAuthTag());
}

/** The plaintext of an ESP packet, including the trailer. Throws if the ICV is wrong. */
export function openByHand(options: ByHand, packet: Uint8Array): Uint8Array {
  const { algorithm, key, salt, icvLength, aad } = parts(options);
  const icv = packet.length - icvLength;
  const decipher = createDecipheriv(algorithm, key, join(salt, packet.subarray(8, 16)), { authTagLength: icvLength });
  decipher.setAAD(aad);
  decipher.setAuthTag(packet.subarray(icv));
  return join(decipher.update(packet.subarray(16, icv)), decipher.final());
}

/** A payload with the trailer of RFC 4303 section 2.4. */
export function withTrailer(payload: Uint8Array, nextHeader: number): Uint8Array {
  const padding: number[] = [];
  while ((payload.length + padding.length + 2) % 4 !== 0) padding.push(padding.length + 1);
  return join(payload, Uint8Array.from(padding), Uint8Array.of(padding.length, nextHeader));
}

/** Seals one payload. */
export function seal(
  sealer: EspSealer,
  sa: OutboundSa,
  payload: Uint8Array,
  nextHeader = 17,
  seconds = 0,
): { drop: EspDrop; packet: Uint8Array } {
  const bytes = join(new Uint8Array(16), payload, new Uint8Array(32));
  const drop = sealer.push(sa, bytes, 16, 16 + payload.length, nextHeader, seconds);
  if (drop !== EspDrop.None) return { drop, packet: new Uint8Array(0) };
  sealer.flush();
  return { drop, packet: bytes.slice(sealer.espOffset, sealer.espEnd) };
}

/** Opens copies of packets as one batch, and returns each result. */
export function openBatch(
  opener: EspOpener,
  sa: InboundSa,
  packets: readonly Uint8Array[],
  seconds = 0,
): { drop: EspDrop; payload: Uint8Array; nextHeader: number }[] {
  const bytes = join(...packets);
  let at = 0;
  const pushed: EspDrop[] = [];
  for (const packet of packets) {
    pushed.push(opener.push(sa, bytes, at, at + packet.length, seconds));
    at += packet.length;
  }
  opener.flush();
  let index = 0;
  return pushed.map((refused) => {
    if (refused !== EspDrop.None) return { drop: refused, payload: new Uint8Array(0), nextHeader: -1 };
    const i = index++;
    const drop = opener.drop[i] as EspDrop;
    const payload =
      drop === EspDrop.None ? bytes.slice(opener.payloadOffset[i], opener.payloadEnd[i]) : new Uint8Array(0);
    return { drop, payload, nextHeader: drop === EspDrop.None ? opener.nextHeader[i] : -1 };
  });
}

/** Opens a copy of one packet; returns the drop reason, or None. */
export function open(opener: EspOpener, sa: InboundSa, packet: Uint8Array, seconds = 0): EspDrop {
  return openBatch(opener, sa, [packet], seconds)[0].drop;
}

/** The checksum of an IPv4 header by RFC 1071, with its own field taken as zero. */
export function headerChecksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) if (i !== 10) sum += header[i] * 256 + header[i + 1];
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

/** An IPv4 packet with random fields; it is complete, and its checksum is correct. */
export function anyIpv4(
  roll: (limit: number) => number,
  payload: Uint8Array,
  protocol: number,
  options = roll(3) === 0 ? 4 * roll(11) : 0,
): Uint8Array {
  const header = Buffer.from(anyBytes(roll, 20 + options));
  header[0] = 0x45 + options / 4;
  header.writeUInt16BE(header.length + payload.length, 2);
  // DF or none; the reserved bit stays clear.
  header.writeUInt16BE(roll(2) * 0x4000, 6);
  header[9] = protocol;
  header.writeUInt16BE(headerChecksum(header), 10);
  return join(header, payload);
}

/** An IPv6 extension header of 8 to 24 bytes. */
export function extension(roll: (limit: number) => number, nextHeader: number): Uint8Array {
  const length = roll(3);
  const bytes = anyBytes(roll, 8 + 8 * length);
  bytes[0] = nextHeader;
  bytes[1] = length;
  return bytes;
}

/** An IPv6 packet with random fields, with extension headers of the given kinds before the payload. */
export function anyIpv6(
  roll: (limit: number) => number,
  payload: Uint8Array,
  protocol: number,
  extensions: readonly number[] = [],
): Uint8Array {
  const header = Buffer.from(anyBytes(roll, 40));
  header[0] = 0x60 | roll(16);
  const following = [...extensions.slice(1), protocol];
  const chain = extensions.map((_, i) => extension(roll, following[i]));
  const inside = join(...chain, payload);
  header.writeUInt16BE(inside.length, 4);
  header[6] = extensions.at(0) ?? protocol;
  return join(header, inside);
}
