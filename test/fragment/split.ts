/** A sender that fragments packets, written from the RFCs without the library's headers. */
import { HeaderError, Layers } from '../../src/wire/index.js';
import { type Reassembler, ReassemblyDrop, ReassemblyOutcome } from '../../src/fragment/index.js';

const HOP_BY_HOP = 0;
const FRAGMENT = 44;

/** Pseudo-random bytes, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  let state = (seed | 0) + 0x6d2b79f5;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return state >>> 24;
  });
}

/** A whole packet, and how it can be fragmented. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** Bytes of the headers that every fragment repeats. */
  readonly headerLength: number;
  /** IPv6: offset of the next-header field that will announce the fragment header. */
  readonly announcedAt: number;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function sumOf(bytes: Uint8Array, end: number): number {
  let sum = 0;
  for (let at = 0; at < end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function writeHeaderChecksum(bytes: Uint8Array, headerLength: number): void {
  put16(bytes, 10, 0);
  put16(bytes, 10, sumOf(bytes, headerLength));
}

/** Fields of an IPv4 packet. */
export interface Ipv4Fields {
  readonly id?: number;
  readonly tos?: number;
  readonly ttl?: number;
  readonly protocol?: number;
  readonly dontFragment?: boolean;
  /** 32-bit words of options (no-operation, which isn't copied on fragmentation). */
  readonly options?: number;
  /** Last byte of the source address. */
  readonly host?: number;
}

/** An IPv4 packet (RFC 791 section 3.1). */
export function ipv4Packet(payload: Uint8Array, fields: Ipv4Fields = {}): Packet {
  const { id = 1, tos = 0, ttl = 64, protocol = 17, options = 0, host = 1 } = fields;
  const headerLength = 20 + 4 * options;
  const bytes = new Uint8Array(headerLength + payload.length).fill(1, 20, headerLength);
  bytes.set([0x45 + options, tos], 0);
  put16(bytes, 2, bytes.length);
  put16(bytes, 4, id);
  bytes[6] = fields.dontFragment === true ? 0x40 : 0;
  bytes.set([ttl, protocol], 8);
  bytes.set([192, 168, 50, host, 192, 168, 50, 200], 12);
  writeHeaderChecksum(bytes, headerLength);
  bytes.set(payload, headerLength);
  return { bytes, headerLength, announcedAt: -1 };
}

/** Fields of an IPv6 packet. */
export interface Ipv6Fields {
  readonly hopLimit?: number;
  readonly protocol?: number;
  /** Extension headers by number, each with its size in units of 8 bytes. */
  readonly extensions?: readonly (readonly [type: number, units: number])[];
  /** Last byte of the source address. */
  readonly host?: number;
}

/** An IPv6 packet (RFC 8200 section 3). */
export function ipv6Packet(payload: Uint8Array, fields: Ipv6Fields = {}): Packet {
  const { hopLimit = 64, protocol = 17, extensions = [], host = 1 } = fields;
  const headerLength = 40 + extensions.reduce((sum, [, units]) => sum + units * 8, 0);
  const bytes = new Uint8Array(headerLength + payload.length);
  bytes[0] = 0x60;
  put16(bytes, 4, bytes.length - 40);
  bytes.set([protocol, hopLimit], 6);
  bytes.set([0xfd, 0x50], 8);
  bytes[23] = host;
  bytes.set([0xfd, 0x50], 24);
  bytes[39] = 200;
  let announcedAt = 6;
  let at = 40;
  for (const [type, units] of extensions) {
    bytes[announcedAt] = type;
    bytes[at] = protocol;
    bytes[at + 1] = units - 1;
    // One padding option fills the rest (RFC 8200 section 4.2); a routing header has no segments left.
    if (type === HOP_BY_HOP || type === 60) bytes.set([1, units * 8 - 4], at + 2);
    announcedAt = at;
    at += units * 8;
  }
  bytes.set(payload, headerLength);
  return { bytes, headerLength, announcedAt };
}

/** Deviations from a correct fragment. */
export interface PartOptions {
  readonly more?: boolean;
  /** IPv6: the identification; an IPv4 packet has its own. */
  readonly id?: number;
  /** IPv4: omit the options, as in later fragments (RFC 791 section 3.1, the copied flag). */
  readonly bare?: boolean;
  /** IPv6: the fragment header's next header. Default: the packet's. */
  readonly protocol?: number;
  /** IPv4: type of service; IPv6: hop limit. */
  readonly other?: number;
}

/** The fragment with a packet's payload from `from` to `to`. */
export function partOf(packet: Packet, from: number, to: number, options: PartOptions = {}): Uint8Array {
  const { bytes, headerLength } = packet;
  const payload = bytes.subarray(headerLength + from, headerLength + to);
  const more = options.more ?? headerLength + to < bytes.length;
  if (packet.announcedAt < 0) {
    const kept = options.bare === true ? 20 : headerLength;
    const part = new Uint8Array(kept + payload.length);
    part.set(bytes.subarray(0, kept));
    part[0] = 0x40 | (kept / 4);
    if (options.other !== undefined) part[1] = options.other;
    put16(part, 2, part.length);
    put16(part, 6, (bytes[6] << 8) | (more ? 0x2000 : 0) | (from / 8));
    writeHeaderChecksum(part, kept);
    part.set(payload, kept);
    return part;
  }
  const { announcedAt } = packet;
  const id = options.id ?? 1;
  const part = new Uint8Array(headerLength + 8 + payload.length);
  part.set(bytes.subarray(0, headerLength));
  if (options.other !== undefined) part[7] = options.other;
  put16(part, 4, part.length - 40);
  part[headerLength] = options.protocol ?? bytes[announcedAt];
  part[announcedAt] = FRAGMENT;
  put16(part, headerLength + 2, from | (more ? 1 : 0));
  put16(part, headerLength + 4, id >>> 16);
  put16(part, headerLength + 6, id);
  part.set(payload, headerLength + 8);
  return part;
}

/** A packet's fragments, split at the given offsets in units of 8 bytes (those within the payload). */
export function split(packet: Packet, units: readonly number[], options: PartOptions = {}): Uint8Array[] {
  const length = packet.bytes.length - packet.headerLength;
  const offsets = [...new Set([0, ...units.map((unit) => unit * 8).filter((at) => at < length), length])];
  offsets.sort((a, b) => a - b);
  return offsets
    .slice(0, -1)
    .map((from, i) => partOf(packet, from, offsets[i + 1], { ...options, bare: options.bare === true && i > 0 }));
}

const OUTCOMES = Object.keys(ReassemblyOutcome);
const DROPS = Object.keys(ReassemblyDrop);
const layers = new Layers();

/** Passes a fragment to a reassembler. Returns the outcome's name, or for a dropped fragment the reason's. */
export function give(reassembler: Reassembler, part: Uint8Array, seconds = 0, captured = part.length): string {
  const etherType = part[0] >>> 4 === 4 ? 0x0800 : 0x86dd;
  const headerError = layers.walkNetwork(part, etherType, 0, captured, part.length);
  if (headerError !== HeaderError.None || !layers.isFragment) throw new Error(`not a fragment: fault ${headerError}`);
  const outcome = reassembler.push(part, layers, captured, seconds);
  return outcome === ReassemblyOutcome.Dropped ? DROPS[reassembler.drop] : OUTCOMES[outcome];
}

/** The packet reassembled last. */
export function result(reassembler: Reassembler): Uint8Array {
  return reassembler.bytes.slice(reassembler.start, reassembler.end);
}

/** Fragments dropped for a reason. */
export function dropped(reassembler: Reassembler, reason: keyof typeof ReassemblyDrop): number {
  return reassembler.droppedFragments[ReassemblyDrop[reason]];
}

/** Fragments neither used, held nor dropped: must be 0. */
export function unaccounted(reassembler: Reassembler): number {
  const lost = reassembler.droppedFragments.reduce((sum, count) => sum + count, 0);
  return reassembler.fragments - reassembler.reassembledFragments - reassembler.heldFragments - lost;
}
