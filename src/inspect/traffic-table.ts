/** Packets that are no overlay traffic, by what they are; Swarm's own conversations by their names. */
import { EtherType, IpProtocol, type Layers } from '../wire/index.js';

/** A kind of other traffic. */
export interface TrafficRow {
  readonly name: string;
  packets: number;
  /** Bytes on the wire. */
  bytes: number;
}

/** Ports that a swarm uses between nodes (docs.docker.com, facts of the engine's source). */
const SWARM_TCP_MANAGEMENT = 2377;
const SWARM_GOSSIP = 7946;
const DNS = 53;

function has(layers: Layers, port: number): boolean {
  return layers.sourcePort === port || layers.destinationPort === port;
}

function nameOf(layers: Layers): string {
  if (layers.family === 0) {
    if (layers.etherType === EtherType.Arp) return 'ARP';
    return `EtherType 0x${layers.etherType.toString(16).padStart(4, '0')}`;
  }
  const version = layers.family === 6 ? ' (IPv6)' : '';
  switch (layers.protocol) {
    case IpProtocol.Tcp:
      if (has(layers, SWARM_TCP_MANAGEMENT)) return `Swarm management (TCP 2377)${version}`;
      if (has(layers, SWARM_GOSSIP)) return `Swarm gossip (TCP 7946)${version}`;
      return `TCP${version}`;
    case IpProtocol.Udp:
      if (has(layers, SWARM_GOSSIP)) return `Swarm gossip (UDP 7946)${version}`;
      if (has(layers, DNS)) return `DNS${version}`;
      return `UDP${version}`;
    case IpProtocol.Icmp:
      return 'ICMP';
    case IpProtocol.Icmpv6:
      return 'ICMPv6';
    default:
      return `IP protocol ${layers.protocol}${version}`;
  }
}

/** Kinds are few: 2^16 EtherTypes and 2^8 protocols bound them. */
export class TrafficTable {
  readonly #rows = new Map<string, TrafficRow>();

  /** Counts a packet. */
  add(layers: Layers, packets: number, bytes: number): void {
    const name = nameOf(layers);
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { name, packets: 0, bytes: 0 };
      this.#rows.set(name, row);
    }
    row.packets += packets;
    row.bytes += bytes;
  }

  get rows(): TrafficRow[] {
    return [...this.#rows.values()];
  }
}
