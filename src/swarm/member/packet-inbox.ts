import type { GossipBounds } from './gossip-bounds.js';
import type { KnownAddresses } from './known-addresses.js';

/** Budgets are for this time, in milliseconds. */
const INTERVAL = 100;

/** A packet that arrived. */
export interface ArrivedPacket {
  readonly bytes: Uint8Array;
  /** IPv4 or IPv6 address as text. */
  readonly address: string;
  readonly port: number;
}

/**
 * Packets that wait to be decrypted. Those of members come first, and each sender has a budget, so that strangers can't
 * keep a member from its work, however much they send. Anybody can forge a member's address: members have budgets, too.
 */
export class PacketInbox {
  readonly #bounds: GossipBounds;
  readonly #known: KnownAddresses;
  readonly #members: ArrivedPacket[] = [];
  readonly #strangers: ArrivedPacket[] = [];
  /** Packets in this interval, by member. */
  readonly #byMember = new Map<string, number>();
  #fromMembers = 0;
  #fromStrangers = 0;
  #intervalEnd = -Infinity;

  constructor(bounds: GossipBounds, known: KnownAddresses) {
    this.#bounds = bounds;
    this.#known = known;
  }

  get length(): number {
    return this.#members.length + this.#strangers.length;
  }

  /** Adds a packet. Returns false if it is over the budget. */
  offer(packet: ArrivedPacket, now: number): boolean {
    if (now >= this.#intervalEnd) {
      this.#intervalEnd = now + INTERVAL;
      this.#byMember.clear();
      this.#fromMembers = 0;
      this.#fromStrangers = 0;
    }
    const { strangerPackets, memberPackets, packets } = this.#bounds;
    if (!this.#known.has(packet.address)) {
      if (this.#fromStrangers >= strangerPackets || this.#strangers.length >= strangerPackets) return false;
      this.#fromStrangers += 1;
      this.#strangers.push(packet);
      return true;
    }
    const before = this.#byMember.get(packet.address) ?? 0;
    if (before >= memberPackets || this.#fromMembers >= packets || this.#members.length >= packets) return false;
    this.#byMember.set(packet.address, before + 1);
    this.#fromMembers += 1;
    this.#members.push(packet);
    return true;
  }

  /** Takes at most `count` packets, those of members first. */
  take(count: number): ArrivedPacket[] {
    const taken = this.#members.splice(0, count);
    if (taken.length < count) taken.push(...this.#strangers.splice(0, count - taken.length));
    return taken;
  }
}
