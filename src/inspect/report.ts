/** What `inspect` found, as plain data: the shape of its `--json`. */

/** Something that a user should know. */
export interface Problem {
  /** For programs: stable between versions. */
  readonly code: string;
  /** `warning`: something is wrong with the packets or the capture. `note`: it only looks odd, or explains a number. */
  readonly severity: 'warning' | 'note';
  /** How often it came. */
  readonly count: number;
  readonly message: string;
}

/** A capture's contents. Times are UTC in ISO 8601 with nanoseconds; bytes are as on the wire. */
export interface SurveyReport {
  readonly file: string;
  readonly format: 'pcap' | 'pcapng' | 'live';
  readonly linkTypes: readonly string[];
  readonly packets: number;
  readonly bytes: number;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly durationSeconds: number;
  /** packets = inFrames + esp + other + held + filtered + the sum of dropped. */
  readonly accounting: {
    /** Packets that carried inner frames, fragments of such included. */
    readonly inFrames: number;
    /** ESP packets that no keys were given for. */
    readonly esp: number;
    readonly other: number;
    /** Fragments whose rest didn't come before the end. */
    readonly held: number;
    /** Packets of other networks than the one that was asked for. */
    readonly filtered: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** The VNIs of filtered packets, the most frequent first; 64 at most. */
  readonly filtered: readonly { readonly vni: number; readonly packets: number }[];
  /** UDP ports whose packets look like VXLAN though they aren't read as such: a guess by their form. */
  readonly vxlanPorts: readonly { readonly port: number; readonly packets: number; readonly vnis: readonly number[] }[];
  readonly frames: number;
  readonly networks: readonly {
    readonly vni: number;
    readonly frames: number;
    readonly bytes: number;
    readonly truncated: number;
    /** Of the frames, those that came in ESP. */
    readonly encrypted: number;
    readonly endpoints: number;
  }[];
  readonly tunnels: readonly {
    readonly source: string;
    readonly destination: string;
    readonly frames: number;
    readonly bytes: number;
    readonly espPackets: number;
    readonly espBytes: number;
    readonly vnis: readonly number[];
  }[];
  readonly endpoints: readonly {
    readonly vni: number;
    readonly mac: string;
    readonly ip: string | null;
    readonly vtep: string;
    readonly moves: number;
    readonly sentFrames: number;
    readonly sentBytes: number;
    readonly receivedFrames: number;
    readonly receivedBytes: number;
  }[];
  readonly esp: readonly EspReport[];
  readonly sizes: {
    readonly wire: SizeReport;
    readonly inner: SizeReport;
  };
  readonly fragments: {
    /** Outer fragments. */
    readonly fragments: number;
    /** Packets put together of them. */
    readonly reassembled: number;
    readonly held: number;
    /** Inner packets that are fragments of the containers' own. */
    readonly inner: number;
  };
  readonly checksums: readonly {
    readonly name: string;
    readonly good: number;
    readonly absent: number;
    readonly partial: number;
    readonly bad: number;
  }[];
  readonly otherTraffic: readonly { readonly name: string; readonly packets: number; readonly bytes: number }[];
  readonly problems: readonly Problem[];
  /** What opened ESP packets, and why no faster one did; null without keys. */
  readonly cipher: CipherReport | null;
}

/** The cipher of a run. */
export interface CipherReport {
  readonly name: string;
  readonly passedOver: readonly { readonly name: string; readonly code: string; readonly reason: string }[];
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
  /** Packets whose ICV was right; 0 without keys. */
  readonly opened: number;
  /** Packets that were not opened, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** Sequence numbers between the first and the highest that did not come. */
  readonly missingSequences: number;
  /** Packets whose sequence number another one had. */
  readonly repeatedSequences: number;
  /** Packets whose nonce another, different packet had; 0 where the packets' form shows that the cipher isn't AES-GCM. */
  readonly nonceReused: number;
  /** Packets whose 8 bytes after the sequence number (AES-GCM's IV) another, different packet had, whatever the cipher. */
  readonly ivRepeated: number;
  /** Packets that came once more, bit for bit. */
  readonly seenAgain: number;
  /** The key of the ring that it belongs to, and how its SPI was made of the addresses (`mapped` or `short`). */
  readonly key: { readonly tag: number; readonly spiForm: string } | null;
}

/** Sizes in bytes of packets or frames. */
export interface SizeReport {
  readonly count: number;
  readonly smallest: number;
  readonly largest: number;
  readonly mean: number;
  readonly classes: readonly { readonly bytes: string; readonly count: number }[];
}
