/** What a benchmark says: one result for each combination that was measured, and the others that were measured beside it. */

/** What is measured: a stage of the data plane, or a chain of all of them. */
export const Stage = {
  Decode: 'decode',
  Forward: 'forward',
  Encap: 'encap',
  Seal: 'seal',
  Open: 'open',
  Decap: 'decap',
  Fragment: 'fragment',
  Reassemble: 'reassemble',
  Lookup: 'lookup',
  /** Frame in the arena to packet for the wire. */
  Egress: 'egress',
  /** Packet off the wire to frame of an endpoint. */
  Ingress: 'ingress',
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** Bytes of the frames: all alike, or a mix of 64, 594 and 1518 as 7 to 4 to 1. */
export type FrameSize = number | 'imix';

/** What one combination reached. */
export interface BenchResult {
  readonly stage: Stage;
  /** Whether the frames' network is encrypted. */
  readonly encrypted: boolean;
  /** Bytes of the containers' frames, Ethernet header included, FCS not; headers around them don't count. */
  readonly bytes: FrameSize;
  /** The cipher, or null where none is used. */
  readonly backend: string | null;
  /** Packets that go through a stage together. */
  readonly batch: number;
  /** Flows, each to a node of its own: so many tunnels, and with `encrypted` so many SAs a direction. */
  readonly flows: number;
  /** Packets a second, the median of the runs. */
  readonly pps: number;
  readonly nsPerPacket: number;
  /** Bits of frames a second. */
  readonly bitsPerSecond: number;
  /** How far the runs' extremes lie apart, in percent of the median. */
  readonly spread: number;
  /** Nanoseconds a packet of the fastest run: what the machine gives while nobody else has it. */
  readonly best: number;
}

/** What somebody else's program reached at the same work. */
export interface PeerResult {
  /** Its name: `gopacket`, `createCipheriv`, `linux vxlan`, ... */
  readonly peer: string;
  /** What it did, in a few words. */
  readonly what: string;
  /** The stage of ours that does the same. */
  readonly stage: Stage;
  /** Bytes that it worked on a packet, as of `BenchResult`; null where that has no meaning. */
  readonly bytes: FrameSize | null;
  readonly pps: number;
  readonly nsPerPacket: number;
  readonly bitsPerSecond: number;
  readonly spread: number;
}

/** Somebody who was not measured, and why. */
export interface MissingPeer {
  readonly peer: string;
  readonly what: string;
  /** What is missing, and how to get it. */
  readonly missing: string;
}

/** A whole run. */
export interface BenchReport {
  /** Processor, cores, system. */
  readonly machine: string;
  /** Node's version. */
  readonly node: string;
  /** Of the run: YYYY-MM-DD. */
  readonly date: string;
  readonly results: readonly BenchResult[];
  readonly peers: readonly PeerResult[];
  readonly notMeasured: readonly MissingPeer[];
}
