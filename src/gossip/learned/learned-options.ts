/** Options of learned tables. */
export interface LearnedTablesOptions {
  /** This node's VTEP: 4 or 16 bytes. Entries with VTEPs of the other family are refused. */
  readonly vtep: Uint8Array;
  /** This node's name in gossip: its own entries are ignored. */
  readonly name: string;
  /**
   * This node's name in the topology.
   * @default its name in gossip
   */
  readonly node?: string;
  /** MTU of the underlay interfaces of all nodes, in bytes. */
  readonly mtu: number;
  /**
   * Most other nodes.
   * @default 4096
   */
  readonly maxNodes?: number;
  /**
   * Most keys of entries on all networks.
   * @default 65536
   */
  readonly maxEndpoints?: number;
  /**
   * Most keys of entries on one network.
   * @default 16384
   */
  readonly maxPerNetwork?: number;
  /**
   * Most bytes of all values.
   * @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number;
  /** Receives a description of each problem, once: somebody else claims the address of an endpoint of this node. */
  readonly onTrouble?: (text: string) => void;
}

/** The bounds of learned tables, where none is given. */
export const DEFAULT_BOUNDS = {
  maxNodes: 4096,
  maxEndpoints: 65_536,
  maxPerNetwork: 16_384,
  maxBytes: 64 * 1024 * 1024,
} as const;
