/** Results of the live benchmark. */
import type { MachineFacts } from '../machine.js';
import type { MissingPeer } from '../result.js';

/** What is sent. */
export const Traffic = {
  Tcp1: 'tcp1',
  Tcp4: 'tcp4',
  Udp64: 'udp64',
  Udp1400: 'udp1400',
  Ping5: 'ping5',
  Ping200: 'ping200',
} as const;
export type Traffic = (typeof Traffic)[keyof typeof Traffic];

/** A median, and the range of the rounds. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One line in one round. */
export interface Sample {
  /** TCP: bits per second of the receiver. UDP: datagrams per second that arrived. Ping: median in milliseconds. */
  readonly value: number;
  /** CPU time of each forwarding process per second, in percent: the client's node first. */
  readonly cpu: readonly number[];
  /** Retransmitted TCP segments. */
  readonly retransmits?: number;
  /** Share of the datagrams that was lost, 0 to 1. */
  readonly lost?: number;
  /** Round-trip times in milliseconds. */
  readonly roundTrips?: readonly number[];
  /** Pings sent. */
  readonly sent?: number;
}

/** A line and a kind of traffic over all rounds. */
export interface LineResult {
  /** `kernel->vtep`, `openvpn`, ... */
  readonly line: string;
  readonly traffic: Traffic;
  /** Whether the wire between the nodes has its offloads. */
  readonly offloads: boolean;
  /** `bit/s`, `datagrams/s` or `ms`. */
  readonly unit: string;
  readonly figure: Figure;
  /** Relative to the kernel at both ends: the median of the ratios within each round. */
  readonly ratio?: number;
  /** Median over the rounds for each process, in percent of a core. */
  readonly cpu: readonly number[];
  /** Sum over all rounds. */
  readonly retransmits?: number;
  /** Mean share of the datagrams that was lost, 0 to 1. */
  readonly lost?: number;
  /** Percentiles over the pings of all rounds, in milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  readonly pings?: { readonly sent: number; readonly answered: number };
  readonly rounds: readonly number[];
}

/** System calls of a line's processes during one TCP stream, per megabyte (10^6 bytes) that arrived. */
export interface CallCount {
  readonly line: string;
  readonly offloads: boolean;
  /** The client's node first. */
  readonly perMegabyte: readonly number[];
  readonly megabytes: number;
}

/** What a vtep counted from its start to its end. */
export interface NodeCounts {
  /** Datagrams from and to the underlay. */
  readonly received: number;
  readonly sent: number;
  /** Datagrams that the system refused to send, and those that were received but had to be discarded. */
  readonly refused: number;
  readonly overrun: number;
  /** Packets dropped in both directions. */
  readonly dropped: number;
  /** Whether in + made = out + dropped + held in both directions. */
  readonly balanced: boolean;
}

/** The counts of a line's nodes. */
export interface LineCounts {
  readonly line: string;
  readonly offloads: boolean;
  /** The client's node first, of those with a vtep. */
  readonly nodes: readonly NodeCounts[];
}

/** A whole run. */
export interface LiveReport {
  readonly machine: MachineFacts;
  /** Node's version. */
  readonly node: string;
  /** Date of the run: YYYY-MM-DD. */
  readonly date: string;
  /** Seconds of each measurement, and their number. */
  readonly seconds: number;
  readonly rounds: number;
  /** Load averages over a minute before and after the run. */
  readonly load: readonly [before: number, after: number];
  /** Where the other build is, whose lines are those of `vtep2`. */
  readonly against?: string;
  /** What the lines are: programs, versions, ciphers. */
  readonly lines: readonly { readonly line: string; readonly what: string }[];
  readonly results: readonly LineResult[];
  readonly calls: readonly CallCount[];
  readonly counts: readonly LineCounts[];
  readonly notMeasured: readonly MissingPeer[];
}
