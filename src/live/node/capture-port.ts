/**
 * Captures in place of interfaces, for a dry run: one provides frames from this node's endpoints at its recorded times,
 * another takes frames to them. One port serves all endpoints.
 */
import { type CaptureBatch, LinkType, type PacketSink, type PacketSource } from '../../capture/index.js';
import type { PacketBatch } from '../../memory/index.js';
import { ETHERNET_HEADER_LEN } from '../../wire/index.js';
import type { FramePort, FramePortCounters } from '../port/frame-port.js';

/** Input and output of a dry run. */
export interface CapturePortOptions {
  /**
   * Source of frames, which the port closes.
   * @default none
   */
  readonly source?: PacketSource;
  /**
   * Sink of frames.
   * @default none
   */
  readonly sink?: PacketSink;
  /**
   * Index of the network of the local endpoint with a source MAC, or -1.
   * @param bytes buffer of the frame
   * @param offset offset of its source MAC
   */
  readonly networkOf: (bytes: Uint8Array, offset: number) => number;
  /**
   * Replay speed; Infinity is as fast as possible.
   * @default 1
   */
  readonly speed?: number;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Wall clock for output timestamps, in milliseconds since 1970. */
  readonly wallClock: () => number;
}

const MAC_BYTES = 6;
const MILLISECONDS = 1000;
const NANOSECONDS = 1e6;

/** The frame port of a dry run. */
export class CapturePort implements FramePort {
  readonly name = 'captures';
  readonly descriptor = -1;
  failure: string | undefined;
  /** Skipped records: no local endpoint, truncated, another link type, or longer than a slot. */
  skipped = 0;
  readonly #options: CapturePortOptions;
  #batch: CaptureBatch | undefined;
  #next = 0;
  #reading = false;
  #ended: boolean;
  /** Time of the first record with a timestamp, on the clock and in the capture. */
  #began: number | undefined;
  #first = 0;
  #received = 0;
  #sent = 0;

  constructor(options: CapturePortOptions) {
    this.#options = options;
    this.#ended = options.source === undefined;
  }

  /** Whether all frames have been read. */
  get ended(): boolean {
    return this.#ended;
  }

  get counters(): FramePortCounters {
    return { received: this.#received, sent: this.#sent, refused: 0 };
  }

  receive(batch: PacketBatch): number {
    const { networkOf } = this.#options;
    let count = 0;
    while (!batch.full) {
      const records = this.#batch;
      if (records === undefined || this.#next >= records.count) {
        this.#read();
        break;
      }
      const i = this.#next;
      if (!this.#isDue(records, i)) break;
      const start = records.offset[i];
      const end = start + records.capturedLength[i];
      const whole = records.capturedLength[i] === records.originalLength[i];
      const readable = whole && records.linkType[i] === LinkType.Ethernet && end - start >= ETHERNET_HEADER_LEN;
      const fits = readable && end - start <= batch.arena.frameBytes;
      const network = fits ? networkOf(records.bytes, start + MAC_BYTES) : -1;
      if (network < 0) this.skipped++;
      // Without a free slot, retried in a later turn.
      else if (batch.copyIn(records.bytes, start, end, network) < 0) break;
      else count++;
      this.#next++;
    }
    this.#received += count;
    return count;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    const now = this.#options.wallClock();
    const seconds = Math.floor(now / MILLISECONDS);
    const length = end - start;
    this.#options.sink?.write(bytes, start, length, length, seconds, Math.round((now % MILLISECONDS) * NANOSECONDS));
    this.#sent++;
  }

  flush(): void {
    // Every frame has been copied.
  }

  /** Closes the source. The sink's owner must flush it. */
  close(): void {
    this.#ended = true;
    this.#batch = undefined;
    void this.#options.source?.close();
  }

  #isDue(records: CaptureBatch, i: number): boolean {
    // A record without a timestamp is due with the one before it.
    if (records.noTimestamp[i] !== 0) return true;
    const { clock, speed = 1 } = this.#options;
    const time = records.seconds[i] * MILLISECONDS + records.nanoseconds[i] / NANOSECONDS;
    if (this.#began === undefined) {
      this.#began = clock();
      this.#first = time;
    }
    return (time - this.#first) / speed <= clock() - this.#began;
  }

  /** Starts reading the next batch, which is available in a later turn. */
  #read(): void {
    if (this.#reading || this.#ended) return;
    this.#reading = true;
    const taken = (batch: CaptureBatch | undefined): void => {
      this.#batch = batch;
      this.#next = 0;
      this.#reading = false;
      if (batch === undefined) this.#ended = true;
    };
    this.#options.source?.next().then(taken, (error: unknown) => {
      taken(undefined);
      this.failure = error instanceof Error ? error.message : String(error);
    });
  }
}
