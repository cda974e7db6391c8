import { CaptureBatch } from '../../src/capture/portable.js';

/** A batch that stays as it is while its source goes on. Its bytes are those of its packets and what is between them. */
export class BatchCopy {
  readonly batch = new CaptureBatch();
  #bytes = new Uint8Array(0);

  take(from: CaptureBatch): void {
    const { batch } = this;
    const { count } = from;
    batch.count = count;
    let start = Infinity;
    let end = 0;
    for (let i = 0; i < count; i++) {
      start = Math.min(start, from.offset[i]);
      end = Math.max(end, from.offset[i] + from.capturedLength[i]);
    }
    if (count === 0) start = 0;
    if (end - start > this.#bytes.length) this.#bytes = new Uint8Array(end - start);
    this.#bytes.set(from.bytes.subarray(start, end));
    batch.bytes = this.#bytes;
    batch.origin = from.origin + start;
    for (let i = 0; i < count; i++) {
      batch.offset[i] = from.offset[i] - start;
      batch.capturedLength[i] = from.capturedLength[i];
      batch.originalLength[i] = from.originalLength[i];
      batch.seconds[i] = from.seconds[i];
      batch.nanoseconds[i] = from.nanoseconds[i];
      batch.noTimestamp[i] = from.noTimestamp[i];
      batch.interfaceId[i] = from.interfaceId[i];
      batch.linkType[i] = from.linkType[i];
    }
  }
}
