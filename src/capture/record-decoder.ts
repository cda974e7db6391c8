import type { CaptureBatch } from './batch.js';
import type { ByteWindow } from './byte-window.js';

/** Maximum accepted packet length in bytes, the same as libpcap's and Wireshark's. A larger one means damage. */
export const MAX_PACKET = 262_144;
/** Maximum record length in bytes, with headers, options and padding. */
export const MAX_RECORD = MAX_PACKET + 65_536;
/** Read size in bytes: large enough to amortise the system call, small enough for the L2 cache. */
export const READ_BYTES = 1 << 18;

/** An interface described by a capture. */
export interface CaptureInterface {
  /** Link type (LINKTYPE_ value). */
  readonly linkType: number;
  /** Interface name, if the capture has it. */
  readonly name: string | undefined;
  /** Maximum captured bytes per packet; 0: unlimited. */
  readonly snapLength: number;
  /** Resolution of its times, in ticks per second. */
  readonly ticksPerSecond: number;
}

/** An anomaly that doesn't end the capture, with the number of its occurrences. */
export interface CaptureNote {
  readonly message: string;
  count: number;
}

/** Extracts records from a window of bytes. No I/O: the source fills the window. */
export interface RecordDecoder {
  readonly format: 'pcap' | 'pcapng';
  /** Interfaces described so far. */
  readonly interfaces: readonly CaptureInterface[];
  /** Anomalies so far. */
  readonly notes: readonly CaptureNote[];
  /**
   * Extracts whole records until the batch is full or the window holds no complete one.
   * @throws CaptureError `CAPTURE_DAMAGED` if what follows can't be trusted; the batch keeps the packets before it
   */
  decode(window: ByteWindow, batch: CaptureBatch): void;
  /** Whether the capture may end here: no record is incomplete. */
  atBoundary(window: ByteWindow): boolean;
}

/** Maximum number of distinct notes; further ones share one entry (there are 2^32 block types alone). */
const MAX_NOTES = 64;

/** Counts notes by message. */
export class NoteList {
  readonly notes: CaptureNote[] = [];

  add(message: string): void {
    const full = this.notes.length >= MAX_NOTES;
    const known = this.notes.find((note) => note.message === message) ?? (full ? this.#rest() : undefined);
    if (known === undefined) this.notes.push({ message, count: 1 });
    else known.count++;
  }

  #rest(): CaptureNote {
    if (this.notes.length === MAX_NOTES) this.notes.push({ message: 'further kinds of anomalies', count: 0 });
    return this.notes[MAX_NOTES];
  }
}
