/**
 * Recognizes nearly all packets of clear VXLAN by a few comparisons, for threads that each read a whole capture and decode
 * only their share of it: Ethernet, IPv4 without options, not a fragment, UDP.
 */
import { getWord, viewOf } from '../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IpProtocol,
  IPV4_HEADER_LEN,
  type Layers,
  UDP_HEADER_LEN,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';

// Offsets from the Ethernet header.
const ETHER_TYPE = 12;
const IP = ETHERNET_HEADER_LEN;
const TOTAL_LENGTH = IP + 2;
const FRAGMENT = IP + 6;
const PROTOCOL = IP + 9;
const SOURCE = IP + 12;
const DESTINATION = IP + 16;
const UDP = IP + IPV4_HEADER_LEN;
const UDP_LENGTH = UDP + 4;
const VXLAN = UDP + UDP_HEADER_LEN;
/** Offset of the inner frame of a plain packet. */
export const PLAIN_FRAME = VXLAN + VXLAN_HEADER_LEN;

const VERSION_4_IHL_5 = 0x45;
/** More fragments, and the offset. */
const ANY_FRAGMENT = 0x3fff;
/** The flags and the reserved bits: the I flag alone. */
const ONLY_I = VXLAN_FLAG_I << 24;

/** Whether Ethernet carries IPv4 without options, not a fragment, with a complete UDP header. */
export function isPlainUdp(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < VXLAN) return false;
  const view = viewOf(bytes);
  return (
    view.getUint16(start + ETHER_TYPE) === EtherType.Ipv4 &&
    bytes[start + IP] === VERSION_4_IHL_5 &&
    bytes[start + PROTOCOL] === IpProtocol.Udp &&
    (view.getUint16(start + FRAGMENT) & ANY_FRAGMENT) === 0
  );
}

/** The UDP destination port of a plain packet. */
export function plainPort(bytes: Uint8Array, start: number): number {
  return (bytes[start + UDP + 2] << 8) | bytes[start + UDP + 3];
}

/**
 * The end of the frame in a plain packet, if it certainly has one that `UnderlayDecoder` returns: every length is right and
 * no reserved bit is set. -1 if only the decoder can tell.
 * @param port UDP port of VXLAN
 * @param end end of the packet, of which all bytes were captured
 */
export function plainFrameEnd(bytes: Uint8Array, start: number, end: number, port: number): number {
  if (end - start < PLAIN_FRAME + ETHERNET_HEADER_LEN || !isPlainUdp(bytes, start, end)) return -1;
  const view = viewOf(bytes);
  const length = view.getUint16(start + TOTAL_LENGTH);
  const isFrame =
    view.getUint16(start + UDP + 2) === port &&
    length >= PLAIN_FRAME - IP + ETHERNET_HEADER_LEN &&
    start + IP + length <= end &&
    view.getUint16(start + UDP_LENGTH) === length - IPV4_HEADER_LEN &&
    view.getInt32(start + VXLAN) === ONLY_I &&
    bytes[start + VXLAN + 7] === 0;
  return isFrame ? start + IP + length : -1;
}

// Odd constants with evenly distributed bits, as of multiplicative hashing.
const GOLDEN = 0x9e3779b1;
const OTHER = 0x85ebca6b;

function mix(source: number, destination: number, port: number): number {
  let hash = Math.imul(source ^ Math.imul(port, OTHER), GOLDEN);
  hash = Math.imul(hash ^ (hash >>> 15) ^ destination, OTHER);
  hash = Math.imul(hash ^ (hash >>> 13), GOLDEN);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The outer flow of a plain packet: a hash of its addresses and source port, which its sender derives from the inner flow
 * (RFC 7348 section 5). The same in all threads, and in all runs.
 */
export function plainFlow(bytes: Uint8Array, start: number): number {
  const port = (bytes[start + UDP] << 8) | bytes[start + UDP + 1];
  return mix(getWord(bytes, start + SOURCE), getWord(bytes, start + DESTINATION), port);
}

/** The outer flow of any packet, by its parsed headers: the same as `plainFlow` for a plain one. */
export function outerFlow(bytes: Uint8Array, { family, addressOffset, sourcePort }: Layers): number {
  const words = family === 4 ? 1 : 4;
  let source = 0;
  let destination = 0;
  for (let i = 0; i < words; i++) {
    source ^= getWord(bytes, addressOffset + 4 * i);
    destination ^= getWord(bytes, addressOffset + 4 * (words + i));
  }
  return mix(source, destination, sourcePort);
}
