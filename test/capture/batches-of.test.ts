import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchesOf, type CaptureBatch, MemoryReader, openCapture, type PacketSource } from '../../src/capture/index.js';
import { pcapFile } from './build.js';

const FILE = pcapFile(Array.from({ length: 600 }, () => ({ data: Buffer.alloc(60, 1) })));

/** A source of three batches that counts how often it is closed. */
async function counted(): Promise<[source: PacketSource, closed: () => number]> {
  let closed = 0;
  class Counting extends MemoryReader {
    override close(): void {
      closed++;
    }
  }
  return [await openCapture(new Counting(FILE)), () => closed];
}

async function read(source: PacketSource, onBatch: (batch: CaptureBatch) => boolean): Promise<number> {
  let packets = 0;
  for await (const batch of batchesOf(source)) {
    packets += batch.count;
    if (!onBatch(batch)) break;
  }
  return packets;
}

describe('batchesOf', () => {
  test('gives all batches, and closes the source at the end', async () => {
    const [source, closed] = await counted();
    assert.equal(await read(source, () => true), 600);
    assert.equal(closed(), 1);
  });

  test('closes the source at break, and when the body throws', async () => {
    const [one, closedOne] = await counted();
    assert.ok((await read(one, () => false)) < 600);
    assert.equal(closedOne(), 1);
    const [other, closedOther] = await counted();
    await assert.rejects(
      read(other, () => {
        throw new Error('stop');
      }),
      /stop/,
    );
    assert.equal(closedOther(), 1);
  });
});
