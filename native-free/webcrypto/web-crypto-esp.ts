/**
 * Decrypts the ESP of captures by WebCrypto, which is asynchronous, for a decoder, which isn't. A scout goes ahead: a decoder
 * whose cipher records the packets that have an SA. WebCrypto decrypts those while the scout reads on, and the decoder then
 * finds the plaintexts ready.
 *
 *     source -> scout -> jobs of a batch -> WebCrypto -> decoder with `aead`
 */
import type { Aead, AeadBackend } from '../../src/aead/portable.js';
import type { CaptureBatch, PacketSource } from '../../src/capture/portable.js';
import type { UnderlayDecoder } from '../../src/dataplane/index.js';
import { forgeBackend } from '../forge-aead.js';
import { BatchCopy } from './batch-copy.js';
import { EspJobs } from './esp-jobs.js';
import { PreparedAead } from './prepared-aead.js';
import { ScoutAead } from './scout-aead.js';
import { SharedKeys } from './shared-keys.js';
import { icvLengthsOf, type Subtle, subtleHere } from './subtle.js';

/** Batches that are decrypted at the same time. */
const DEPTH = 8;

/** Options of `WebCryptoEsp`. */
export interface WebCryptoEspOptions {
  /**
   * Opens what WebCrypto doesn't: packets that the scout missed, keys and ICVs of lengths that a browser doesn't take, and
   * everything where there is no WebCrypto, as on pages that came over plain HTTP from another host.
   * @default forgeBackend
   */
  readonly fallback?: AeadBackend;
  /**
   * An implementation of WebCrypto.
   * @default `crypto.subtle`, if there is one
   */
  readonly subtle?: Subtle;
}

/** A batch, and its jobs. */
class Slot {
  readonly copy = new BatchCopy();
  readonly jobs = new EspJobs();
  done: Promise<void> | undefined;
}

/**
 * Opens ESP by WebCrypto, several times as fast as `forgeBackend`, and with the same results. Memory: about 2 MB for each of
 * eight batches.
 * @example
 * import { InboundEsp, InboundSa, MemoryReader, openCapture, parseXfrmState, Sad, UnderlayDecoder, Verdict } from 'vtep/native-free';
 * import { type Aead, WebCryptoEsp } from 'vtep/native-free';
 *
 * export async function countFrames(capture: Uint8Array, xfrmState: string): Promise<number> {
 *   const { associations } = parseXfrmState(xfrmState);
 *   const decoderWith = (aead: Aead): UnderlayDecoder => {
 *     const sad = new Sad();
 *     for (const association of associations) sad.add(new InboundSa(association, aead, { midStream: true }));
 *     return new UnderlayDecoder({ esp: new InboundEsp(aead, sad) });
 *   };
 *   const esp = await WebCryptoEsp.create();
 *   const decoder = decoderWith(esp.aead);
 *   const source = await openCapture(new MemoryReader(capture));
 *   for await (const batch of esp.batches(source, decoderWith(esp.scout))) {
 *     for (let i = 0; i < batch.count; i++) {
 *       if (decoder.receivePacket(batch, i) === Verdict.Frame) console.log(decoder.vni);
 *     }
 *   }
 *   return decoder.frames;
 * }
 */
export class WebCryptoEsp {
  readonly #subtle: Subtle | undefined;
  readonly #icvLengths: ReadonlySet<number>;
  readonly #keys: SharedKeys;
  readonly #scout: ScoutAead;
  readonly #prepared: PreparedAead;

  private constructor(subtle: Subtle | undefined, icvLengths: ReadonlySet<number>, fallback: Aead) {
    const isUsed = subtle !== undefined && icvLengths.size > 0;
    this.#subtle = isUsed ? subtle : undefined;
    this.#icvLengths = icvLengths;
    this.#keys = new SharedKeys(this.#subtle, fallback);
    this.#scout = new ScoutAead(this.#keys);
    this.#prepared = new PreparedAead(isUsed ? 'webcrypto' : fallback.name, this.#keys, fallback);
  }

  /** Finds out what WebCrypto can do here. */
  static async create(options: WebCryptoEspOptions = {}): Promise<WebCryptoEsp> {
    const { fallback = forgeBackend, subtle = subtleHere() } = options;
    const icvLengths = subtle === undefined ? new Set<number>() : await icvLengthsOf(subtle);
    return new WebCryptoEsp(subtle, icvLengths, fallback.create());
  }

  /** The cipher of decoders that get the batches. It also seals and opens everything else, by the fallback. */
  get aead(): Aead {
    return this.#prepared;
  }

  /** The cipher of the scout. */
  get scout(): Aead {
    return this.#scout;
  }

  /** Whether WebCrypto is used at all. */
  get isUsed(): boolean {
    return this.#subtle !== undefined;
  }

  /** Packets so far that WebCrypto could not decrypt, and the fallback had to. */
  get unprepared(): number {
    return this.#prepared.unprepared;
  }

  /**
   * The batches of a source, decrypted as far as possible, and closes the source when the loop ends, like `batchesOf`. Each is
   * valid until the next one; decode it with `aead` before. `source.position` is up to eight batches ahead.
   *
   * One loop at a time.
   * @param scout a decoder with the options of the one that gets the batches, and with SAs of its own for `scout`
   */
  async *batches(source: PacketSource, scout: UnderlayDecoder): AsyncGenerator<CaptureBatch, void, undefined> {
    const free = Array.from({ length: DEPTH }, () => new Slot());
    const waiting: Slot[] = [];
    let isEnded = false;
    try {
      for (;;) {
        for (let slot = free.pop(); slot !== undefined && !isEnded; slot = isEnded ? undefined : free.pop()) {
          const batch = await source.next();
          if (batch === undefined) isEnded = true;
          else waiting.push(await this.#begin(slot, batch, scout));
        }
        const next = waiting.shift();
        if (next === undefined) return;
        if (next.done !== undefined) await next.done;
        this.#prepared.jobs = next.jobs;
        yield next.copy.batch;
        this.#prepared.jobs = undefined;
        next.jobs.clear();
        free.push(next);
      }
    } finally {
      this.#prepared.jobs = undefined;
      await source.close();
    }
  }

  async #begin(slot: Slot, batch: CaptureBatch, scout: UnderlayDecoder): Promise<Slot> {
    slot.copy.take(batch);
    slot.done = undefined;
    if (this.#subtle === undefined) return slot;
    this.#scout.jobs = slot.jobs;
    for (let i = 0; i < batch.count; i++) scout.receivePacket(batch, i);
    this.#scout.jobs = undefined;
    const { importing } = this.#keys;
    if (importing !== undefined) await importing;
    slot.done = slot.jobs.run(this.#subtle, this.#icvLengths);
    return slot;
  }
}
