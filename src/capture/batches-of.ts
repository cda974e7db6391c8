import type { CaptureBatch } from './batch.js';
import type { PacketSource } from './source.js';

/**
 * The batches of a source as an async iterable, which closes the source when the loop ends: at the end of the packets,
 * by `break`, or because its body throws. Each batch is valid until the next one.
 * @example
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 *
 * for await (const batch of batchesOf(await openCaptureFile('underlay.pcap'))) {
 *   for (let i = 0; i < batch.count; i++) console.log(batch.seconds[i], batch.originalLength[i]);
 * }
 */
export async function* batchesOf(source: PacketSource): AsyncGenerator<CaptureBatch, void, undefined> {
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) yield batch;
  } finally {
    await source.close();
  }
}
