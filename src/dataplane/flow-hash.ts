/**
 * A frame's flow as a number, and the UDP source port that is made of it, so that the underlay spreads flows over its
 * paths and keeps each one on its own (RFC 7348 section 5).
 */
import { addShort, addWord, beginHash, finishHash, flowKey, type HashKey } from '../memory/hash.js';
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

/**
 * The hash of a frame's flow: addresses, protocol and ports where it has them, else the MACs and the EtherType. Fragments
 * go without ports, so that all of a datagram take one way.
 * @param start where the frame begins
 * @param inner the walk over it
 * @param key of the hash; default: this thread's, which is random unless `seedFlows` has set it
 */
export function flowHash(bytes: Uint8Array, start: number, inner: Layers, key: HashKey = flowKey()): number {
  const view = viewOf(bytes);
  const { family, protocol, addressOffset } = inner;
  let sum = beginHash(key);
  if (family === 0) {
    for (let i = 0; i < 3; i++) sum = addWord(key, sum, i, view.getInt32(start + 4 * i));
    return finishHash(key, addShort(key, sum, 3, inner.etherType));
  }
  const ports = (protocol === IpProtocol.Udp || protocol === IpProtocol.Tcp) && !inner.isFragment;
  sum = addWord(key, sum, 0, ports ? (inner.sourcePort << 16) | inner.destinationPort : 0);
  sum = addShort(key, sum, 1, protocol);
  if (family === 4) {
    sum = addWord(key, sum, 2, view.getInt32(addressOffset));
    return finishHash(key, addWord(key, sum, 3, view.getInt32(addressOffset + 4)));
  }
  for (let i = 0; i < 8; i++) sum = addWord(key, sum, 2 + i, view.getInt32(addressOffset + 4 * i));
  return finishHash(key, sum);
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
