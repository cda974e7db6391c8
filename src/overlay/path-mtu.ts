/**
 * A node's path MTUs: what the interfaces and ICMP report for each other node, and the resulting inner MTU of each
 * network. Learned values age (RFC 1191 section 6.3, RFC 8201 section 4) and never go below a floor. If forged ICMP
 * pushes the inner MTU below the 1280 bytes that IPv6 requires, egress resorts to outer fragments (`Forward`).
 */
import { OverlayError } from './error.js';
import { mtuOf, type EspOverhead, type PathOptions } from './mtu.js';
import { Profile } from './profile.js';
import type { Topology } from './topology.js';

/** Limits of learned values. */
export interface PathMtuOptions {
  /**
   * Seconds until a learned path MTU expires.
   * @default 600 (Linux's `mtu_expires`)
   */
  readonly expires?: number;
  /**
   * The smallest IPv4 path MTU that is accepted, in bytes. IPv6's is 1280.
   * @default 552 (Linux's `min_pmtu`)
   */
  readonly floor4?: number;
}

const IPV6_FLOOR = 1280;

/** The ESP overhead of a profile. */
export function espOverheadOf(profile: Profile): EspOverhead {
  return { icvLength: profile === Profile.Strict ? 16 : 8 };
}

/** MTUs by node and network. */
export class PathMtu {
  readonly #topology: Topology;
  /** By node: MTU of both interfaces, learned MTU (0: none), and expiry time of the latter. */
  readonly #interface: Int32Array;
  readonly #learned: Int32Array;
  readonly #until: Float64Array;
  /** Time of the next expiry. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** By network and node. */
  readonly #inner: Int32Array;
  readonly #family: 4 | 6;
  readonly #expires: number;
  readonly #floor: number;

  /** @param node index of this node in `topology.nodes` */
  constructor(topology: Topology, node: number, options: PathMtuOptions = {}) {
    const { nodes, networks } = topology;
    this.#topology = topology;
    this.#family = nodes[node].vtep.length === 4 ? 4 : 6;
    this.#expires = options.expires ?? 600;
    this.#floor = this.#family === 4 ? (options.floor4 ?? 552) : IPV6_FLOOR;
    this.#interface = Int32Array.from(nodes, (other) => Math.min(other.mtu, nodes[node].mtu));
    this.#learned = new Int32Array(nodes.length);
    this.#until = new Float64Array(nodes.length);
    this.#inner = new Int32Array(networks.length * nodes.length);
    nodes.forEach((_, other) => this.#update(other));
  }

  /** The largest IP packet that reaches a node, in bytes. */
  underlay(node: number): number {
    const learned = this.#learned[node];
    return learned === 0 ? this.#interface[node] : learned;
  }

  /** The largest inner IP packet of a network that reaches a node unfragmented, in bytes; 0 if none does. */
  inner(network: number, node: number): number {
    return this.#inner[network * this.#interface.length + node];
  }

  /**
   * Records an MTU that ICMP reported for one of our packets.
   * @param mtu in bytes
   * @param now seconds of the caller's clock
   * @returns whether it lowers the path MTU
   */
  learn(node: number, mtu: number, now: number): boolean {
    const believed = Math.max(mtu, this.#floor);
    if (believed >= this.underlay(node)) return false;
    this.#learned[node] = believed;
    this.#until[node] = now + this.#expires;
    this.#nextExpiry = Math.min(this.#nextExpiry, this.#until[node]);
    this.#update(node);
    return true;
  }

  /** Drops expired values; cheap if there are none. */
  expire(now: number): void {
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (let node = 0; node < this.#learned.length; node++) {
      if (this.#learned[node] === 0) continue;
      if (now < this.#until[node]) {
        this.#nextExpiry = Math.min(this.#nextExpiry, this.#until[node]);
        continue;
      }
      this.#learned[node] = 0;
      this.#update(node);
    }
  }

  #update(node: number): void {
    const { networks, profile } = this.#topology;
    const underlayMtu = this.underlay(node);
    networks.forEach((network, index) => {
      const path: PathOptions = {
        underlayMtu,
        family: this.#family,
        ...(network.encrypted ? { esp: espOverheadOf(profile) } : {}),
      };
      const fits = fitting(path);
      this.#inner[index * this.#interface.length + node] = Math.min(fits, network.mtu ?? fits);
    });
  }
}

/** The inner MTU of a path, or 0 if nothing fits. */
function fitting(path: PathOptions): number {
  try {
    return mtuOf(path).innerMtu;
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'BAD_MTU') return 0;
    throw error;
  }
}
