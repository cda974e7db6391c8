/** Options of a VTEP in a swarm, and the networks and endpoints that it gets later. */
import type { LearnedNetwork } from '../gossip/index.js';
import type { LiveVtepOptions } from '../live/index.js';
import type { Node } from '../overlay/index.js';
import type { SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './member/swarm-gossip.js';

/** Starts a member. */
export type OpenGossip = (options: SwarmGossipOptions, listener: SwarmGossipListener) => Promise<SwarmGossip>;

/** Options of a VTEP whose peers, endpoints and services come from gossip. */
export interface SwarmVtepOptions extends Omit<LiveVtepOptions, 'topology' | 'node'> {
  /** This node; the others are learned, with its MTU. */
  readonly here: Node;
  /**
   * VXLAN UDP port.
   * @default 4789
   */
  readonly port?: number;
  readonly gossip: SwarmGossipOptions;
  /**
   * Starts the member of the swarm's gossip.
   * @default in a thread of its own, since packets mustn't delay its answers
   */
  readonly openGossip?: OpenGossip;
}

/** An endpoint of this node, which it announces to the others. */
export interface OwnEndpoint {
  /** Its key in gossip: 64 hexadecimal digits in Docker; undefined for random ones. */
  readonly id?: string;
  /** Its name in DNS. */
  readonly name: string;
  /** Further names of it. */
  readonly aliases?: readonly string[];
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Name of its interface. */
  readonly device?: string;
  /** The interface's network namespace: an `ip netns` name or a path. */
  readonly netns?: string;
}

/** A network to join, with this node's endpoints on it. */
export interface JoinedNetwork extends LearnedNetwork {
  readonly endpoints: readonly OwnEndpoint[];
}
