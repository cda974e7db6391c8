import type { CaptureBatch } from './batch.js';
import type { ByteWindow } from './byte-window.js';

/** The largest packet that is believed, in bytes; libpcap's and Wireshark's bound too. A longer length is damage. */
export const MAX_PACKET = 262_144;
/** The largest record with its headers, options and padding, in bytes. */
export const MAX_RECORD = MAX_PACKET + 65_536;
/** Bytes that are read at once: enough that the system call doesn't count, few enough to stay in the second cache. */
export const READ_BYTES = 1 << 18;

/** An interface that a capture names. */
export interface CaptureInterface {
  /** The link type (LINKTYPE_ number). */
  readonly linkType: number;
  /** The interface's name, where the capture says it. */
  readonly name: string | undefined;
  /** Bytes kept of a packet at the most; 0 for all. */
  readonly snapLength: number;
  /** Ticks a second of its times. */
  readonly ticksPerSecond: number;
}

/** Something odd that doesn't stop the reading, with how often it came. */
export interface CaptureNote {
  readonly message: string;
  count: number;
}

/** Takes records out of a window of bytes. No I/O: the source fills the window. */
export interface RecordDecoder {
  readonly format: 'pcap' | 'pcapng';
  /** Interfaces named so far. */
  readonly interfaces: readonly CaptureInterface[];
  /** What was odd so far. */
  readonly notes: readonly CaptureNote[];
  /**
   * Takes whole records until the batch is full or the window holds no whole one.
   * @throws CaptureError `CAPTURE_DAMAGED` where what follows can't be trusted; the batch keeps what came before it
   */
  decode(window: ByteWindow, batch: CaptureBatch): void;
  /** Whether the bytes may end here: nothing but whole records was read, and none is begun. */
  atBoundary(window: ByteWindow): boolean;
}

/** More kinds of notes than these are one: block types alone are 2^32. */
const MAX_NOTES = 64;

/** Counts notes by their words. */
export class NoteList {
  readonly notes: CaptureNote[] = [];

  add(message: string): void {
    const full = this.notes.length >= MAX_NOTES;
    const known = this.notes.find((note) => note.message === message) ?? (full ? this.#rest() : undefined);
    if (known === undefined) this.notes.push({ message, count: 1 });
    else known.count++;
  }

  #rest(): CaptureNote {
    if (this.notes.length === MAX_NOTES) this.notes.push({ message: 'odd things of further kinds', count: 0 });
    return this.notes[MAX_NOTES];
  }
}
