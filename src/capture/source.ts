/** A capture as a packet source, independent of its format and of where its bytes come from. */
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

/** Input port for packets: a file, a stream, a live device. */
export interface PacketSource {
  /** Display name. */
  readonly name: string;
  /** Format of the file, or `live` for a device. */
  readonly format: 'pcap' | 'pcapng' | 'live';
  /** Interfaces described so far; pcap and a device have one. */
  readonly interfaces: readonly CaptureInterface[];
  /** Anomalies so far, with their counts. */
  readonly notes: readonly CaptureNote[];
  /** Why the packets ended before the capture did, if so. Valid once `next` has returned `undefined`. */
  readonly damage: CaptureError | undefined;
  /** Number of bytes of the capture decoded so far. */
  readonly position: number;
  /** Total size of the capture in bytes, if known. */
  readonly size: number | undefined;
  /**
   * Returns the next packets, at least one; `undefined` at the end. They are valid until the next call. Sources of
   * files and streams yield to the event loop every few milliseconds, however fast they are read. Damage ends the
   * packets and is reported in `damage`; it doesn't throw.
   */
  next(): Promise<CaptureBatch | undefined>;
  /** Releases resources. May be called at any time, and repeatedly. */
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
        const read = this.#reader.read(window.reserve());
        const count = typeof read === 'number' ? read : await read;
        if (count === 0) {
          this.#ended = true;
          if (!this.#decoder.atBoundary(window)) this.damage = cutOff(window.position);
        }
        window.commit(count);
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
    `the file ends in the middle of the record at byte ${position}: it is truncated, or is still being written`,
  );
}

/**
 * Detects a capture's format and opens it as a packet source.
 * @param reader the capture's bytes; closed by the source's `close`, or before this throws
 * @throws CaptureError `NOT_A_CAPTURE`, `UNSUPPORTED_CAPTURE`, `CAPTURE_CUT_OFF` (within the file header) or
 * `CAPTURE_DAMAGED`
 * @example
 * import { MemoryReader, openCapture } from 'vtep/native-free';
 *
 * const response = await fetch('https://example.net/wire.pcap');
 * const source = await openCapture(new MemoryReader(new Uint8Array(await response.arrayBuffer())));
 * console.log(source.format);
 */
export async function openCapture(reader: ByteReader): Promise<PacketSource> {
  try {
    const window = new ByteWindow();
    let ended = false;
    while (!ended && window.available < PCAP_HEADER) {
      const count = await reader.read(window.reserve());
      ended = count === 0;
      window.commit(count);
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
