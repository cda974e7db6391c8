/** The results of `inspect` as plain data: the format of its `--json`. */
import type { FlowReport, TimeSeriesReport } from './flows/flow-report.js';
import type { GossipReport } from './gossip/gossip-report.js';
import type { ServiceReport } from './services/service-report.js';

/** Something that a user should know. */
export interface Problem {
  /** For programs: stable between versions. */
  readonly code: string;
  /** `warning`: something is wrong with the packets or the capture. `note`: unusual, or explains a number. */
  readonly severity: 'warning' | 'note';
  /** Number of occurrences. */
  readonly count: number;
  readonly message: string;
}

/** A capture's contents. Times are UTC in ISO 8601 with nanoseconds; byte counts are on the wire. */
export interface SurveyReport {
  /** The capture's name; for several captures, their names with commas between them. */
  readonly file: string;
  /** The captures' names, in the order in which they were read. */
  readonly files: readonly string[];
  /** The file format; `mixed` for captures of several formats. */
  readonly format: 'pcap' | 'pcapng' | 'live' | 'mixed';
  readonly linkTypes: readonly string[];
  /** Packets read. */
  readonly packets: number;
  /** Their length on the wire. */
  readonly bytes: number;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly durationSeconds: number;
  /** packets = inFrames + esp + other + held + filtered + the sum of dropped. */
  readonly accounting: {
    /** Packets that carried inner frames, including fragments. */
    readonly inFrames: number;
    /** ESP packets without keys. */
    readonly esp: number;
    readonly other: number;
    /** Fragments of packets that were incomplete at the end. */
    readonly held: number;
    /** Packets of VNIs other than the requested one. */
    readonly filtered: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** The VNIs of filtered packets, the most frequent first; at most 64. */
  readonly filtered: readonly { readonly vni: number; readonly packets: number }[];
  /** UDP ports whose packets look like VXLAN but aren't decoded as such: a heuristic. */
  readonly vxlanPorts: readonly { readonly port: number; readonly packets: number; readonly vnis: readonly number[] }[];
  /** Inner frames. */
  readonly frames: number;
  /** By VNI. */
  readonly networks: readonly {
    readonly vni: number;
    readonly frames: number;
    readonly bytes: number;
    readonly truncated: number;
    /** Frames that arrived in ESP. */
    readonly encrypted: number;
    readonly endpoints: number;
  }[];
  /** Traffic per network over time; null if the capture has no times. */
  readonly timeSeries: TimeSeriesReport | null;
  /** Conversations; null unless they were asked for. */
  readonly flows: FlowReport | null;
  /** Load of the services and their backends, those with the most bytes first; null without names. */
  readonly services: readonly ServiceReport[] | null;
  /** By VTEP pair and direction. */
  readonly tunnels: readonly {
    readonly source: string;
    readonly destination: string;
    readonly frames: number;
    readonly bytes: number;
    readonly espPackets: number;
    readonly espBytes: number;
    readonly vnis: readonly number[];
  }[];
  /** By VNI and MAC address. */
  readonly endpoints: readonly {
    readonly vni: number;
    readonly mac: string;
    readonly ip: string | null;
    /** What the description of the network calls it; null if it has nothing at the address. Only with names. */
    readonly name?: string | null;
    /** Whether it sent from behind another VTEP than that of its name's node. Only with names. */
    readonly stale?: boolean;
    readonly vtep: string;
    readonly moves: number;
    readonly sentFrames: number;
    readonly sentBytes: number;
    readonly receivedFrames: number;
    readonly receivedBytes: number;
  }[];
  /** By SPI and addresses. */
  readonly esp: readonly EspReport[];
  /** Lengths of packets on the wire and of inner frames. */
  readonly sizes: {
    readonly wire: SizeReport;
    readonly inner: SizeReport;
  };
  /** Fragments of outer and inner packets. */
  readonly fragments: {
    /** Outer fragments. */
    readonly fragments: number;
    /** Packets reassembled from them. */
    readonly reassembled: number;
    readonly held: number;
    /** Inner packets that are fragments themselves, sent by the containers. */
    readonly inner: number;
  };
  /** By kind of checksum. */
  readonly checksums: readonly {
    readonly name: string;
    readonly good: number;
    readonly absent: number;
    readonly partial: number;
    readonly bad: number;
  }[];
  readonly otherTraffic: readonly { readonly name: string; readonly packets: number; readonly bytes: number }[];
  /** The swarm's gossip; null without its keys. */
  readonly gossip: GossipReport | null;
  /** What is wrong, the same as `inspect` prints. */
  readonly problems: readonly Problem[];
  /** The implementation that decrypted ESP packets, and why no faster one was used; null without keys. */
  readonly cipher: CipherReport | null;
}

/** The cipher implementation of a run. */
export interface CipherReport {
  readonly name: string;
  readonly skipped: readonly { readonly name: string; readonly code: string; readonly reason: string }[];
}

/** An SPI in one direction. */
export interface EspReport {
  /** `0x` and 8 hexadecimal digits. */
  readonly spi: string;
  readonly source: string;
  readonly destination: string;
  readonly inUdp: boolean;
  readonly packets: number;
  readonly bytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly highestSequence: number;
  /** Packets whose ICV was valid; 0 without keys. */
  readonly opened: number;
  /** Packets that weren't decrypted, by drop reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** Sequence numbers missing between the first and the highest. */
  readonly missingSequences: number;
  /** Packets with the sequence number of another packet. */
  readonly repeatedSequences: number;
  /** Packets that reuse the nonce of a different packet; 0 if the packet sizes rule out AES-GCM. */
  readonly nonceReused: number;
  /** Packets that repeat a different packet's 8 bytes after the sequence number (AES-GCM's IV), whatever the cipher. */
  readonly ivRepeated: number;
  /** Bit-identical repetitions of a packet. */
  readonly duplicates: number;
  /** The ring's key that yields this SPI, and how the addresses were hashed into it (`mapped` or `short`). */
  readonly key: { readonly tag: number; readonly spiForm: string } | null;
}

/** Sizes of packets or frames in bytes. */
export interface SizeReport {
  readonly count: number;
  readonly smallest: number;
  readonly largest: number;
  readonly mean: number;
  readonly classes: readonly { readonly bytes: string; readonly count: number }[];
}
