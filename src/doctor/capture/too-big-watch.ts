/** ICMP "fragmentation needed" and "packet too big", and whether the sender then sends smaller packets. */
import { getWord } from '../../memory/internal.js';
import {
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HEADER_LEN,
  IcmpType,
  Icmpv6Type,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  type Layers,
} from '../../wire/index.js';
import type { Occurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';

const MTU_AT = 6;
const ETHERNET_MTU = 1500;
const DONT_FRAGMENT = 0x40;
const IPV4_PROTOCOL_AT = 9;
const IPV6_NEXT_HEADER_AT = 6;
/** A sender has this many seconds to react: packets in flight, and a message that is lost once. */
const GRACE = 1;
/** Smallest MTU that a message is believed, in bytes (RFC 791). */
const MIN_MTU = 68;

/** A message that a packet was too big, from one reporter about one direction. */
export interface TooBig extends Occurrence {
  /** Whether it is about VXLAN or ESP between VTEPs; otherwise about a packet of a container. */
  readonly underlay: boolean;
  /** VNI of the network that the message is in; -1 outside of one. */
  readonly vni: number;
  /** Source of the message: a router, or the VTEP's node. */
  readonly reporter: string;
  /** Source and destination of the packet that was too big. */
  readonly sender: string;
  readonly destination: string;
  /** MTU that the message announces, in bytes; 0 if it doesn't (RFC 1191 section 3). */
  readonly mtu: number;
  /** Larger packets of the same direction that may not be fragmented, more than a second later. */
  readonly ignored: Occurrence;
}

/** Follows the messages of one layer: of the underlay, or of the networks. */
export class TooBigWatch {
  readonly #pairs: AddressPairs;
  /** By message's direction, packet's direction and MTU. */
  readonly #messages = new EventTable();
  readonly #ignored = new OccurrenceColumns();
  /** By direction of the packets: row of the last message, its MTU and time. */
  readonly #row: number[] = [];
  readonly #mtu: number[] = [];
  readonly #since: number[] = [];
  #any = false;

  readonly #underlay: boolean;

  /**
   * @param pairs ids of the directions of messages and of packets
   * @param underlay whether they are those between VTEPs
   */
  constructor(pairs: AddressPairs, underlay: boolean) {
    this.#pairs = pairs;
    this.#underlay = underlay;
  }

  /** Number of rows of messages. */
  get size(): number {
    return this.#messages.size;
  }

  get unlisted(): number {
    return this.#messages.unlisted;
  }

  /**
   * Takes an ICMP or ICMPv6 message, if it is one about a size.
   * @param direction id of the message's direction
   * @param end end of the captured bytes
   */
  add(stamp: PacketStamp, direction: number, scope: number, bytes: Uint8Array, layers: Layers, end: number): void {
    const at = layers.transportOffset;
    const quoted = at + ICMP_HEADER_LEN;
    const v4 = layers.family === 4;
    if (quoted + (v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) > Math.min(end, layers.networkEnd)) return;
    const isTooBig = v4
      ? bytes[at] === IcmpType.Unreachable && bytes[at + 1] === ICMP_FRAGMENTATION_NEEDED
      : bytes[at] === Icmpv6Type.PacketTooBig;
    if (!isTooBig || bytes[quoted] >>> 4 !== layers.family) return;
    const mtu = v4 ? (bytes[at + MTU_AT] << 8) | bytes[at + MTU_AT + 1] : getWord(bytes, at + 4) >>> 0;
    const packet = this.#pairs.of(scope, layers.family, bytes, quoted + (v4 ? 12 : 8));
    if (packet < 0) return;
    const row = this.#messages.add(stamp, direction, packet, Math.min(mtu, 0xffff));
    if (row < 0 || mtu < MIN_MTU) return;
    while (this.#row.length <= packet) {
      this.#row.push(-1);
      this.#mtu.push(0);
      this.#since.push(Number.NaN);
    }
    if (this.#mtu[packet] === 0 || mtu < this.#mtu[packet]) {
      this.#row[packet] = row;
      this.#mtu[packet] = mtu;
      this.#since[packet] = stamp.seconds;
    }
    this.#any = true;
  }

  /** Compares an IP packet with what was announced for its direction. */
  check(stamp: PacketStamp, direction: number, bytes: Uint8Array, layers: Layers): void {
    if (!this.#any || direction >= this.#mtu.length) return;
    const mtu = this.#mtu[direction];
    const { networkOffset, networkEnd, family } = layers;
    const length = networkEnd - networkOffset;
    if (mtu === 0 || length <= mtu || !(stamp.seconds - this.#since[direction] > GRACE)) return;
    // With offloads, a capture on the sender has segments before they are cut to size.
    if (layers.protocol === IpProtocol.Tcp && length > ETHERNET_MTU) return;
    if (family === 4 && (bytes[networkOffset + 6] & DONT_FRAGMENT) === 0) return;
    this.#ignored.add(this.#row[direction], stamp);
  }

  /** Every message. */
  report(): TooBig[] {
    const pairs = this.#pairs;
    return this.#messages.map((row) => {
      const packet = this.#messages.word(row, 1);
      return {
        ...this.#messages.occurrence(row),
        underlay: this.#underlay,
        vni: pairs.scope(packet),
        reporter: pairs.source(this.#messages.word(row, 0)),
        sender: pairs.source(packet),
        destination: pairs.destination(packet),
        mtu: this.#messages.word(row, 2),
        ignored: this.#ignored.occurrence(row),
      };
    });
  }
}

/**
 * Whether an ICMP message quotes VXLAN or ESP.
 * @param ports UDP ports of VXLAN
 */
export function quotesTunnel(bytes: Uint8Array, layers: Layers, end: number, ports: readonly number[]): boolean {
  const quoted = layers.transportOffset + ICMP_HEADER_LEN;
  const v4 = layers.family === 4;
  const udp = quoted + (v4 ? (bytes[quoted] & 0xf) * 4 : IPV6_HEADER_LEN);
  if (udp + 4 > Math.min(end, layers.networkEnd)) return false;
  const protocol = bytes[quoted + (v4 ? IPV4_PROTOCOL_AT : IPV6_NEXT_HEADER_AT)];
  if (protocol === IpProtocol.Esp) return true;
  return protocol === IpProtocol.Udp && ports.includes((bytes[udp + 2] << 8) | bytes[udp + 3]);
}

/** Whether a packet may be such a message. */
export function isIcmp({ family, protocol, isFragment }: Layers): boolean {
  return (protocol === IpProtocol.Icmp || protocol === IpProtocol.Icmpv6) && family !== 0 && !isFragment;
}
