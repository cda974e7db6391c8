/** Results of a benchmark: one for each measured combination, and those of other programs. */

import type { TunnelResult } from './tunnels.js';

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
  /** The load balancer's translation to a backend, of known connections. */
  Balance: 'balance',
  /** An answer of the DNS server, from a query in memory. */
  Dns: 'dns',
  /** From a frame in the arena to a packet for the wire. */
  Egress: 'egress',
  /** From a packet on the wire to a frame of an endpoint. */
  Ingress: 'ingress',
  /** Both chains with the strict profile: derived keys, ICVs of 16 bytes, ESN, a replay window of 1024. */
  StrictEgress: 'strict egress',
  StrictIngress: 'strict ingress',
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** Frame size in bytes: constant, or a mix of 64, 594 and 1518 as 7 to 4 to 1. */
export type FrameSize = number | 'imix';

/** The result for one combination. */
export interface BenchResult {
  readonly stage: Stage;
  /** Whether the frames' network is encrypted. */
  readonly encrypted: boolean;
  /** Size of the containers' frames, with Ethernet header and without FCS; outer headers don't count. */
  readonly bytes: FrameSize;
  /** The cipher, or null if none is used. */
  readonly backend: string | null;
  /** Packets per batch. */
  readonly batch: number;
  /**
   * Flows, each to a different node: as many tunnels, and with `encrypted` as many SAs per direction. Entries of a lookup,
   * connections of the load balancer, services of the DNS server.
   */
  readonly flows: number;
  /** Packets per second, the median of the runs. */
  readonly pps: number;
  readonly nsPerPacket: number;
  /** Frame bits per second. */
  readonly bitsPerSecond: number;
  /** Range of the runs, in percent of the median. */
  readonly spread: number;
  /** Nanoseconds per packet of the fastest run: what the machine achieves undisturbed. */
  readonly best: number;
}

/** Another program's result for the same work. */
export interface PeerResult {
  /** Its name: `gopacket`, `createCipheriv`, `linux vxlan`, ... */
  readonly peer: string;
  /** A short description of what it did. */
  readonly what: string;
  /** vtep's stage that does the same. */
  readonly stage: Stage;
  /** Bytes processed per packet, as in `BenchResult`; null if not meaningful. */
  readonly bytes: FrameSize | null;
  readonly pps: number;
  readonly nsPerPacket: number;
  readonly bitsPerSecond: number;
  readonly spread: number;
}

/** A program that was not measured, and why. */
export interface MissingPeer {
  readonly peer: string;
  readonly what: string;
  /** What is missing, and how to install it. */
  readonly missing: string;
}

/** A whole run. */
export interface BenchReport {
  /** Processor, cores, system, instructions for AES-GCM. */
  readonly machine: string;
  /** The processor's instructions for AES-GCM: `AES-NI`, `VAES`, ... Absent if unknown, as in older reports. */
  readonly aes?: readonly string[];
  /** Node's version. */
  readonly node: string;
  /** Date of the run: YYYY-MM-DD. */
  readonly date: string;
  readonly results: readonly BenchResult[];
  readonly peers: readonly PeerResult[];
  readonly notMeasured: readonly MissingPeer[];
  /** Sealing and opening over few and many tunnels, with the fastest cipher. */
  readonly tunnels?: readonly TunnelResult[];
}
