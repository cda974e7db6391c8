import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader } from '../../src/capture/index.js';
import { noise } from './build.js';

describe('MemoryReader', () => {
  test('returns its bytes in pieces of the requested size, then 0 forever', () => {
    const reader = new MemoryReader(noise(10, 1));
    const into = new Uint8Array(4);
    const got: number[] = [];
    for (const expected of [4, 4, 2, 0, 0]) {
      const count = reader.read(into);
      assert.equal(count, expected);
      got.push(...into.subarray(0, count));
    }
    assert.deepEqual(got, [...noise(10, 1)]);
  });

  test('reports its size, and its name if it has one', () => {
    assert.deepEqual([new MemoryReader(noise(10, 1)).size, new MemoryReader(noise(1, 1)).name], [10, 'memory']);
    assert.equal(new MemoryReader(noise(1, 1), 'upload.pcap').name, 'upload.pcap');
  });

  test('leaves the buffer after the piece untouched', () => {
    const into = new Uint8Array(4).fill(7);
    new MemoryReader(Uint8Array.of(1)).read(into);
    assert.deepEqual([...into], [1, 7, 7, 7]);
  });
});
