/** What is measured: two containers on two nodes, and the overlay between them. */
import type { NamespaceBench } from '../../test/live/namespaces/namespace-bench.js';
import type { NamespaceProcess } from '../../test/live/namespaces/namespace-process.js';
import type { NetworkNamespace } from '../../test/live/namespaces/network-namespace.js';
import type { UnderlayNode } from '../../test/live/namespaces/underlay.js';
import type { NodeCounts } from './result.js';

/** The nodes and containers that an overlay is built on. Every overlay has its own. */
export interface Place {
  readonly bench: NamespaceBench;
  readonly nodes: readonly [UnderlayNode, UnderlayNode];
  /** For configs and keys; removed afterwards. */
  readonly folder: string;
}

/** A running overlay. */
export interface Setup {
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly clientAddress: string;
  readonly serverAddress: string;
  /** The processes that forward packets, the client's node first; empty if the kernel does. */
  readonly processes: readonly NamespaceProcess[];
  /** Ends them, and returns what vtep's own reports count. */
  readonly finish?: () => Promise<readonly NodeCounts[]>;
}

/** An overlay that can be built. */
export interface Overlay {
  /** Why it can't be measured here, and how to change that; undefined if it can. */
  missing(): string | undefined;
  /**
   * Builds it.
   * @throws Error with the output of the program that failed
   */
  open(place: Place): Promise<Setup>;
}

/** One node's part of an overlay. */
export interface End {
  /** The container's namespace. */
  readonly container: NetworkNamespace;
  readonly process?: NamespaceProcess;
  readonly finish?: () => Promise<NodeCounts>;
}

/** The containers' addresses, by their node: 1 or 2. */
export const CONTAINER_IPS = { 1: '10.0.9.3', 2: '10.0.9.4' } as const;
export type NodeIndex = 1 | 2;

/** The index of the other node. */
export function otherNode(node: NodeIndex): NodeIndex {
  return node === 1 ? 2 : 1;
}

/** The overlay between two ends. */
export function betweenEnds(client: End, server: End): Setup {
  const ends = [client, server];
  return {
    client: client.container,
    server: server.container,
    clientAddress: CONTAINER_IPS[1],
    serverAddress: CONTAINER_IPS[2],
    processes: ends.flatMap(({ process }) => process ?? []),
    finish: async () => Promise.all(ends.flatMap(({ finish }) => finish?.() ?? [])),
  };
}
