/**
 * Path MTU discovery of the outer packets (RFC 8201): ICMPv6 "packet too big" about packets that this node could have
 * sent.
 *
 * Anyone can forge ICMP, so a message is accepted only if its checksum is right and it quotes a packet of ours: from
 * our VTEP to another node's, longer than the reported MTU, and either ESP with our outbound SPI or VXLAN of an
 * unencrypted network. IPv4 "fragmentation needed" is never accepted: our outer IPv4 packets have DF clear (tunnel.ts),
 * so routers fragment them and have no reason to report them (RFC 1191 section 4).
 */
import { getWord } from '../memory/internal.js';
import type { NodeSas, NodeTables, PathMtu } from '../overlay/index.js';
import {
  ESP_HEADER_LEN,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HEADER_LEN,
  ICMPV6_HEADER_LEN,
  IcmpType,
  Icmpv6Type,
  Icmpv6View,
  IPV6_FRAGMENT_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  Ipv6View,
  type Layers,
  onesSum,
  pseudoHeaderSum,
  UDP_HEADER_LEN,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';

/** RFC 8201 section 4: messages that report less are discarded. */
const MIN_IPV6_MTU = 1280;
const FRAGMENT_OFFSET = 0xfff8;

/** Learns path MTUs from ICMPv6. */
export class PathMtuDiscovery {
  /** Messages that lowered a path MTU, that reported nothing new, and that were not accepted. */
  learned = 0;
  known = 0;
  refused = 0;
  readonly #tables: NodeTables;
  readonly #pathMtu: Pick<PathMtu, 'learn'>;
  readonly #sas: NodeSas | undefined;
  readonly #icmp = new Icmpv6View();
  readonly #quoted = new Ipv6View();

  constructor(tables: NodeTables, pathMtu: Pick<PathMtu, 'learn'>, sas?: NodeSas) {
    this.#tables = tables;
    this.#pathMtu = pathMtu;
    this.#sas = sas;
  }

  /**
   * Handles a packet to this node.
   * @param layers its parsed headers
   * @param now seconds of the caller's clock
   * @returns whether it is an ICMP path-MTU message, accepted or not
   */
  take(bytes: Uint8Array, layers: Layers, now: number): boolean {
    const { family, protocol, transportOffset: at, networkEnd: end } = layers;
    if (family === 4) {
      if (protocol !== IpProtocol.Icmp || at + ICMP_HEADER_LEN > end) return false;
      if (bytes[at] !== IcmpType.Unreachable || bytes[at + 1] !== ICMP_FRAGMENTATION_NEEDED) return false;
      this.refused++;
      return true;
    }
    if (protocol !== IpProtocol.Icmpv6 || at + ICMPV6_HEADER_LEN > end) return false;
    const icmp = this.#icmp.wrap(bytes, at);
    if (icmp.type !== Icmpv6Type.PacketTooBig || icmp.code !== 0) return false;
    const { mtu } = icmp;
    const sum = pseudoHeaderSum(6, bytes, layers.addressOffset, IpProtocol.Icmpv6, end - at);
    const acceptable = mtu >= MIN_IPV6_MTU && onesSum(bytes, at, end, sum) === 0xffff;
    const node = acceptable ? this.#quotedNode(bytes, at + ICMPV6_HEADER_LEN, end, mtu) : -1;
    if (node < 0) this.refused++;
    else if (this.#pathMtu.learn(node, mtu, now)) this.learned++;
    else this.known++;
    return true;
  }

  /** The node that the quoted packet was sent to, or -1 if this node can't have sent it. */
  #quotedNode(bytes: Uint8Array, at: number, end: number, mtu: number): number {
    if (at + IPV6_HEADER_LEN > end || bytes[at] >>> 4 !== 6) return -1;
    const ip = this.#quoted.wrap(bytes, at);
    if (IPV6_HEADER_LEN + ip.payloadLength <= mtu) return -1;
    const { node: here } = this.#tables;
    const { vtep } = this.#tables.here;
    for (let i = 0; i < vtep.length; i++) if (bytes[ip.sourceOffset + i] !== vtep[i]) return -1;
    const node = this.#tables.nodeOf(6, bytes, ip.destinationOffset);
    if (node < 0 || node === here) return -1;
    let protocol = ip.nextHeader;
    let transport = at + IPV6_HEADER_LEN;
    if (protocol === IpProtocol.Fragment) {
      // Only the first fragment has the transport header, and no other fragment is longer.
      if (transport + IPV6_FRAGMENT_HEADER_LEN > end) return -1;
      if ((((bytes[transport + 2] << 8) | bytes[transport + 3]) & FRAGMENT_OFFSET) !== 0) return -1;
      protocol = bytes[transport];
      transport += IPV6_FRAGMENT_HEADER_LEN;
    }
    if (protocol === IpProtocol.Udp) return this.#isClearVxlan(bytes, transport, end) ? node : -1;
    if (protocol !== IpProtocol.Esp || transport + ESP_HEADER_LEN > end) return -1;
    return getWord(bytes, transport) >>> 0 === this.#sas?.outbound(node)?.spi ? node : -1;
  }

  /** RFC 4443 section 3.2: routers quote as much as fits in 1280 bytes, so the VXLAN header is always present. */
  #isClearVxlan(bytes: Uint8Array, udp: number, end: number): boolean {
    const vxlan = udp + UDP_HEADER_LEN;
    if (vxlan + VXLAN_HEADER_LEN > end) return false;
    const { port, columns } = this.#tables;
    if (((bytes[udp + 2] << 8) | bytes[udp + 3]) !== port) return false;
    const network = this.#tables.networkOf(getWord(bytes, vxlan + 4) >>> 8);
    return network >= 0 && columns.encrypted[network] === 0;
  }
}
