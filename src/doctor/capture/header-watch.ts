/** What a Swarm tunnel never carries: VXLAN headers with reserved bits, ARP, broadcast and multicast frames. */
import { getWord } from '../../memory/internal.js';
import { VXLAN_FLAG_G, VXLAN_HEADER_LEN } from '../../wire/index.js';
import type { TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import type { PacketStamp } from './packet-stamp.js';

const FRAME_ARP = 0;
const FRAME_BROADCAST = 1;
const FRAME_MULTICAST = 2;

/** VXLAN packets with reserved bits. */
export interface ReservedBits extends TunnelOccurrence {
  /** The first byte of the header, of the first such packet. */
  readonly flags: number;
  /** Whether the bits are those of a group policy (VXLAN-GBP). */
  readonly groupPolicy: boolean;
}

/** Frames that a node of a Swarm neither sends nor floods. */
export interface FloodedFrames extends TunnelOccurrence {
  readonly kind: 'ARP' | 'broadcast' | 'multicast';
}

/** Follows such headers. */
export class HeaderWatch {
  readonly #tunnels: AddressPairs;
  readonly #reserved = new EventTable();
  readonly #frames = new EventTable();

  /** @param tunnels ids of the directions */
  constructor(tunnels: AddressPairs) {
    this.#tunnels = tunnels;
  }

  /** Number of rows. */
  get size(): number {
    return this.#reserved.size + this.#frames.size;
  }

  get unlisted(): number {
    return this.#reserved.unlisted + this.#frames.unlisted;
  }

  /**
   * Counts a VXLAN packet with reserved bits.
   * @param at offset of its VXLAN header
   */
  addReserved(stamp: PacketStamp, tunnel: number, bytes: Uint8Array, at: number): void {
    if (at + VXLAN_HEADER_LEN > bytes.length) return;
    this.#reserved.add(stamp, tunnel, getWord(bytes, at + 4) >>> 8, bytes[at]);
  }

  /** Counts an ARP frame. */
  addArp(stamp: PacketStamp, tunnel: number, vni: number): void {
    this.#frames.add(stamp, tunnel, vni, FRAME_ARP);
  }

  /**
   * Counts a frame to a group address that isn't ARP.
   * @param broadcast whether it is to all stations
   */
  addGroup(stamp: PacketStamp, tunnel: number, vni: number, broadcast: boolean): void {
    this.#frames.add(stamp, tunnel, vni, broadcast ? FRAME_BROADCAST : FRAME_MULTICAST);
  }

  reservedReport(): ReservedBits[] {
    return this.#reserved.map((row) => {
      const flags = this.#reserved.word(row, 2);
      return {
        ...this.#reserved.occurrence(row),
        ...this.#direction(this.#reserved.word(row, 0)),
        vni: this.#reserved.word(row, 1),
        flags,
        groupPolicy: (flags & VXLAN_FLAG_G) !== 0,
      };
    });
  }

  floodedReport(): FloodedFrames[] {
    const kinds = ['ARP', 'broadcast', 'multicast'] as const;
    return this.#frames.map((row) => ({
      ...this.#frames.occurrence(row),
      ...this.#direction(this.#frames.word(row, 0)),
      vni: this.#frames.word(row, 1),
      kind: kinds[this.#frames.word(row, 2)],
    }));
  }

  #direction(tunnel: number): { readonly source: string; readonly destination: string } {
    return { source: this.#tunnels.source(tunnel), destination: this.#tunnels.destination(tunnel) };
  }
}
