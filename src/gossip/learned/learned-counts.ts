/** What became of the table changes that a node has heard of. */

/** Why a change of an entry, or what it says, wasn't taken over. */
export const LearnedRefusal = {
  /** Of a network that this node isn't on. */
  UnknownNetwork: 'unknown-network',
  /** Of a table that a swarm doesn't have. */
  UnknownTable: 'unknown-table',
  /** The value can't be decoded, or an address, MAC or name in it isn't one. */
  BadRecord: 'bad-record',
  /** A group MAC, or zero. */
  BadMac: 'bad-mac',
  /** A VTEP that is unspecified, a group, broadcast, a loopback address, or of the other family. */
  BadVtep: 'bad-vtep',
  /** A name or alias is too long. */
  LongName: 'long-name',
  /** An address in none of the network's subnets. */
  OutsideSubnets: 'outside-subnets',
  /** Another node's entry with this node's VTEP. */
  OwnVtep: 'own-vtep',
  /** Another node's entry with the key of one of this node's. */
  OwnKey: 'own-key',
  /** Another node's entry with an address or MAC of one of this node's endpoints. */
  OwnAddress: 'own-address',
  /** There is no room for another node. */
  TooManyNodes: 'too-many-nodes',
  /** There is no room for another endpoint, on its network or at all, or for its value. */
  TooManyEndpoints: 'too-many-endpoints',
} as const;
export type LearnedRefusal = (typeof LearnedRefusal)[keyof typeof LearnedRefusal];

/** Counters of learned tables. */
export interface LearnedCounts {
  /** Changes of entries, refused ones included; those of this node's own entries aren't counted. */
  readonly changes: number;
  /** Nodes, endpoints and service records at present, without this node's own. */
  readonly nodes: number;
  readonly endpoints: number;
  readonly records: number;
  /** What was refused, by reason: each time that it was. */
  readonly refused: Readonly<Partial<Record<LearnedRefusal, number>>>;
}
