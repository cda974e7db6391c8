/** Functions that take bytes and a range touch no byte outside it, which may belong to someone else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteBuffer } from '../../src/capture/byte-buffer.js';
import { PcapngWriter, PcapWriter } from '../../src/capture/index.js';
import { Fragmenter, Segmenter } from '../../src/fragment/index.js';
import { packetMemory } from '../../src/memory/kernels.js';
import { checkRange } from '../../src/memory/range.js';
import { onesSum } from '../../src/wire/index.js';
import { createRing, RingWriter } from '../../src/workers/index.js';

const BAD = [
  [0, 65],
  [-1, 10],
  [10, 9],
  [65, 65],
  [0, 1.5],
  [Number.NaN, 1],
  [0, Number.POSITIVE_INFINITY],
  [-(2 ** 32), 10],
] as const;

describe('a byte range', () => {
  const bytes = new Uint8Array(64);

  test('is two whole numbers in order, within the array', () => {
    for (const [start, end] of BAD) assert.throws(() => checkRange(bytes, start, end), { code: 'BAD_RANGE' });
    for (const [start, end] of [
      [0, 0],
      [0, 64],
      [64, 64],
      [7, 9],
    ]) {
      checkRange(bytes, start, end);
    }
  });

  for (const [name, use] of [
    ['PcapWriter.write', (start, end) => new PcapWriter(() => undefined).write(bytes, start, end - start, 64, 0, 0)],
    [
      'PcapngWriter.write',
      (start, end) => {
        const writer = new PcapngWriter(() => undefined);
        writer.write(bytes, start, end - start, 64, 0, 0);
      },
    ],
    ['ByteBuffer.append', (start, end) => new ByteBuffer(() => undefined).append(bytes, start, end - start)],
    ['Fragmenter.begin', (start, end) => new Fragmenter().begin(bytes, start, end, 576)],
    ['Segmenter.begin', (start, end) => new Segmenter().begin(bytes, start, end, 100)],
    ['RingWriter.push', (start, end) => new RingWriter(createRing({ bytes: 65_536 })).push(bytes, start, end)],
  ] as readonly (readonly [string, (start: number, end: number) => unknown])[]) {
    test(`is checked by ${name}`, () => {
      for (const [start, end] of BAD) assert.throws(() => use(start, end), { code: 'BAD_RANGE' }, `${start} to ${end}`);
    });
  }

  test('is checked before WebAssembly sums it: bytes before the array do not count', () => {
    const memory = packetMemory(1024);
    memory.fill(1, 0, 512);
    assert.throws(() => onesSum(memory.subarray(512), -256, 256), RangeError);
  });
});
