/**
 * The flow hash of a frame, and the UDP source port derived from it: the underlay spreads flows over its paths by ECMP
 * and keeps each flow on one of them (RFC 7348 section 5).
 */
import type { HashKey } from '../memory/index.js';
import { addShort, addWord, beginHash, finishHash, flowKey, hashFlow4, viewOf } from '../memory/internal.js';
import { IpProtocol, type Layers } from '../wire/index.js';

/** A range of UDP source ports. */
export interface PortRange {
  readonly lowest: number;
  readonly highest: number;
}

/** Linux's default `ip_local_port_range`, which its vxlan driver uses. */
export const LINUX_PORTS: PortRange = { lowest: 32_768, highest: 60_999 };
/** The dynamic ports, as RFC 7348 section 5 recommends. */
export const RFC7348_PORTS: PortRange = { lowest: 49_152, highest: 65_535 };

/**
 * The flow hash of a frame: of addresses, protocol and ports for IP, else of the MACs and the EtherType. Ports of
 * fragments are left out, so that all fragments of a datagram take one path.
 * @param start offset of the frame
 * @param inner its parsed headers
 * @param key hash key; default: this thread's, which is random unless `seedFlows` has set it
 */
export function flowHash(bytes: Uint8Array, start: number, inner: Layers, key: HashKey = flowKey()): number {
  const view = viewOf(bytes);
  const { family, protocol, addressOffset } = inner;
  let sum = beginHash(key);
  if (family === 0) {
    for (let i = 0; i < 3; i++) sum = addWord(key, sum, i, view.getInt32(start + 4 * i));
    return finishHash(key, addShort(key, sum, 3, inner.etherType));
  }
  const hasPorts = (protocol === IpProtocol.Udp || protocol === IpProtocol.Tcp) && !inner.isFragment;
  const ports = hasPorts ? (inner.sourcePort << 16) | inner.destinationPort : 0;
  if (family === 4)
    return hashFlow4(key, ports, protocol, view.getInt32(addressOffset), view.getInt32(addressOffset + 4));
  sum = addShort(key, addWord(key, sum, 0, ports), 1, protocol);
  for (let i = 0; i < 8; i++) sum = addWord(key, sum, 2 + i, view.getInt32(addressOffset + 4 * i));
  return finishHash(key, sum);
}

/**
 * The source port of a flow, as Linux scales a hash into a range (include/net/udp.h, udp_flow_src_port: the highest
 * port itself is never used).
 */
export function sourcePortOf(hash: number, range: PortRange): number {
  return scalePort(hash, range.lowest, range.highest - range.lowest);
}

/**
 * The same for `count` ports from `lowest` on: the high 32 bits of a 32-bit by 16-bit product, in integer arithmetic.
 */
export function scalePort(hash: number, lowest: number, count: number): number {
  const spread = hash ^ (hash << 16);
  const low = Math.imul(spread & 0xffff, count) >>> 16;
  return lowest + ((Math.imul(spread >>> 16, count) + low) >>> 16);
}
