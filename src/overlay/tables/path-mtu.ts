/**
 * A node's path MTUs: what the interfaces and ICMP report for each other node, and the resulting inner MTU of each
 * network. Learned values age (RFC 1191 section 6.3, RFC 8201 section 4) and never go below a floor. If forged ICMP
 * pushes the inner MTU below the 1280 bytes that IPv6 requires, egress resorts to outer fragments (`Forward`).
 */
import { OverlayError } from '../error.js';
import { mtuOf, type EspOverhead, type PathOptions } from '../mtu.js';
import { Profile } from '../profile.js';
import type { IndexedTopology } from '../topology.js';

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
const FIRST_CAPACITY = 16;
const UNLIMITED = 2 ** 31 - 1;

/** The ESP overhead of a profile. */
export function espOverheadOf(profile: Profile): EspOverhead {
  return { icvLength: profile === Profile.Strict ? 16 : 8 };
}

/** MTUs by node and network. */
export class PathMtu {
  readonly #topology: IndexedTopology;
  readonly #here: number;
  /** By node: smaller MTU of both interfaces; learned MTU, or 0; and when that expires. */
  #interface = new Int32Array(FIRST_CAPACITY);
  #learned = new Int32Array(FIRST_CAPACITY);
  #until = new Float64Array(FIRST_CAPACITY);
  /** When the first learned value expires. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** By node: inner MTU, for cleartext and encrypted networks in turn. */
  #fits = new Int32Array(2 * FIRST_CAPACITY);
  /** By network: whether it is encrypted, and its configured limit. */
  #sealed = new Uint8Array(FIRST_CAPACITY);
  #limit = new Int32Array(FIRST_CAPACITY);
  readonly #family: 4 | 6;
  readonly #expires: number;
  readonly #floor: number;

  /**
   * @param topology a topology, or tables that change: then call `updateNode` and `updateNetwork`
   * @param here index of this node in `topology.nodes`
   */
  constructor(topology: IndexedTopology, here: number, options: PathMtuOptions = {}) {
    const { nodes, networks } = topology;
    this.#topology = topology;
    this.#here = here;
    this.#family = nodes[here]?.vtep.length === 16 ? 6 : 4;
    this.#expires = options.expires ?? 600;
    this.#floor = this.#family === 4 ? (options.floor4 ?? 552) : IPV6_FLOOR;
    this.updateNode(here, true);
    networks.forEach((_, network) => this.updateNetwork(network));
  }

  /** The largest IP packet that reaches a node, in bytes. */
  underlay(node: number): number {
    const learned = this.#learned[node];
    return learned === 0 ? this.#interface[node] : learned;
  }

  /** The largest inner IP packet of a network that reaches a node unfragmented, in bytes; 0 if none does. */
  inner(network: number, node: number): number {
    return Math.min(this.#fits[2 * node + this.#sealed[network]], this.#limit[network]);
  }

  /**
   * Records an MTU that ICMP reported for a packet that this node sent.
   * @param mtu in bytes
   * @param now seconds of the caller's clock
   * @returns whether it lowers the path MTU
   */
  learn(node: number, mtu: number, now: number): boolean {
    const accepted = Math.max(mtu, this.#floor);
    if (accepted >= this.underlay(node)) return false;
    this.#learned[node] = accepted;
    this.#until[node] = now + this.#expires;
    this.#nextExpiry = Math.min(this.#nextExpiry, this.#until[node]);
    this.#fit(node);
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
      this.#fit(node);
    }
  }

  /**
   * Updates a node's values from the topology. A learned value is kept only while it is below the interfaces' MTU.
   * @param another whether the index now belongs to another node, or to none
   */
  updateNode(node: number, another: boolean): void {
    const { nodes } = this.#topology;
    this.#makeRoom(nodes.length, this.#topology.networks.length);
    if (another) this.#learned[node] = 0;
    // Every path includes this node's interface.
    const every = node === this.#here;
    for (let each = every ? 0 : node; each < (every ? nodes.length : node + 1); each++) {
      this.#interface[each] = Math.min(nodes[each]?.mtu ?? 0, nodes[this.#here]?.mtu ?? 0);
      if (this.#learned[each] >= this.#interface[each]) this.#learned[each] = 0;
      this.#fit(each);
    }
  }

  /** Updates a network's values from the topology. */
  updateNetwork(network: number): void {
    this.#makeRoom(this.#topology.nodes.length, this.#topology.networks.length);
    const now = this.#topology.networks[network];
    this.#sealed[network] = now?.encrypted === false ? 0 : 1;
    this.#limit[network] = now === undefined ? 0 : (now.mtu ?? UNLIMITED);
  }

  #fit(node: number): void {
    const path = { underlayMtu: this.underlay(node), family: this.#family };
    this.#fits[2 * node] = fitting(path);
    this.#fits[2 * node + 1] = fitting({ ...path, esp: espOverheadOf(this.#topology.profile) });
  }

  #makeRoom(nodes: number, networks: number): void {
    if (nodes > this.#learned.length) {
      const capacity = Math.max(nodes, 2 * this.#learned.length);
      this.#interface = copied(this.#interface, new Int32Array(capacity));
      this.#learned = copied(this.#learned, new Int32Array(capacity));
      this.#until = copied(this.#until, new Float64Array(capacity));
      this.#fits = copied(this.#fits, new Int32Array(2 * capacity));
    }
    if (networks > this.#limit.length) {
      const capacity = Math.max(networks, 2 * this.#limit.length);
      this.#sealed = copied(this.#sealed, new Uint8Array(capacity));
      this.#limit = copied(this.#limit, new Int32Array(capacity));
    }
  }
}

function copied<T extends Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The inner MTU of a path, or 0 if nothing fits. */
function fitting(path: PathOptions): number {
  if (path.underlayMtu === 0) return 0;
  try {
    return mtuOf(path).innerMtu;
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'BAD_MTU') return 0;
    throw error;
  }
}
