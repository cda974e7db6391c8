import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Troubles } from '../../../src/swarm/member/troubles.js';

/** Troubles with a clock of the test's own, and what they reported. */
class Told {
  readonly lines: string[] = [];
  now = 0;
  readonly troubles = new Troubles(
    (text) => this.lines.push(text),
    () => this.now,
  );
}

describe('troubles', () => {
  test('a cause is reported once while it lasts, and so is its end', () => {
    const { troubles, lines } = new Told();
    troubles.begin('a', 'a begins');
    troubles.begin('a', 'a begins');
    assert.equal(troubles.size, 1);
    troubles.end('a', 'a ends');
    troubles.end('a', 'a ends');
    assert.deepEqual(lines, ['a begins', 'a ends']);
    assert.equal(troubles.size, 0);
  });

  test('a cause that comes and goes is reported at most once a minute', () => {
    const told = new Told();
    for (; told.now < 180_000; told.now += 100) {
      told.troubles.begin('a', 'begins');
      told.troubles.end('a', 'ends');
    }
    assert.deepEqual(told.lines, ['begins', 'ends', 'begins', 'ends', 'begins', 'ends']);
  });

  test('a cause that came back within the minute is reported after it, if it lasts', () => {
    const told = new Told();
    told.troubles.begin('a', 'begins');
    told.troubles.end('a');
    told.now = 30_000;
    told.troubles.begin('a', 'begins again');
    assert.deepEqual(told.lines, ['begins']);
    told.now = 60_000;
    told.troubles.begin('a', 'begins again');
    assert.deepEqual(told.lines, ['begins', 'begins again']);
  });

  test('causes are bounded, and those that are over make room', () => {
    const told = new Told();
    for (let i = 0; i < 1000; i += 1) told.troubles.begin(`cause ${i}`, `cause ${i}`);
    assert.equal(told.lines.length, 256);
    told.troubles.end('cause 0');
    told.troubles.begin('late', 'late');
    assert.equal(told.lines.length, 256, 'it would be reported again soon');
    told.now = 60_000;
    told.troubles.begin('late', 'late');
    assert.equal(told.lines.at(-1), 'late');
    assert.equal(told.troubles.size, 256);
  });
});
