/** A source whose beginning can be inspected before it is read: for streams, which can't be read twice. */
import { CaptureBatch } from './batch.js';
import type { CaptureError } from './error.js';
import type { CaptureInterface, CaptureNote } from './record-decoder.js';
import type { PacketSource } from './source.js';

/** Limits on what `peek` keeps, whichever is reached first; the last batch is kept whole. */
const KEPT_PACKETS = 1024;
const KEPT_BYTES = 1 << 20;

/** Returns the packets of another source, including those already peeked at. */
export class PeekedSource implements PacketSource {
  readonly #source: PacketSource;
  readonly #kept: CaptureBatch[] = [];

  /** @param source closed by `close` */
  constructor(source: PacketSource) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }

  get format(): PacketSource['format'] {
    return this.#source.format;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#source.interfaces;
  }

  get notes(): readonly CaptureNote[] {
    return this.#source.notes;
  }

  get damage(): CaptureError | undefined {
    return this.#source.damage;
  }

  get position(): number {
    return this.#source.position;
  }

  get size(): number | undefined {
    return this.#source.size;
  }

  /**
   * Reads and keeps batches until `enough` returns true, or up to 1,024 packets or 1 MiB.
   * @param enough inspects a batch, which is valid until the call returns; a copy is kept
   */
  async peek(enough: (batch: CaptureBatch) => boolean): Promise<void> {
    let packets = 0;
    let bytes = 0;
    while (packets < KEPT_PACKETS && bytes < KEPT_BYTES) {
      const batch = await this.#source.next();
      if (batch === undefined) return;
      const kept = copyOf(batch);
      this.#kept.push(kept);
      packets += kept.count;
      bytes += kept.bytes.length;
      if (enough(batch)) return;
    }
  }

  async next(): Promise<CaptureBatch | undefined> {
    return this.#kept.shift() ?? this.#source.next();
  }

  close(): Promise<void> {
    this.#kept.length = 0;
    return this.#source.close();
  }
}

/** Copies a batch and its bytes. */
function copyOf(batch: CaptureBatch): CaptureBatch {
  const copy = new CaptureBatch();
  const { count } = batch;
  let first = batch.bytes.length;
  let last = 0;
  for (let i = 0; i < count; i++) {
    first = Math.min(first, batch.offset[i]);
    last = Math.max(last, batch.offset[i] + batch.capturedLength[i]);
  }
  // Not slice, which of a Buffer shares its memory.
  copy.bytes = new Uint8Array(batch.bytes.subarray(first, last));
  copy.origin = batch.origin + first;
  copy.count = count;
  for (let i = 0; i < count; i++) copy.offset[i] = batch.offset[i] - first;
  copy.capturedLength.set(batch.capturedLength);
  copy.originalLength.set(batch.originalLength);
  copy.seconds.set(batch.seconds);
  copy.nanoseconds.set(batch.nanoseconds);
  copy.noTimestamp.set(batch.noTimestamp);
  copy.interfaceId.set(batch.interfaceId);
  copy.linkType.set(batch.linkType);
  return copy;
}
