/**
 * A frame's flow as a number, and the UDP source port that is made of it, so that the underlay spreads flows over its
 * paths and keeps each one on its own (RFC 7348 section 5).
 */
import { getWord } from '../memory/word.js';
import { IpProtocol, type Layers } from '../wire/index.js';

/** Which ports are used. */
export interface PortRange {
  readonly lowest: number;
  readonly highest: number;
}

/** Linux's `ip_local_port_range`, which its vxlan driver takes. */
export const LINUX_PORTS: PortRange = { lowest: 32_768, highest: 60_999 };
/** RFC 7348's: the dynamic ports. */
export const RFC7348_PORTS: PortRange = { lowest: 49_152, highest: 65_535 };

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/**
 * The hash of a frame's flow: addresses, protocol and ports where it has them, else the MACs and the EtherType. Fragments
 * go without ports, so that all of a datagram take one way.
 * @param start where the frame begins
 * @param inner the walk over it
 */
export function flowHash(bytes: Uint8Array, start: number, inner: Layers): number {
  let hash = 0x9e3779b9 | 0;
  if (inner.family === 0) {
    for (let i = 0; i < 12; i += 4) hash = mix(hash, getWord(bytes, start + i));
    hash = mix(hash, inner.etherType);
  } else {
    const span = inner.family === 4 ? 8 : 32;
    for (let i = 0; i < span; i += 4) hash = mix(hash, getWord(bytes, inner.addressOffset + i));
    const ports = inner.protocol === IpProtocol.Udp || inner.protocol === IpProtocol.Tcp;
    if (ports && !inner.isFragment) hash = mix(hash, (inner.sourcePort << 16) | inner.destinationPort);
    hash = mix(hash, inner.protocol);
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * The source port of a flow, as Linux scales a hash into a range (include/net/udp.h, udp_flow_src_port; there the
 * highest port itself is never taken).
 */
export function sourcePortOf(hash: number, range: PortRange): number {
  return scalePort(hash, range.lowest, range.highest - range.lowest);
}

/** The same for a range of `count` ports from `lowest` on. */
export function scalePort(hash: number, lowest: number, count: number): number {
  const spread = (hash ^ (hash << 16)) >>> 0;
  return lowest + Math.floor((spread * count) / 2 ** 32);
}
