import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Backends } from '../../../../src/live/mesh/routing/backends.js';
import { LiveRoute } from '../../../../src/live/mesh/routing/live-route.js';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { cookieOf } from '../../../../src/live/mesh/thread/targets.js';
import { route } from '../http1/mesh-bench.js';

const NAMES = ['a', 'b', 'c', 'd'];

function targets(names: readonly string[] = NAMES): Target[] {
  return names.map((name, i) => new Target(`10.0.9.${i + 1}`, 80, name, cookieOf('web', name)));
}

function backends(all: readonly Target[]): Backends {
  const made = new Backends();
  made.set(all);
  return made;
}

describe('backends', () => {
  test('take turns, also after some have gone', () => {
    const all = targets();
    const turns = backends(all);
    const next = (count: number): string => Array.from({ length: count }, () => turns.choose(0)?.name ?? '-').join('');
    assert.equal(next(6), 'abcdab');
    turns.set(all.slice(0, 2));
    assert.equal(next(4), 'abab');
    turns.set([]);
    assert.equal(next(1), '-');
  });

  test('skip those that are out, and the one that has just failed, unless there is no other', () => {
    const [a, b, c] = targets();
    const turns = backends([a, b, c]);
    b.failed(0);
    assert.deepEqual([turns.choose(1)?.name, turns.choose(1)?.name, turns.choose(1)?.name], ['a', 'c', 'a']);
    assert.equal(turns.choose(1, c)?.name, 'a');
    a.failed(1);
    assert.notEqual(turns.choose(2, c)?.name, 'c');
    c.failed(2);
    assert.notEqual(turns.choose(3), undefined);
    assert.equal(backends([a]).choose(3, a), a);
  });

  test('follow a cookie of the mesh to its target, and take turns once that is out or unknown', () => {
    const [a, b] = targets();
    const sticky = new LiveRoute({ ...route('x'), sticky: { cookie: 'vtep', isOwn: true } }, backends([a, b]));
    for (let i = 0; i < 3; i++) assert.equal(sticky.choose(b.cookie, 0), b);
    b.failed(0);
    assert.equal(sticky.choose(b.cookie, 1), a);
    assert.notEqual(sticky.choose('ffffffffffffffff', 1), undefined);
    assert.match(a.cookie, /^[0-9a-f]{16}$/);
  });

  test("keep an application's sessions where they are when a target comes or goes, and spread them evenly", () => {
    const all = targets();
    const sticky = new LiveRoute({ ...route('x'), sticky: { cookie: 'JSESSIONID', isOwn: false } }, backends(all));
    const placed = (): string[] => Array.from({ length: 4000 }, (_, i) => sticky.choose(`session${i}`, 0)?.name ?? '-');
    const before = placed();
    for (const name of NAMES) {
      const share = before.filter((one) => one === name).length;
      assert.ok(share > 850 && share < 1150, `${name}: ${share}`);
    }
    sticky.backends.set(all.slice(0, 3));
    const moved = placed().filter((name, i) => before[i] !== 'd' && name !== before[i]);
    assert.equal(moved.length, 0);
    sticky.backends.set([...all].reverse());
    assert.deepEqual(placed(), before);
  });
});

describe('a target', () => {
  test('is out for a second after a failure, and twice as long each time, up to 30 s', () => {
    const target = new Target('10.0.9.1', 80);
    const times: number[] = [];
    let now = 0;
    for (let i = 0; i < 7; i++) {
      target.failed(now, now);
      times.push(target.downUntil - now);
      now = target.downUntil;
    }
    assert.deepEqual(times, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    target.succeeded();
    target.failed(now);
    assert.equal(target.downUntil - now, 1000);
  });

  test('counts connections that were under way together as one failure', () => {
    const target = new Target('10.0.9.1', 80);
    target.failed(100, 50);
    target.failed(101, 51);
    target.failed(102);
    assert.deepEqual([target.failures, target.downUntil], [1, 1100]);
  });
});
