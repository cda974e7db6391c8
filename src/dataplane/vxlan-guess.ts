/**
 * Detects UDP that looks like VXLAN on another port: the old default 8472 of Linux and flannel, or one chosen with
 * `docker swarm init --data-path-port`. A heuristic, good only for a hint.
 */
import {
  ARP_PACKET_LEN,
  checkArp,
  ETHERNET_HEADER_LEN,
  EtherType,
  HeaderError,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  isVlanTag,
  VLAN_HEADER_LEN,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';
import { VniCounts } from './vni-counts.js';

/** Maximum number of ports counted; further ones are ignored. */
const MAX_PORTS = 256;

/** A port whose packets look like VXLAN. */
export interface GuessedPort {
  readonly port: number;
  readonly packets: number;
  /** Its most frequent VNIs; at most 64. */
  readonly vnis: readonly number[];
}

/**
 * Whether bytes look like VXLAN: only the I flag, no reserved bits, and a frame that appears to hold IPv4, IPv6 or ARP.
 * @param end end of the bytes
 */
export function looksLikeVxlan(bytes: Uint8Array, offset: number, end: number): boolean {
  const frame = offset + VXLAN_HEADER_LEN;
  if (frame + ETHERNET_HEADER_LEN > end || bytes[offset] !== VXLAN_FLAG_I) return false;
  if ((bytes[offset + 1] | bytes[offset + 2] | bytes[offset + 3] | bytes[offset + 7]) !== 0) return false;
  let at = frame + ETHERNET_HEADER_LEN;
  let etherType = (bytes[at - 2] << 8) | bytes[at - 1];
  if (isVlanTag(etherType) && at + VLAN_HEADER_LEN <= end) {
    at += VLAN_HEADER_LEN;
    etherType = (bytes[at - 2] << 8) | bytes[at - 1];
  }
  switch (etherType) {
    case EtherType.Ipv4:
      return at + IPV4_HEADER_LEN <= end && bytes[at] >>> 4 === 4 && (bytes[at] & 0xf) >= 5;
    case EtherType.Ipv6:
      return at + IPV6_HEADER_LEN <= end && bytes[at] >>> 4 === 6;
    case EtherType.Arp:
      return at + ARP_PACKET_LEN <= end && checkArp(bytes, at, end) === HeaderError.None;
    default:
      return false;
  }
}

/** Counts packets that look like VXLAN, by port. */
export class VxlanGuess {
  readonly #ports = new Map<number, VniCounts>();

  /**
   * Examines the payload of a UDP packet to another port.
   * @param end end of its captured bytes
   * @param packets packets (fragments) that carried it
   */
  add(port: number, bytes: Uint8Array, offset: number, end: number, packets: number): void {
    if (!looksLikeVxlan(bytes, offset, end)) return;
    this.addVni(port, (bytes[offset + 4] << 16) | (bytes[offset + 5] << 8) | bytes[offset + 6], packets);
  }

  /** Counts packets to a port that look like VXLAN of a VNI. */
  addVni(port: number, vni: number, packets: number): void {
    let counts = this.#ports.get(port);
    if (counts === undefined) {
      if (this.#ports.size === MAX_PORTS) return;
      counts = new VniCounts();
      this.#ports.set(port, counts);
    }
    counts.add(vni, packets);
  }

  /** The counts by port, in the order of their first packets. */
  get byPort(): ReadonlyMap<number, VniCounts> {
    return this.#ports;
  }

  /** Whether further ports are ignored. */
  get full(): boolean {
    return this.#ports.size === MAX_PORTS;
  }

  /** Ports with packets that look like VXLAN, the busiest first. */
  get ports(): GuessedPort[] {
    return [...this.#ports]
      .map(([port, counts]) => ({ port, packets: counts.packets, vnis: counts.vnis.map(({ vni }) => vni) }))
      .sort((a, b) => b.packets - a.packets);
  }
}

/** A hint for people: the port, its VNIs, and the option that decodes them. */
export function guessText({ port, vnis }: GuessedPort): string {
  const shown = vnis.slice(0, 5).join(', ') + (vnis.length > 5 ? ', ...' : '');
  return `packets to UDP port ${port} look like VXLAN of VNI ${shown} (a guess): decode them with --port ${port}`;
}
