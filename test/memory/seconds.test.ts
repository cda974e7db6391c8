import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSeconds } from '../../src/memory/seconds.js';

test('a time in seconds is accepted: of a process, of now, of the last year that a capture can name', () => {
  for (const seconds of [0, 12.5, Date.now() / 1000, 18_446_744_072, -1]) checkSeconds(seconds);
});

test('milliseconds since 1970 and what is no number are refused', () => {
  for (const time of [Date.now(), Number.NaN, Number.POSITIVE_INFINITY, Date.parse('2001-09-09')]) {
    assert.throws(
      () => {
        checkSeconds(time);
      },
      { code: 'BAD_TIME' },
    );
  }
});
