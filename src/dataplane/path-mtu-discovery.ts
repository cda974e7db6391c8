/**
 * Path MTU discovery of the outer packets (RFC 1191, RFC 8201): ICMP "fragmentation needed" and ICMPv6 "packet too big"
 * about packets that this node could have sent. Anybody can send ICMP, so what is quoted must fit: our VTEP's address to a
 * node's, VXLAN's port or the SPI that we send with, and a length above the MTU that is told.
 */
import type { NodeSas, NodeTables, PathMtu } from '../overlay/index.js';
import { getWord } from '../memory/word.js';
import {
  ESP_SPAN,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_SPAN,
  ICMPV6_SPAN,
  IcmpType,
  Icmpv6Type,
  IPV4_SPAN,
  IPV6_SPAN,
  IpProtocol,
  type Layers,
  UDP_SPAN,
} from '../wire/index.js';

/** Learns path MTUs from ICMP. */
export class PathMtuDiscovery {
  /** Messages that lowered a path MTU, that told nothing new, and that quote nothing of ours. */
  learned = 0;
  known = 0;
  refused = 0;
  readonly #tables: NodeTables;
  readonly #pathMtu: PathMtu;
  readonly #sas: NodeSas | undefined;

  constructor(tables: NodeTables, pathMtu: PathMtu, sas?: NodeSas) {
    this.#tables = tables;
    this.#pathMtu = pathMtu;
    this.#sas = sas;
  }

  /**
   * Takes a packet for this node.
   * @param layers the walk over it
   * @param now seconds of the caller's clock
   * @returns whether it was ICMP about an MTU, believed or not
   */
  take(bytes: Uint8Array, layers: Layers, now: number): boolean {
    const at = layers.transportOffset;
    const end = layers.networkEnd;
    const { family, protocol } = layers;
    if (family === 4 ? protocol !== IpProtocol.Icmp : protocol !== IpProtocol.Icmpv6) return false;
    const span = family === 4 ? ICMP_SPAN : ICMPV6_SPAN;
    if (at + span > end) return false;
    const about =
      family === 4
        ? bytes[at] === IcmpType.Unreachable && bytes[at + 1] === ICMP_FRAGMENTATION_NEEDED
        : bytes[at] === Icmpv6Type.PacketTooBig && bytes[at + 1] === 0;
    if (!about) return false;
    const mtu = (bytes[at + 6] << 8) | bytes[at + 7];
    const node = this.#quotedNode(bytes, at + span, end, family, mtu);
    if (node < 0) this.refused++;
    else if (this.#pathMtu.learn(node, mtu, now)) this.learned++;
    else this.known++;
    return true;
  }

  /** The node that the quoted packet was for, or -1 if we can't have sent it. */
  #quotedNode(bytes: Uint8Array, ip: number, end: number, family: number, mtu: number): number {
    const header = family === 4 ? IPV4_SPAN : IPV6_SPAN;
    if (ip + header + ESP_SPAN > end || bytes[ip] !== (family === 4 ? 0x45 : (bytes[ip] & 0x0f) | 0x60)) return -1;
    const length =
      family === 4 ? (bytes[ip + 2] << 8) | bytes[ip + 3] : header + ((bytes[ip + 4] << 8) | bytes[ip + 5]);
    if (length <= mtu) return -1;
    const { vtep } = this.#tables.topology.nodes[this.#tables.node];
    const source = ip + (family === 4 ? 12 : 8);
    for (let i = 0; i < vtep.length; i++) if (bytes[source + i] !== vtep[i]) return -1;
    const node = this.#tables.nodeOf(family, bytes, source + vtep.length);
    if (node < 0 || node === this.#tables.node) return -1;
    const transport = ip + header;
    switch (family === 4 ? bytes[ip + 9] : bytes[ip + 6]) {
      case IpProtocol.Udp: {
        const port = (bytes[transport + 2] << 8) | bytes[transport + 3];
        return transport + UDP_SPAN <= end && port === this.#tables.topology.port ? node : -1;
      }
      case IpProtocol.Esp:
        return getWord(bytes, transport) >>> 0 === this.#sas?.outbound(node)?.spi ? node : -1;
      default:
        return -1;
    }
  }
}
