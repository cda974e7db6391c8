import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteWindow } from '../../src/capture/byte-window.js';
import { MAX_RECORD, READ_BYTES } from '../../src/capture/record-decoder.js';
import { noise } from './build.js';

const STREAM = noise(3_000_000, 1);

/** Feeds the next bytes of the stream into the window; returns the new offset in the stream. */
function feed(window: ByteWindow, from: number, count: number): number {
  const room = window.reserve();
  const piece = STREAM.subarray(from, from + Math.min(count, room.length));
  room.set(piece);
  window.commit(piece.length);
  return from + piece.length;
}

const unread = (window: ByteWindow): Buffer => Buffer.from(window.bytes.subarray(window.start, window.end));

describe('ByteWindow', () => {
  test('is empty at first, at the beginning of the capture', () => {
    const window = new ByteWindow();
    assert.deepEqual([window.available, window.position], [0, 0]);
  });

  test('has space for a whole read, however much is left over', () => {
    const window = new ByteWindow();
    for (const rest of [0, 1, 1000, MAX_RECORD]) {
      while (window.available < rest) window.commit(Math.min(window.reserve().length, rest - window.available));
      assert.equal(window.reserve().length, READ_BYTES);
      window.skip(window.available);
    }
  });

  test('keeps leftover bytes up to the longest record, and reports more as damage', () => {
    const window = new ByteWindow();
    let at = feed(window, 0, READ_BYTES);
    at = feed(window, at, MAX_RECORD - READ_BYTES);
    window.reserve();
    assert.deepEqual(unread(window), STREAM.subarray(0, MAX_RECORD));
    feed(window, at, 1);
    assert.throws(() => window.reserve(), { name: 'CaptureError', code: 'CAPTURE_DAMAGED', message: /at byte 0 / });
  });

  test('keeps the unread bytes and their position in any order of reads and skips', () => {
    const step = fc.tuple(fc.nat(READ_BYTES), fc.nat(READ_BYTES));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const window = new ByteWindow();
        let from = 0;
        for (const [count, skip] of steps) {
          if (window.available <= MAX_RECORD) from = feed(window, from, Math.min(count, STREAM.length - from));
          window.skip(Math.min(skip, window.available));
          assert.equal(window.position + window.available, from);
          assert.ok(unread(window).equals(STREAM.subarray(window.position, from)));
        }
      }),
      { seed: 20261121, numRuns: 40 },
    );
  });
});
