import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteBuffer } from '../../src/capture/byte-buffer.js';
import { noise } from './build.js';
import { KeepingSink } from './written.js';

const CAPACITY = 262_144;

describe('ByteBuffer', () => {
  test('coalesces small writes, and passes them on only when full', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    for (let i = 0; i < 1000; i++) buffer.append(noise(262, i), 0, 262);
    assert.deepEqual(kept.pieces, []);
    for (let i = 0; i < 1000; i++) buffer.append(noise(262, i), 0, 262);
    assert.deepEqual(kept.pieces, [262 * 1000]);
    buffer.flush();
    assert.deepEqual(kept.pieces, [262 * 1000, 262 * 1000]);
  });

  test('a flush of an empty buffer passes nothing to the sink', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    buffer.flush();
    buffer.append(noise(5, 1), 0, 5);
    buffer.flush();
    buffer.flush();
    assert.deepEqual(kept.pieces, [5]);
  });

  test('holds as much as its capacity, and flushes on one more byte', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    buffer.append(noise(CAPACITY, 1), 0, CAPACITY);
    assert.deepEqual(kept.pieces, []);
    buffer.append(noise(1, 2), 0, 1);
    assert.deepEqual(kept.pieces, [CAPACITY]);
  });

  test('passes data larger than its capacity straight to the sink, after what was buffered', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    buffer.append(noise(3, 1), 0, 3);
    buffer.append(noise(CAPACITY + 9, 2), 4, CAPACITY + 1);
    buffer.append(noise(3, 3), 0, 3);
    buffer.flush();
    assert.deepEqual(kept.pieces, [3, CAPACITY + 1, 3]);
    assert.deepEqual(
      kept.bytes,
      Buffer.concat([noise(3, 1), noise(CAPACITY + 9, 2).subarray(4, CAPACITY + 5), noise(3, 3)]),
    );
  });

  test('a reserved range is at the returned offset, also after a flush', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    buffer.append(noise(CAPACITY - 2, 1), 0, CAPACITY - 2);
    const at = buffer.reserve(4);
    buffer.view.setUint32(at, 0x01020304);
    buffer.flush();
    assert.deepEqual(kept.pieces, [CAPACITY - 2, 4]);
    assert.deepEqual([...kept.bytes.subarray(-4)], [1, 2, 3, 4]);
  });

  test('copies bytes before append returns', () => {
    const kept = new KeepingSink();
    const buffer = new ByteBuffer(kept.sink);
    const bytes = Uint8Array.of(1, 2, 3);
    buffer.append(bytes, 0, 3);
    bytes.fill(9);
    buffer.flush();
    assert.deepEqual([...kept.bytes], [1, 2, 3]);
  });

  test('keeps the order of reserve, append and flush', () => {
    const step = fc.oneof(
      { weight: 2, arbitrary: fc.record({ reserve: fc.integer({ min: 1, max: 2000 }) }) },
      { weight: 4, arbitrary: fc.record({ append: fc.integer({ min: 0, max: 90_000 }), offset: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ append: fc.integer({ min: 262_000, max: 300_000 }), offset: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.constant({ flush: true }) },
    );
    const source = noise(310_000, 7);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const kept = new KeepingSink();
        const buffer = new ByteBuffer(kept.sink);
        const expected: Buffer[] = [];
        for (const one of steps) {
          if ('reserve' in one) {
            const at = buffer.reserve(one.reserve);
            buffer.bytes.fill(one.reserve, at, at + one.reserve);
            expected.push(Buffer.alloc(one.reserve, one.reserve & 0xff));
          } else if ('append' in one) {
            buffer.append(source, one.offset, one.append);
            expected.push(source.subarray(one.offset, one.offset + one.append));
          } else {
            buffer.flush();
          }
        }
        buffer.flush();
        assert.ok(kept.bytes.equals(Buffer.concat(expected)));
      }),
      { seed: 20261121, numRuns: 60 },
    );
  });
});
