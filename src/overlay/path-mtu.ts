/**
 * Path MTUs of a node: to each other node what the interfaces and ICMP say, and from that what fits inside each network.
 * Learned values age (RFC 1191 section 6.3, RFC 8201 section 4) and never go below a floor. What a forged ICMP could still
 * do below the 1280 bytes that IPv6 needs inside, the egress makes up for with outer fragments (`Forward`).
 */
import { OverlayError } from './error.js';
import { mtuOf, type EspOverhead, type PathOptions } from './mtu.js';
import { Profile } from './profile.js';
import type { Topology } from './topology.js';

/** Bounds of what is learned. */
export interface PathMtuOptions {
  /** Seconds until a learned path MTU is forgotten; 600, as Linux's `mtu_expires`. */
  readonly expires?: number;
  /** The smallest path MTU that is believed, IPv4; 552, as Linux's `min_pmtu`. IPv6's is 1280. */
  readonly floor4?: number;
}

const IPV6_FLOOR = 1280;

/** What ESP takes in a profile. */
export function espOverheadOf(profile: Profile): EspOverhead {
  return { icvLength: profile === Profile.Strict ? 16 : 8 };
}

/** MTUs by node and network. */
export class PathMtu {
  readonly #topology: Topology;
  /** By node: what its interface and ours carry; what was learned, and until when it holds. */
  readonly #interface: Int32Array;
  readonly #learned: Int32Array;
  readonly #until: Float64Array;
  /** When the first of them is over its time. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** By network and node. */
  readonly #inner: Int32Array;
  readonly #family: 4 | 6;
  readonly #expires: number;
  readonly #floor: number;

  /** @param node place of this node in `topology.nodes` */
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

  /** The largest inner IP packet of a network that reaches a node whole, in bytes; 0 if none does. */
  inner(network: number, node: number): number {
    return this.#inner[network * this.#interface.length + node];
  }

  /**
   * Takes note of an MTU that ICMP told about a packet of ours.
   * @param now seconds of the caller's clock
   * @returns whether it lowers what was known
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

  /** Forgets what is over its time; costs nothing where nothing is. */
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
    networks.forEach((network, place) => {
      const path: PathOptions = {
        underlayMtu,
        family: this.#family,
        ...(network.encrypted ? { esp: espOverheadOf(profile) } : {}),
      };
      const fits = fitting(path);
      this.#inner[place * this.#interface.length + node] = Math.min(fits, network.mtu ?? fits);
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
