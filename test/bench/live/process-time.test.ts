import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessTime, processTime } from '../../../bench/live/process-time.js';

test('CPU time is user and system time, whatever the name of the program', () => {
  const stat = '4711 (odd) name (7) S 1 4711 4711 0 -1 4194560 9 0 0 0 1234 66 5 5 20 0 11 0 1 2 3';
  assert.equal(parseProcessTime(stat), 13);
});

test('a process that is gone has no CPU time, and this one has some', () => {
  assert.equal(processTime(0), 0);
  if (process.platform === 'linux') assert.ok(processTime(process.pid) > 0);
});
