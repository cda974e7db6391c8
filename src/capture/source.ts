/** A capture as a source of packets: what reads it, whatever its format and wherever its bytes come from. */
import { CaptureBatch } from './batch.js';
import type { ByteReader } from './byte-reader.js';
import { ByteWindow } from './byte-window.js';
import { CaptureError } from './error.js';
import { FOREIGN_PREFIX, foreignFormat } from './foreign-format.js';
import { LoopTurns } from './loop-turn.js';
import { isPcap, PcapDecoder } from './pcap-decoder.js';
import { PCAP_HEADER } from './pcap-format.js';
import { isPcapng, PcapngDecoder } from './pcapng-decoder.js';
import { type CaptureInterface, type CaptureNote, type RecordDecoder } from './record-decoder.js';

/** The port through which packets come in: a file, a stream, a live device. */
export interface PacketSource {
  /** What people call it. */
  readonly name: string;
  /** What it is read from: a file of one of two formats, or a device. */
  readonly format: 'pcap' | 'pcapng' | 'live';
  /** Interfaces named so far; pcap and a device have one. */
  readonly interfaces: readonly CaptureInterface[];
  /** What was odd so far, and how often. */
  readonly notes: readonly CaptureNote[];
  /** Why the packets ended before the capture did, if they did. Known once `next` has given `undefined`. */
  readonly damage: CaptureError | undefined;
  /** Bytes of the capture that were read so far. */
  readonly position: number;
  /** Bytes of the capture in all, where that is known. */
  readonly size: number | undefined;
  /**
   * The next packets, at least one; `undefined` at the end. They are valid until the next call. Sources of files and
   * streams let the event loop run every few milliseconds, however fast they are read.
   * Damage in the middle ends the packets and stands in `damage`; it doesn't throw.
   */
  next(): Promise<CaptureBatch | undefined>;
  /** Gives up what it holds open. May be called at any time, and more than once. */
  close(): Promise<void>;
}

/** Packets of a pcap or pcapng file, read in fixed memory. */
class CaptureSource implements PacketSource {
  readonly name: string;
  damage: CaptureError | undefined;
  readonly #reader: ByteReader;
  readonly #window: ByteWindow;
  readonly #decoder: RecordDecoder;
  readonly #batch = new CaptureBatch();
  readonly #turns = new LoopTurns();
  #ended = false;

  constructor(reader: ByteReader, window: ByteWindow, decoder: RecordDecoder) {
    this.name = reader.name;
    this.#reader = reader;
    this.#window = window;
    this.#decoder = decoder;
  }

  get format(): 'pcap' | 'pcapng' {
    return this.#decoder.format;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#decoder.interfaces;
  }

  get notes(): readonly CaptureNote[] {
    return this.#decoder.notes;
  }

  get position(): number {
    return this.#window.position;
  }

  get size(): number | undefined {
    return this.#reader.size;
  }

  async next(): Promise<CaptureBatch | undefined> {
    const batch = this.#batch;
    const window = this.#window;
    batch.count = 0;
    if (this.#turns.due) await this.#turns.take();
    while (!this.#ended) {
      try {
        this.#decoder.decode(window, batch);
        if (batch.count > 0) return batch;
        const read = this.#reader.read(window.room());
        const count = typeof read === 'number' ? read : await read;
        if (count === 0) {
          this.#ended = true;
          if (!this.#decoder.atBoundary(window)) this.damage = cutOff(window.position);
        }
        window.filled(count);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        this.#ended = true;
        this.damage = error;
        if (batch.count > 0) return batch;
      }
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#reader.close();
  }
}

function cutOff(position: number): CaptureError {
  return new CaptureError(
    'CAPTURE_CUT_OFF',
    `the file ends in the middle of the record at byte ${position}: it was cut off, or is still being written`,
  );
}

/**
 * Tells a capture's format and makes the source of its packets.
 * @param reader where its bytes come from; closed by the source's `close`, or before this throws
 * @throws CaptureError `NOT_A_CAPTURE`, `UNSUPPORTED_CAPTURE`, `CAPTURE_CUT_OFF` (within the file header) or
 * `CAPTURE_DAMAGED`
 */
export async function openCapture(reader: ByteReader): Promise<PacketSource> {
  try {
    const window = new ByteWindow();
    let ended = false;
    while (!ended && window.available < PCAP_HEADER) {
      const count = await reader.read(window.room());
      ended = count === 0;
      window.filled(count);
    }
    return new CaptureSource(reader, window, decoderFor(window));
  } catch (error) {
    await reader.close();
    throw error;
  }
}

function decoderFor(window: ByteWindow): RecordDecoder {
  if (window.available === 0) throw new CaptureError('NOT_A_CAPTURE', 'it is empty; a pcap or pcapng file is needed');
  if (window.available >= 4) {
    if (isPcapng(window)) return new PcapngDecoder();
    if (isPcap(window)) {
      if (window.available < PCAP_HEADER) throw cutOff(0);
      return new PcapDecoder(window);
    }
  }
  const start = window.bytes.subarray(window.start, Math.min(window.end, window.start + FOREIGN_PREFIX));
  const what = foreignFormat(start);
  const reason = 'it is neither pcap nor pcapng';
  throw new CaptureError('NOT_A_CAPTURE', what === undefined ? reason : `${reason} but ${what}`);
}
