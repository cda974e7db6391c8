/** Which thread examines a packet of a capture that several threads read. */
import { type CaptureBatch, LinkType } from '../../../capture/portable.js';
import { FlowBuckets, isPlainUdp, PLAIN_FRAME, plainPort } from '../../../dataplane/internal.js';
import { getWord } from '../../../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  VXLAN_PORT,
} from '../../../wire/index.js';

// Offsets from the outer Ethernet header.
const INNER_TYPE = PLAIN_FRAME + 12;
const INNER_IP = PLAIN_FRAME + ETHERNET_HEADER_LEN;
const VNI = PLAIN_FRAME - 4;
// Offsets from the inner IP header.
const FRAGMENT = 6;
const PROTOCOL = 9;
const ADDRESSES = 12;
const NEXT_HEADER = 6;
const ADDRESSES_6 = 8;
const PORTS_LEN = 4;
/** More fragments, and the offset. */
const ANY_FRAGMENT = 0x3fff;
const DNS_PORT = 53;
// Odd constants with evenly distributed bits, as of multiplicative hashing.
const GOLDEN = 0x9e3779b1;
const OTHER = 0x85ebca6b;

/** By what the owner of a packet is chosen: it is the first thread's, or its addresses' inside, or its connection's. */
export const OwnedBy = { First: 0, Addresses: 1, Connection: 2 } as const;
export type OwnedBy = (typeof OwnedBy)[keyof typeof OwnedBy];

/**
 * Assigns the packets of a capture to threads, by their first bytes alone. Plain packets to a port of VXLAN are shared out by
 * what is inside: TCP and UDP by connection, both directions together; DNS, fragments and everything else in IP by both
 * addresses. All others belong to the first thread, which thereby has every outer fragment, all ESP and all gossip.
 */
export class InnerOwners {
  readonly #flows: FlowBuckets;
  readonly #ports: readonly number[];
  #hash = 0;

  /**
   * @param workers number of threads
   * @param port UDP port or ports of VXLAN. Default: 4789
   */
  constructor(workers: number, port: number | readonly number[] = VXLAN_PORT) {
    const ports = [port].flat();
    this.#flows = new FlowBuckets(workers);
    this.#ports = ports.length === 0 ? [VXLAN_PORT] : ports;
  }

  /**
   * Finds the packets of a batch that one thread examines. Every thread must be asked for every batch, in order.
   * @param indices gets their indices, in order
   * @returns how many there are
   */
  select(batch: CaptureBatch, worker: number, indices: Int32Array): number {
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      const owner = this.ownedBy(batch, i) === OwnedBy.First ? 0 : this.#flows.ownerOf(this.#hash);
      // Written in any case: which thread it is can't be predicted, and a wrong guess costs more.
      indices[count] = i;
      count += owner === worker ? 1 : 0;
    }
    return count;
  }

  /** By what the owner of a packet is chosen. */
  ownedBy(batch: CaptureBatch, index: number): OwnedBy {
    if (batch.linkType[index] !== LinkType.Ethernet) return OwnedBy.First;
    const { bytes } = batch;
    const start = batch.offset[index];
    const end = start + batch.capturedLength[index];
    if (end - start < INNER_IP + IPV4_HEADER_LEN || !isPlainUdp(bytes, start, end)) return OwnedBy.First;
    if (!this.#ports.includes(plainPort(bytes, start))) return OwnedBy.First;
    const type = (bytes[start + INNER_TYPE] << 8) | bytes[start + INNER_TYPE + 1];
    const ip = start + INNER_IP;
    const vni = getWord(bytes, start + VNI) >>> 8;
    if (type === EtherType.Ipv4) return this.#ownedBy4(bytes, ip, end, vni);
    return type === EtherType.Ipv6 ? this.#ownedBy6(bytes, ip, end, vni) : OwnedBy.First;
  }

  #ownedBy4(bytes: Uint8Array, ip: number, end: number, vni: number): OwnedBy {
    const source = getWord(bytes, ip + ADDRESSES);
    const destination = getWord(bytes, ip + ADDRESSES + 4);
    const isFragment = (((bytes[ip + FRAGMENT] << 8) | bytes[ip + FRAGMENT + 1]) & ANY_FRAGMENT) !== 0;
    const at = ip + (bytes[ip] & 0xf) * 4;
    return this.#choose(bytes, isFragment ? -1 : bytes[ip + PROTOCOL], at, end, vni, source, destination);
  }

  #ownedBy6(bytes: Uint8Array, ip: number, end: number, vni: number): OwnedBy {
    if (ip + IPV6_HEADER_LEN > end) return OwnedBy.First;
    let source = 0;
    let destination = 0;
    for (let i = 0; i < 4; i++) {
      source = mixed(source ^ getWord(bytes, ip + ADDRESSES_6 + 4 * i));
      destination = mixed(destination ^ getWord(bytes, ip + ADDRESSES_6 + 16 + 4 * i));
    }
    return this.#choose(bytes, bytes[ip + NEXT_HEADER], ip + IPV6_HEADER_LEN, end, vni, source, destination);
  }

  #choose(
    bytes: Uint8Array,
    protocol: number,
    at: number,
    end: number,
    vni: number,
    source: number,
    destination: number,
  ): OwnedBy {
    const ported = (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp) && at + PORTS_LEN <= end;
    const from = ported ? (bytes[at] << 8) | bytes[at + 1] : 0;
    const to = ported ? (bytes[at + 2] << 8) | bytes[at + 3] : 0;
    const isDns = protocol === IpProtocol.Udp && (from === DNS_PORT || to === DNS_PORT);
    const byConnection = ported && !isDns;
    // A sum, so that both directions have the same hash.
    const sum = byConnection
      ? mixed(source ^ Math.imul(from, OTHER)) + mixed(destination ^ Math.imul(to, OTHER))
      : mixed(source) + mixed(destination);
    this.#hash = mixed(sum ^ vni) >>> 0;
    return byConnection ? OwnedBy.Connection : OwnedBy.Addresses;
  }
}

function mixed(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), GOLDEN);
  hash = Math.imul(hash ^ (hash >>> 15), OTHER);
  return hash ^ (hash >>> 16);
}
