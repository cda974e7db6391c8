/** Reads a capture frame by frame, and closes it. */
import type { CaptureBatch, CaptureError, CaptureInput, CaptureNote, PacketSource } from '../capture/index.js';
import type { DroppedPacket, Frame } from './frame.js';
import { openInput, readDamage } from './input.js';
import type { OverlayCounts } from './overlay-decoding.js';

/** Makes results of packets. */
interface Decoding<T> {
  readonly counts: OverlayCounts;
  readonly warnings?: readonly string[];
  decode(batch: CaptureBatch, i: number): T | undefined;
  close?(): void;
}

const NONE: OverlayCounts = {
  packets: 0,
  frames: 0,
  framePackets: 0,
  truncated: 0,
  esp: 0,
  other: 0,
  held: 0,
  filtered: 0,
  dropped: {},
};

/**
 * Frames of a capture, to be read by `for await`. Each loop reads the input again, which a stream allows once, and two
 * loops at once don't disturb each other; `counts` and the other properties are those of the loop that began last.
 */
export class FrameStream<T extends Frame | DroppedPacket = Frame> implements AsyncIterable<T> {
  readonly #input: CaptureInput | PacketSource;
  readonly #allowDamage: boolean;
  readonly #prepare: () => Promise<Decoding<T>>;
  #decoding: Decoding<T> | undefined;
  #source: PacketSource | undefined;

  /**
   * @param prepare creates what decodes the packets of one loop
   * @internal
   */
  constructor(input: CaptureInput | PacketSource, allowDamage: boolean, prepare: () => Promise<Decoding<T>>) {
    this.#input = input;
    this.#allowDamage = allowDamage;
    this.#prepare = prepare;
  }

  /** Counts of what the loop has read so far. */
  get counts(): OverlayCounts {
    return this.#decoding?.counts ?? NONE;
  }

  /** Lines of the key files that could not be used, and why. Known once the loop has begun. */
  get warnings(): readonly string[] {
    return this.#decoding?.warnings ?? [];
  }

  /** Anomalies of the capture file so far. */
  get notes(): readonly CaptureNote[] {
    return this.#source?.notes ?? [];
  }

  /** Why the packets ended before the capture did, if so. Known once the loop has ended. */
  get damage(): CaptureError | undefined {
    return this.#source?.damage;
  }

  /** Opens the capture and reads it. Leaving a `for await` loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const decoding = await this.#prepare();
    this.#decoding = decoding;
    this.#source = undefined;
    try {
      const { LoopTurns } = await import('../capture/loop-turn.js');
      const turns = new LoopTurns();
      const { source, close } = await openInput(this.#input);
      this.#source = source;
      try {
        for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
          for (let i = 0; i < batch.count; i++) {
            // Decoding a batch takes long with a slow cipher, and the loop's body may take long too.
            if (turns.due) await turns.take();
            const result = decoding.decode(batch, i);
            if (result !== undefined) yield result;
          }
        }
        await readDamage(source, this.#allowDamage);
      } finally {
        await close();
      }
    } finally {
      decoding.close?.();
    }
  }
}
