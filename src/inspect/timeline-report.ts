/** A capture's SPIs over time as plain data: the format of `keys timeline --json`. */
import type { Problem } from './report.js';
import type { SpiKeyReport } from './ring-key.js';

/** A time: UTC in ISO 8601, and seconds since the capture's earliest packet. */
export interface Moment {
  readonly time: string;
  readonly offset: number;
}

/** An SPI in one direction. Times are null if the capture has none. */
export interface SpiSpan {
  /** `0x` and 8 hexadecimal digits. */
  readonly spi: string;
  readonly inUdp: boolean;
  readonly packets: number;
  /** Bytes of the IP packets. */
  readonly bytes: number;
  readonly first: Moment | null;
  readonly last: Moment | null;
  /** Whether this SPI is the one in use at the end. */
  readonly current: boolean;
  /** Lower 32 bits of sequence numbers, as transmitted. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly highestSequence: number;
  readonly missingSequences: number;
  /** Number of times the sequence numbers restarted. */
  readonly sequenceRestarts: number;
  /** Sequence numbers per second, from the first packet to the last. */
  readonly sequenceRate: number | null;
  /** Whether sequence numbers have 64 bits, as far as the packets or the keys show. */
  readonly extended: boolean;
  /** When 32 bits run out at that rate, counted from the last packet; null with 64 bits, or with too little data. */
  readonly runsOut: { readonly seconds: number; readonly beforeRotation: boolean } | null;
  /** Packets with a valid ICV, and those that weren't decrypted, by reason; 0 and none without keys. */
  readonly opened: number;
  readonly failed: Readonly<Record<string, number>>;
  /** The ring's key that yields its SPI. */
  readonly key: SpiKeyReport | null;
}

/** A node starts to send with another SPI. */
export interface KeySwitch {
  /** The first packet with the new one. */
  readonly at: Moment;
  readonly from: string;
  readonly to: string;
  /**
   * Seconds since the last packet with the old SPI, unless such packets still follow (`overlap`); negative if that
   * packet's time is later, because the capture's times go backwards.
   */
  readonly gapSeconds: number | null;
  /** Later packets with the old SPI, and for how long they arrived. */
  readonly overlap: { readonly packets: number; readonly seconds: number } | null;
}

/** What one node sends to another. */
export interface TimelineDirection {
  readonly source: string;
  readonly destination: string;
  /** In the order of their first packets. */
  readonly spis: readonly SpiSpan[];
  readonly switches: readonly KeySwitch[];
}

/** An event. */
export type TimelineEntry = Moment &
  (
    | (DirectedEntry & { readonly kind: 'first' | 'last'; readonly spi: string })
    | (DirectedEntry & { readonly kind: 'switch' } & Omit<KeySwitch, 'at'>)
    | (DirectedEntry & { readonly kind: 'silence'; readonly spi: string; readonly seconds: number })
    /** Creation of an SA according to a dump, in its node's local time; `time` interprets that as UTC. */
    | (DirectedEntry & { readonly kind: 'made'; readonly spi: string; readonly localTime: string })
    /** The first packet of SPIs that no key decrypts, while keys decrypt others: all of them combined. */
    | { readonly kind: 'unopened'; readonly spis: number; readonly packets: number }
    | { readonly kind: 'event'; readonly words: string }
  );

/** The addresses of an event between two nodes. */
export interface DirectedEntry {
  readonly source: string;
  readonly destination: string;
}

/** Switches that belong together: at most one per direction. */
export interface Rotation {
  readonly start: Moment;
  /** From the first node's switch to the last one's. */
  readonly seconds: number;
  readonly directions: number;
  /** In the order in which they switched, with the time of the first direction of each. */
  readonly nodes: readonly { readonly address: string; readonly at: Moment }[];
}

/** An external event to merge into the timeline. */
export interface TimelineEvent {
  /** Since 1970, UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly text: string;
}

/** A capture's SPIs over time. */
export interface KeyTimelineReport {
  readonly directions: readonly TimelineDirection[];
  /** In chronological order. */
  readonly entries: readonly TimelineEntry[];
  readonly summary: {
    readonly packets: number;
    readonly spis: number;
    /** Time from which offsets count, that of the earliest packet; null if no packet has one. */
    readonly firstTime: string | null;
    readonly durationSeconds: number;
    readonly rotations: readonly Rotation[];
    /** Packets of SPIs, silences, switches back, and dumped SAs between other addresses that are not listed. */
    readonly unlisted: {
      readonly packets: number;
      readonly silences: number;
      readonly returns: number;
      readonly made: number;
    };
    readonly problems: readonly Problem[];
  };
}
