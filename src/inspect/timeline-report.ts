/** What a capture shows of its SPIs over time, as plain data: the shape of `keys timeline --json`. */
import type { Problem } from './report.js';
import type { SpiKeyReport } from './ring-key.js';

/** A time: UTC in ISO 8601, and seconds from the capture's earliest packet. */
export interface Moment {
  readonly time: string;
  readonly offset: number;
}

/** An SPI in one direction. Times are null where the capture says none. */
export interface SpiSpan {
  /** `0x` and 8 hexadecimal digits. */
  readonly spi: string;
  readonly inUdp: boolean;
  readonly packets: number;
  /** Bytes of the IP packets. */
  readonly bytes: number;
  readonly first: Moment | null;
  readonly last: Moment | null;
  /** Whether it is what is sent with in the end. */
  readonly current: boolean;
  /** Lower 32 bits of sequence numbers, as they travel. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly highestSequence: number;
  readonly missingSequences: number;
  /** How often the sequence numbers began anew. */
  readonly sequenceRestarts: number;
  /** Sequence numbers a second, from the first packet to the last. */
  readonly sequenceRate: number | null;
  /** Whether sequence numbers have 64 bits, as far as the packets or the keys tell. */
  readonly extended: boolean;
  /** When 32 bits run out at that rate, from the last packet on; null with 64 bits, or too little to go by. */
  readonly runsOut: { readonly seconds: number; readonly beforeRotation: boolean } | null;
  /** Packets whose ICV was right, and those that were not opened, by reason; 0 and none without keys. */
  readonly opened: number;
  readonly failed: Readonly<Record<string, number>>;
  /** The key of the ring that its SPI is made of. */
  readonly key: SpiKeyReport | null;
}

/** A node begins to send with another SPI. */
export interface KeySwitch {
  /** The first packet with the new one. */
  readonly at: Moment;
  readonly from: string;
  readonly to: string;
  /**
   * Seconds since the last packet with the old one, if none stands behind this one in the capture; below 0 if that packet
   * is later all the same, since the capture's times go back.
   */
  readonly gapSeconds: number | null;
  /** Packets with the old one that came later, and for how long. */
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

/** Something that happened. */
export type TimelineEntry = Moment &
  (
    | (DirectedEntry & { readonly kind: 'first' | 'last'; readonly spi: string })
    | (DirectedEntry & { readonly kind: 'switch' } & Omit<KeySwitch, 'at'>)
    | (DirectedEntry & { readonly kind: 'silence'; readonly spi: string; readonly seconds: number })
    /** An SA was made, as a dump says it by its node's clock and zone; `time` takes that for UTC. */
    | (DirectedEntry & { readonly kind: 'made'; readonly spi: string; readonly localTime: string })
    /** The first packet of SPIs that no key opens, where keys open others: all of them together. */
    | { readonly kind: 'unopened'; readonly spis: number; readonly packets: number }
    | { readonly kind: 'event'; readonly words: string }
  );

/** Something that happened from one node to another: their addresses. */
export interface DirectedEntry {
  readonly source: string;
  readonly destination: string;
}

/** Switches that belong together: each direction's one at the most. */
export interface Rotation {
  readonly start: Moment;
  /** From the first node's switch to the last one's. */
  readonly seconds: number;
  readonly directions: number;
  /** In the order in which they switched, each with its first direction's time. */
  readonly nodes: readonly { readonly address: string; readonly at: Moment }[];
}

/** Something from elsewhere that is put into the timeline. */
export interface TimelineEvent {
  /** Since 1970, UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly words: string;
}

/** A capture's SPIs over time. */
export interface KeyTimelineReport {
  readonly directions: readonly TimelineDirection[];
  /** In the order of their times. */
  readonly entries: readonly TimelineEntry[];
  readonly summary: {
    readonly packets: number;
    readonly spis: number;
    readonly durationSeconds: number;
    readonly rotations: readonly Rotation[];
    /** Packets of SPIs, silences, switches back, and SAs of dumps between other addresses that are not listed. */
    readonly unlisted: {
      readonly packets: number;
      readonly silences: number;
      readonly returns: number;
      readonly made: number;
    };
    readonly problems: readonly Problem[];
  };
}
