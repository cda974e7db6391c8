/** The balancer's own stack: what it answers itself, and at which rate. */
import type { RandomBytes } from '../../memory/index.js';
import {
  ARP_PACKET_LEN,
  ArpOperation,
  checkArp,
  ETHERNET_HEADER_LEN,
  HeaderError,
  ICMP_HEADER_LEN,
  IcmpType,
  IPV4_HEADER_LEN,
  TcpFlag,
} from '../../wire/index.js';
import { BalanceDrop } from './balance-drop.js';
import type { BalanceVerdict } from './balance-verdict.js';
import type { Behaviour } from './behaviour.js';
import type { Leg } from './leg.js';
import { RandomShorts } from './nat/source-port.js';
import { isAnswerable, writeArpReply, writeEchoReply, writeIcmpError, writeReset } from './own-answers.js';
import type { Packet } from './packet.js';
import type { Services } from './services/services.js';

/** Linux's `icmp_msgs_per_sec` and `icmp_msgs_burst`. */
const ERRORS_PER_SECOND = 1000;
const ERROR_BURST = 50;
const SECOND = 1000;
const TCP_FLAGS = 13;
const MULTICAST = 224;
const PORT_UNREACHABLE = 3;

/** Answers what is addressed to the balancer itself. */
export class Answers {
  readonly #front: Leg;
  readonly #back: Leg;
  readonly #services: Services;
  readonly #shorts: RandomShorts;
  readonly #dropsLocalSources: boolean;
  #tokens = ERROR_BURST;
  #refilled = 0;

  /** @param random for identifications */
  constructor(front: Leg, back: Leg, services: Services, random: RandomBytes, behaviour: Behaviour) {
    this.#front = front;
    this.#back = back;
    this.#services = services;
    this.#shorts = new RandomShorts(random);
    this.#dropsLocalSources = behaviour.dropsLocalSources;
  }

  /** Whether an address is one of the balancer's: an interface's or a VIP. */
  isLocal(address: number): boolean {
    return address === this.#back.address || address === this.#front.address || this.#services.ofVip(address) >= 0;
  }

  /**
   * Answers an ARP request for one of its addresses.
   * @returns end of the reply, or -1 if the frame is to be ignored
   */
  arp(packet: Packet, start: number, end: number): number {
    const { bytes, view } = packet;
    const arp = start + ETHERNET_HEADER_LEN;
    if (checkArp(bytes, arp, end) !== HeaderError.None) return -1;
    const wanted = view.getInt32(arp + 24);
    if (this.isLocalSource(view.getInt32(arp + 14))) return -1;
    if (view.getUint16(arp + 6) !== ArpOperation.Request || !this.isLocal(wanted)) return -1;
    const leg = wanted === this.#front.address ? this.#front : this.#back;
    writeArpReply(bytes, start, leg.macHigh, leg.macLow);
    return arp + ARP_PACKET_LEN;
  }

  /** Whether Linux would take an address for its own and drop packets from it. */
  isLocalSource(address: number): boolean {
    return this.#dropsLocalSources && this.#services.ofVip(address) >= 0;
  }

  /** Answers an echo request. */
  echo(packet: Packet): BalanceVerdict {
    if (this.isLocalSource(packet.source)) return packet.refuse(BalanceDrop.LocalSource);
    if (!this.isLocal(packet.destination)) return packet.refuse(BalanceDrop.OtherHost);
    writeEchoReply(packet.bytes, packet.at, packet.transport, this.#shorts.next());
    return packet.answer();
  }

  /** Resets a TCP segment that belongs to no connection. */
  reset(packet: Packet): BalanceVerdict {
    const { bytes, at, transport } = packet;
    if ((bytes[transport + TCP_FLAGS] & TcpFlag.Rst) !== 0) return packet.refuse(BalanceDrop.NoSocket);
    if (bytes[at + 12] === 0 || bytes[at + 12] >= MULTICAST) return packet.refuse(BalanceDrop.Unanswerable);
    packet.end = writeReset(bytes, at, transport, packet.end);
    return packet.answer();
  }

  /** Answers a packet to a port that nobody listens on. */
  unreachable(packet: Packet): BalanceVerdict {
    return this.error(packet, IcmpType.Unreachable, PORT_UNREACHABLE);
  }

  /** Answers with an ICMP error about the packet, if the rules and the rate allow it. */
  error(packet: Packet, type: number, code: number): BalanceVerdict {
    const { bytes, at, transport, end } = packet;
    if (!isAnswerable(bytes, at, transport, end)) return packet.refuse(BalanceDrop.Unanswerable);
    if (!this.#takeToken(packet.now)) return packet.refuse(BalanceDrop.IcmpRateLimited);
    packet.end = writeIcmpError(bytes, at, end, type, code, this.#shorts.next());
    packet.at = at - IPV4_HEADER_LEN - ICMP_HEADER_LEN;
    return packet.answer();
  }

  #takeToken(now: number): boolean {
    const since = (now - this.#refilled) | 0;
    this.#refilled = now;
    if (since > 0) this.#tokens = Math.min(ERROR_BURST, this.#tokens + (since * ERRORS_PER_SECOND) / SECOND);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
