import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interruptible } from '../../../src/cli/live/interruptible.js';

test('a second signal ends a node at once, also after its time limit', () => {
  const states = (one: Interruptible): boolean[] => [one.signal.aborted, one.atOnce.aborted];
  const signalled = new Interruptible();
  signalled.interrupt();
  assert.deepEqual(states(signalled), [true, false]);
  signalled.interrupt();
  assert.deepEqual(states(signalled), [true, true]);
  const over = new Interruptible();
  over.end();
  over.end();
  assert.deepEqual(states(over), [true, false]);
  over.interrupt();
  assert.deepEqual(states(over), [true, true]);
});
