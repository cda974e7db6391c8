/**
 * A frame's flow as a number, and the UDP source port that is made of it, so that the underlay spreads flows over its
 * paths and keeps each one on its own (RFC 7348 section 5).
 */
import { viewOf } from '../memory/view.js';
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

// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const UDP = IpProtocol.Udp;
const TCP = IpProtocol.Tcp;

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
  const view = viewOf(bytes);
  const { family, protocol, addressOffset } = inner;
  let hash = 0x9e3779b9 | 0;
  if (family === 0) {
    for (let i = 0; i < 12; i += 4) hash = mix(hash, view.getInt32(start + i));
    hash = mix(hash, inner.etherType);
  } else {
    hash = mix(hash, view.getInt32(addressOffset));
    hash = mix(hash, view.getInt32(addressOffset + 4));
    if (family === 6) for (let i = 8; i < 32; i += 4) hash = mix(hash, view.getInt32(addressOffset + i));
    const ports = protocol === UDP || protocol === TCP;
    if (ports && !inner.isFragment) hash = mix(hash, (inner.sourcePort << 16) | inner.destinationPort);
    hash = mix(hash, protocol);
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

/** The same for a range of `count` ports from `lowest` on: the upper half of a product of 32 and 16 bits, in integers. */
export function scalePort(hash: number, lowest: number, count: number): number {
  const spread = hash ^ (hash << 16);
  const low = Math.imul(spread & 0xffff, count) >>> 16;
  return lowest + ((Math.imul(spread >>> 16, count) + low) >>> 16);
}
