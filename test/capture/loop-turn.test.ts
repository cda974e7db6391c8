/** A read yields to the event loop, however slow its consumer is and wherever the bytes come from. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { MemoryReader, openCapture, openCaptureFile, type PacketSource } from '../../src/capture/index.js';
import { scratch } from '../cli/run.js';
import { pcapFile } from './build.js';

/** Time that a slow consumer takes per batch. */
const BUSY_MS = 6;
/** Ten times as many as a batch holds. */
const FILE = pcapFile(Array.from({ length: 3000 }, () => ({ data: Buffer.alloc(60, 1) })));

function busy(): void {
  const began = performance.now();
  while (performance.now() - began < BUSY_MS);
}

/** Turns of the event loop between the batches of a source, and the number of batches. */
async function turnsDuring(source: PacketSource): Promise<[turns: number, batches: number]> {
  let turns = 0;
  let pending = setImmediate(count);
  function count(): void {
    turns++;
    pending = setImmediate(count);
  }
  let batches = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    batches++;
    busy();
  }
  clearImmediate(pending);
  await source.close();
  return [turns, batches];
}

describe('the event loop runs between batches of a slow consumer', () => {
  const folder = scratch();
  const plain = join(folder, 'plain.pcap');
  const packed = join(folder, 'packed.pcap.gz');
  writeFileSync(plain, FILE);
  writeFileSync(packed, gzipSync(FILE));
  const sources: [string, () => Promise<PacketSource>][] = [
    ['a file', () => openCaptureFile(plain)],
    ['a gzip-compressed file', () => openCaptureFile(packed)],
    ['memory', () => openCapture(new MemoryReader(FILE))],
  ];
  for (const [name, open] of sources) {
    test(name, async () => {
      const [turns, batches] = await turnsDuring(await open());
      assert.ok(batches > 10);
      assert.ok(turns >= batches - 1, `${turns} turns in ${batches} batches`);
    });
  }
});
