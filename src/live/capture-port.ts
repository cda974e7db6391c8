/**
 * Captures in place of interfaces, for a dry run: frames of this node's endpoints come out of one, at the times that it
 * says, and frames for them go into another. One port serves all endpoints.
 */
import { type CaptureBatch, LinkType, type PacketSink, type PacketSource } from '../capture/index.js';
import type { PacketBatch } from '../memory/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import type { FramePort, FramePortCounters } from './frame-port.js';

/** What a dry run reads and writes. */
export interface CapturePortOptions {
  /** Where frames come from; none do if not said. The port closes it. */
  readonly source?: PacketSource;
  /** Where frames go; nowhere if not said. */
  readonly sink?: PacketSink;
  /**
   * The network of the endpoint here that has the source MAC at a place, or -1.
   * @param bytes what a frame stands in
   * @param offset where its source MAC begins
   */
  readonly networkOf: (bytes: Uint8Array, offset: number) => number;
  /** How much faster than it was recorded; 1. Infinity: as fast as it goes. */
  readonly speed?: number;
  /** Milliseconds of a clock that doesn't go back. */
  readonly clock: () => number;
  /** Milliseconds since 1970, for what is written. */
  readonly wallClock: () => number;
}

const MAC_BYTES = 6;
const MILLISECONDS = 1000;
const NANOSECONDS = 1e6;

/** A dry run's frames. */
export class CapturePort implements FramePort {
  readonly name = 'captures';
  readonly descriptor = -1;
  failure: string | undefined;
  /** Records that were passed over: of no endpoint here, cut, of another link type, or longer than a slot. */
  passedOver = 0;
  readonly #options: CapturePortOptions;
  #batch: CaptureBatch | undefined;
  #next = 0;
  #reading = false;
  #ended: boolean;
  /** When the first record that has a time was taken: by the clock, and by the capture. */
  #began: number | undefined;
  #first = 0;
  #received = 0;
  #sent = 0;

  constructor(options: CapturePortOptions) {
    this.#options = options;
    this.#ended = options.source === undefined;
  }

  /** Whether all frames were taken. */
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
      const readable = whole && records.linkType[i] === LinkType.Ethernet && end - start >= ETHERNET_SPAN;
      const fits = readable && end - start <= batch.arena.frameBytes;
      const network = fits ? networkOf(records.bytes, start + MAC_BYTES) : -1;
      if (network < 0) this.passedOver++;
      // Without a free slot it is taken in a later turn.
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
    // Every frame was copied.
  }

  /** Closes the source; what was written is the sink's owner's to flush. */
  close(): void {
    this.#ended = true;
    this.#batch = undefined;
    void this.#options.source?.close();
  }

  #isDue(records: CaptureBatch, i: number): boolean {
    // One without a time goes with the one before it.
    if (records.timeless[i] !== 0) return true;
    const { clock, speed = 1 } = this.#options;
    const time = records.seconds[i] * MILLISECONDS + records.nanoseconds[i] / NANOSECONDS;
    if (this.#began === undefined) {
      this.#began = clock();
      this.#first = time;
    }
    return (time - this.#first) / speed <= clock() - this.#began;
  }

  /** Reads on; frames come with a later turn. */
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
