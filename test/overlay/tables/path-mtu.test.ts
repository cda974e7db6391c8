import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/overlay/files.js';
import { espOverheadOf, mtuOf, PathMtu, Profile, type Topology } from '../../../src/overlay/index.js';

const SEED = 20261121;
const CLEAR = 0;
const SEALED = 1;
const CAPPED = 2;

function topology(profile: Profile = Profile.Swarm, family: 4 | 6 = 4): Topology {
  const vtep = (i: number): string => (family === 4 ? `192.168.50.${i}` : `fd50::${i}`);
  return parseConfig(`
profile: ${profile}
nodes: { a: { vtep: "${vtep(1)}" }, b: { vtep: "${vtep(2)}" }, jumbo: { vtep: "${vtep(3)}", mtu: 9000 },
  small: { vtep: "${vtep(4)}", mtu: 1400 } }
networks: { clear: { vni: 1 }, sealed: { vni: 2, encrypted: true }, capped: { vni: 3, mtu: 1300 } }
keys: [{ tag: 1, key: "${'0'.repeat(31)}1" }]`);
}

const [A, B, JUMBO, SMALL] = [0, 1, 2, 3];

describe('PathMtu', () => {
  test('starts with the smaller MTU of both interfaces', () => {
    const paths = new PathMtu(topology(), A);
    assert.deepEqual(
      [B, JUMBO, SMALL].map((node) => paths.underlay(node)),
      [1500, 1500, 1400],
    );
    assert.equal(new PathMtu(topology(), JUMBO).underlay(SMALL), 1400);
  });

  test("yields the inner MTU that Docker would set, and at most the network's", () => {
    const paths = new PathMtu(topology(), A);
    assert.deepEqual(
      [CLEAR, SEALED, CAPPED].map((network) => [paths.inner(network, B), paths.inner(network, SMALL)]),
      [
        [1450, 1350],
        [1424, 1324],
        [1300, 1300],
      ],
    );
    const over6 = new PathMtu(topology(Profile.Swarm, 6), A);
    assert.deepEqual([over6.inner(CLEAR, B), over6.inner(SEALED, B)], [1430, 1404]);
    assert.equal(new PathMtu(topology(Profile.Strict), A).inner(SEALED, B), 1416);
    assert.deepEqual(
      [espOverheadOf(Profile.Swarm), espOverheadOf(Profile.Strict)],
      [{ icvLength: 8 }, { icvLength: 16 }],
    );
  });

  test('learns a lower MTU of that node only, for every network, and nothing else', () => {
    const paths = new PathMtu(topology(), A);
    assert.equal(paths.learn(B, 1500, 0), false);
    assert.equal(paths.learn(B, 9000, 0), false);
    assert.equal(paths.learn(B, 1280, 0), true);
    assert.equal(paths.learn(B, 1280, 1), false);
    assert.equal(paths.learn(B, 1400, 1), false);
    assert.deepEqual([paths.underlay(B), paths.inner(CLEAR, B), paths.inner(CAPPED, B)], [1280, 1230, 1230]);
    assert.equal(paths.inner(SEALED, B), mtuOf({ underlayMtu: 1280, family: 4, esp: { icvLength: 8 } }).innerMtu);
    assert.deepEqual([paths.underlay(JUMBO), paths.inner(CLEAR, JUMBO)], [1500, 1450]);
    assert.equal(paths.learn(B, 1000, 2), true);
    assert.equal(paths.underlay(B), 1000);
  });

  test('accepts nothing below its floor, whatever ICMP reports', () => {
    const paths = new PathMtu(topology(), A);
    for (const mtu of [0, 68, 551]) {
      const fresh = new PathMtu(topology(), A);
      assert.equal(fresh.learn(B, mtu, 0), true);
      assert.equal(fresh.underlay(B), 552);
    }
    assert.equal(paths.learn(B, 600, 0), true);
    assert.equal(paths.learn(B, 0, 0), true);
    assert.deepEqual([paths.underlay(B), paths.learn(B, 0, 0)], [552, false]);
    const over6 = new PathMtu(topology(Profile.Swarm, 6), A);
    assert.equal(over6.learn(B, 68, 0), true);
    assert.equal(over6.underlay(B), 1280);
    const asked = new PathMtu(topology(), A, { floor4: 1000 });
    asked.learn(B, 0, 0);
    assert.equal(asked.underlay(B), 1000);
  });

  test('drops learned values when they expire, and not a second earlier', () => {
    const paths = new PathMtu(topology(), A);
    paths.learn(B, 1000, 50);
    paths.learn(SMALL, 1000, 60);
    paths.expire(649);
    assert.equal(paths.underlay(B), 1000);
    paths.expire(650);
    assert.deepEqual([paths.underlay(B), paths.inner(CLEAR, B)], [1500, 1450]);
    assert.equal(paths.underlay(SMALL), 1000);
    paths.expire(660);
    assert.equal(paths.underlay(SMALL), 1400);
    assert.equal(paths.learn(B, 1400, 700), true, 'it learns again');
    const short = new PathMtu(topology(), A, { expires: 5 });
    short.learn(B, 1000, 0);
    short.expire(5);
    assert.equal(short.underlay(B), 1500);
  });

  test('works with times in seconds since 1970', () => {
    const paths = new PathMtu(topology(), A);
    paths.learn(B, 1000, 1_790_000_000);
    paths.expire(1_790_000_599);
    assert.equal(paths.underlay(B), 1000);
    paths.expire(1_790_000_600);
    assert.equal(paths.underlay(B), 1500);
  });

  test('is 0 if no packet fits inside, instead of throwing while forwarding', () => {
    const paths = new PathMtu(topology(), A, { floor4: 40 });
    assert.equal(paths.learn(B, 40, 0), true);
    assert.deepEqual([paths.underlay(B), paths.inner(CLEAR, B), paths.inner(SEALED, B)], [40, 0, 0]);
  });

  test('never rises by learning, whatever ICMP reports in any order', () => {
    const learned = fc.array(fc.tuple(fc.constantFrom(B, JUMBO, SMALL), fc.integer({ min: 0, max: 70_000 })));
    fc.assert(
      fc.property(learned, (messages) => {
        const paths = new PathMtu(topology(), A);
        messages.forEach(([node, mtu], now) => {
          const before = [A, B, JUMBO, SMALL].map((other) => paths.underlay(other));
          const lowered = paths.learn(node, mtu, now);
          assert.equal(paths.underlay(node), Math.min(before[node], Math.max(552, mtu)));
          assert.equal(lowered, paths.underlay(node) < before[node]);
          for (const other of [A, B, JUMBO, SMALL]) {
            if (other !== node) assert.equal(paths.underlay(other), before[other]);
            const { innerMtu } = mtuOf({ underlayMtu: paths.underlay(other), family: 4 });
            assert.equal(paths.inner(CLEAR, other), innerMtu);
          }
        });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
