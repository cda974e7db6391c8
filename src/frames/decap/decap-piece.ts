/**
 * What decapsulating one of several captures yields, as plain data in pieces of a bounded size: inner frames, what the report
 * needs of other packets, and the packets that only whoever has all captures can decode.
 */
import type { DecoderSums } from '../../dataplane/index.js';
import type { EspColumns } from '../../inspect/internal.js';

/** Changes with every change of what a piece has: both ends must be of one version. */
export const DECAP_PIECE_VERSION = 1;

/** The size in bytes from which a piece is complete. It may be larger by one packet. */
export const PIECE_BYTES = 1 << 20;

/** Some consecutive packets of a capture. */
export interface DecapPiece {
  readonly version: typeof DECAP_PIECE_VERSION;
  /** Index of the piece in its capture, from 0. */
  readonly index: number;
  /** Records one after the other, in the order of packets: each has a header as `RecordField` says, and `captured` bytes. */
  readonly records: Uint8Array;
  /** Its ESP packets, in order. */
  readonly esp: EspColumns;
  /** Only in the last piece. */
  readonly end: DecapEnd | undefined;
}

/** Kinds of records. */
export const RecordKind = {
  /** An inner frame. */
  Frame: 1,
  /** A packet of the underlay whose meaning depends on those of other captures: a fragment. */
  Held: 2,
  /** The first packet of a VNI in a table of `VniTable`; there are no bytes. */
  Vni: 3,
} as const;

/** Tables in which packets are counted by VNI. */
export const VniTable = { Filtered: 0, Reserved: 1, Guess: 2 } as const;

/** Bytes of a record's header. */
export const RECORD_HEADER = 32;

/** Where a record's header has what; integers of 4 bytes unless it says otherwise, little-endian. */
export const RecordField = {
  /** A `RecordKind`, one byte. */
  Kind: 0,
  /** Bits of `FrameFlag`, or a `VniTable`; one byte. */
  Flags: 1,
  /** A VNI; the link type of a packet that is held back. */
  Tag: 4,
  /** Bytes after the header. */
  Captured: 8,
  /** Bytes of the frame or packet on the wire; the UDP port of a guess. */
  Length: 12,
  /** A 64-bit float. */
  Seconds: 16,
  Nanoseconds: 24,
  /** How many of the piece's ESP packets came before a packet that is held back. */
  Esp: 28,
} as const;

/** Packets of a VNI. */
export interface VniRow {
  readonly vni: number;
  readonly packets: number;
}

/** Packets of a VNI on a UDP port. */
export interface GuessRow extends VniRow {
  readonly port: number;
}

/** What is known at the end of a capture, of packets that weren't held back. */
export interface DecapEnd {
  /** Whether a table was full: it then depends on the other captures what it lists. */
  readonly inexact: boolean;
  readonly sums: DecoderSums;
  readonly filtered: readonly VniRow[];
  readonly reserved: readonly VniRow[];
  readonly guesses: readonly GuessRow[];
}
