/** A replay of standard input takes as much memory for a long capture as for a short one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replayStream } from '../../bench/stream-memory.js';

/** Two fifths of the 150 MB between them: on a busy machine V8 collects later. */
const MOST_GROWTH = 60e6;

for (const encrypted of [false, true]) {
  test(`${encrypted ? 'encrypted' : 'clear'}: 200 MB take less than 60 MB more than 50 MB do`, () => {
    const short = replayStream(50e6, encrypted);
    const long = replayStream(200e6, encrypted);
    assert.ok(long.frames > 3.9 * short.frames);
    assert.ok(long.peak - short.peak < MOST_GROWTH, `${long.peak} bytes, ${short.peak} before`);
  });
}
