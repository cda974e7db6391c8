import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hkdfSha256 } from '../../../src/aead/index.js';
import { EspDrop, SequenceReservations } from '../../../src/ipsec/index.js';
import { keyFingerprint, KeyRing, Profile, RingOutcome } from '../../../src/overlay/index.js';
import { MemoryStore } from '../../ipsec/memory-store.js';
import { assertTalk, keyOf, ringAt, ringOf, TestNode } from '../test-nodes.js';

const SEED = 20261124;
const STEPS = 5;
const PROFILES = Object.values(Profile);

/** Key length of a Swarm ring in bytes. */
function bytesOf(ring: KeyRing): string[] {
  return ring.keys.map((key) => key.use((bytes) => Buffer.from(bytes).toString('hex')));
}

/** Nodes that know each other, with a ring. */
function clusterOf(count: number, ring: KeyRing, profile: Profile = Profile.Swarm): TestNode[] {
  const nodes = Array.from({ length: count }, (_, i) => new TestNode(i + 1, { profile }));
  for (const node of nodes) node.meet(...nodes.filter((other) => other !== node)).settle(ring);
  return nodes;
}

/** A ring whose copies are observable. */
class WatchedRing extends KeyRing {
  readonly copies: KeyRing[] = [];

  override copy(): KeyRing {
    const copy = super.copy();
    this.copies.push(copy);
    return copy;
  }
}

describe("the rotation of a node's SAs", () => {
  test("uses Docker's order, peer by peer", () => {
    const [a] = clusterOf(3, ringAt(0));
    assert.equal(a.sas.update(ringAt(1), 0), RingOutcome.Accepted);
    assert.deepEqual(a.steps(), [
      ...['2 rx-delete 10', '2 rx-add 13', '2 tx-add 12', '2 tx-switch 12', '2 tx-delete 11'],
      ...['3 rx-delete 10', '3 rx-add 13', '3 tx-add 12', '3 tx-switch 12', '3 tx-delete 11'],
    ]);
    assert.deepEqual(a.sas.tags, [11, 12, 13]);
  });

  test('has 3 inbound SAs and 1 outbound before and after, and never more than 3 and 2', () => {
    const [a] = clusterOf(3, ringAt(0));
    for (const ring of [ringAt(1), ringAt(2), ringAt(5)]) {
      a.sas.update(ring, 0);
      while (a.steps(1).length > 0) {
        for (const peer of [2, 3]) {
          const { rx, tx } = a.sas.counts(peer);
          assert.ok(rx >= 2 && rx <= 3 && tx >= 1 && tx <= 2, `${rx} and ${tx}`);
        }
        assert.ok(a.sas.inbound.size <= 6);
      }
      assert.deepEqual([a.sas.counts(2), a.sas.counts(3)], Array(2).fill({ rx: 3, tx: 1 }));
      assert.deepEqual([a.sas.inbound.size, a.held.size], [6, 8]);
    }
    assert.deepEqual(a.sas.counts(99), { rx: 0, tx: 0 });
  });

  test('settle performs all steps and returns their number', () => {
    const [a] = clusterOf(3, ringAt(0));
    a.sas.update(ringAt(1), 0);
    assert.deepEqual([a.sas.settle(0), a.sas.settle(0)], [10, 0]);
  });

  test("a new peer gets its SAs, and the others' are unchanged", () => {
    const [a, b] = clusterOf(2, ringAt(0));
    const before = [a.sas.outbound(2), ...a.sas.inbound];
    const c = new TestNode(3).meet(a).settle(ringAt(0));
    a.meet(c);
    assert.deepEqual(a.steps(), ['3 rx-add 10', '3 rx-add 11', '3 rx-add 12', '3 tx-add 11', '3 tx-switch 11']);
    assert.deepEqual([a.sas.outbound(2), ...a.sas.inbound].slice(0, 4), before);
    assertTalk(a, b);
    assertTalk(a, c);
    a.meet(c);
    assert.deepEqual(a.steps(), []);
  });

  test('ignores a known peer, whatever the given address', () => {
    const [a, b] = clusterOf(2, ringAt(0));
    a.sas.addPeer(2, Uint8Array.of(10, 0, 0, 9));
    assert.deepEqual(a.steps(), []);
    assertTalk(a, b);
  });

  test('removing a peer closes its SAs; when it returns, sequence numbers continue after the last one', () => {
    const [a, b, c] = clusterOf(3, ringAt(0));
    assertTalk(a, b);
    const before = a.sas.outbound(2);
    a.sas.removePeer(2);
    a.sas.removePeer(77);
    assert.deepEqual([a.sas.inbound.size, a.held.size, a.sas.outbound(2)], [3, 4, undefined]);
    assert.deepEqual([a.send(b), b.send(a)], [EspDrop.NoSa, EspDrop.NoSa]);
    assertTalk(a, c);
    a.meet(b).steps();
    const after = a.sas.outbound(2);
    assert.deepEqual(
      [after?.ivMaskHigh, after?.ivMaskLow, after?.sequenceLow],
      [before?.ivMaskHigh, before?.ivMaskLow, 1],
    );
    assertTalk(a, b);
  });

  describe('a ring', () => {
    test('that it already has causes no step, even during its steps', () => {
      const [a, b] = clusterOf(2, ringAt(0));
      assert.equal(a.sas.update(ringAt(0), 0), RingOutcome.Same);
      assert.deepEqual(a.steps(), []);
      a.sas.update(ringAt(1), 0);
      for (let i = 0; i < STEPS; i++) {
        assert.equal(a.sas.update(ringAt(1), 0), RingOutcome.Same);
        assert.equal(a.steps(1).length, 1);
      }
      assert.deepEqual(a.steps(), []);
      assertTalk(a, b);
    });

    test('that is older is ignored, unless forced', () => {
      const [a, b] = clusterOf(2, ringAt(5));
      for (const ring of [ringAt(4), ringAt(2), ringAt(0, 1), ringAt(0, 7)]) {
        assert.equal(a.sas.update(ring, 0), RingOutcome.Stale);
        assert.deepEqual([a.sas.tags, a.steps()], [[15, 16, 17], []]);
      }
      assertTalk(a, b);
      assert.equal(a.sas.update(ringAt(4), 0, { force: true }), RingOutcome.Accepted);
      assert.deepEqual(a.steps(), ['2 rx-delete 17', '2 rx-add 14', '2 tx-add 15', '2 tx-switch 15', '2 tx-delete 16']);
      assertTalk(a, b, 'one behind');
      for (const node of [a, b]) {
        assert.equal(node.sas.update(ringAt(0), 0, { force: true }), RingOutcome.Accepted);
        node.sas.settle(0);
      }
      assertTalk(a, b, 'restored');
    });

    test('that is restored during its steps: its SAs were never closed, and nothing is lost', () => {
      const spis = (node: TestNode, peer: TestNode): unknown[] => [
        node.sas.outbound(peer.number),
        ...[...node.sas.inbound].map(({ spi }) => spi).sort(),
      ];
      const [a, b] = clusterOf(2, ringAt(0));
      const before = spis(a, b);
      assert.equal(a.sas.update(ringAt(2), 0), RingOutcome.Accepted);
      assert.equal(a.sas.update(ringAt(0), 0, { force: true }), RingOutcome.Accepted);
      assert.deepEqual(a.steps(), []);
      assert.deepEqual(spis(a, b), before);
      assertTalk(a, b);
      for (let taken = 1; taken <= STEPS; taken++) {
        a.sas.update(ringAt(1), 0);
        a.steps(taken);
        assertTalk(a, b, `after ${taken} steps forward`);
        a.sas.update(ringAt(0), 0, { force: true });
        while (a.steps(1).length > 0) assertTalk(a, b, `on the way back from step ${taken}`);
        assert.equal(a.held.size, 4);
      }
    });

    for (const ahead of [2, 3, 10]) {
      test(`that is ${ahead} ahead, and communicates with nodes that have it`, () => {
        for (const profile of PROFILES) {
          const [a, b, c] = clusterOf(3, ringAt(0), profile);
          a.settle(ringAt(ahead));
          assert.notEqual(a.send(b), EspDrop.None);
          assert.notEqual(b.send(a), EspDrop.None);
          b.settle(ringAt(ahead));
          c.settle(ringAt(ahead - 1)).settle(ringAt(ahead));
          assertTalk(a, b);
          assertTalk(a, c);
          assert.deepEqual([a.sas.inbound.size, a.held.size], [6, 8]);
        }
      });
    }

    test('that has other bytes under the same tags, for all or one of them', () => {
      for (const profile of PROFILES) {
        const first = [10, 11, 12].map((tag) => ringOf([tag]).keys[0]);
        const other = ringOf([10, 11, 12], 0xee).keys;
        for (const ring of [
          new KeyRing(other),
          new KeyRing([other[0], first[1], first[2]]),
          new KeyRing([first[0], other[1], first[2]]),
          new KeyRing([first[0], first[1], other[2]]),
        ]) {
          const [a, b] = clusterOf(2, ringAt(0), profile);
          assert.equal(a.sas.update(ring, 0), RingOutcome.Accepted);
          a.steps();
          b.settle(ring);
          assertTalk(a, b);
          if (profile === Profile.Swarm) assert.deepEqual(new Set(a.held.values()), new Set(bytesOf(ring)));
          assert.deepEqual([a.sas.inbound.size, a.held.size], [3, 4]);
        }
      }
    });

    for (const from of [1, 2, 3, 5]) {
      for (const to of [1, 2, 3, 5]) {
        test(`of ${to} keys after one of ${from}`, () => {
          const [a, b] = clusterOf(2, ringAt(0, from));
          for (const node of [a, b]) node.settle(ringAt(4, to));
          assertTalk(a, b);
          assert.deepEqual(a.sas.counts(2), { rx: to, tx: 1 });
          assert.deepEqual([a.sas.inbound.size, a.held.size], [to, to + 1]);
        });
      }
    }

    for (let steps = 0; steps <= 2 * STEPS; steps++) {
      test(`after ${steps} steps of another one`, () => {
        for (const [next, force] of [
          [2, false],
          [10, false],
          [0, true],
        ] as const) {
          const [a, b, c] = clusterOf(3, ringAt(0));
          a.sas.update(ringAt(1), 0);
          assert.equal(a.steps(steps).length, steps);
          assert.equal(a.sas.update(ringAt(next), 0, { force }), RingOutcome.Accepted);
          a.steps();
          for (const node of [b, c]) {
            node.settle(ringAt(next));
            assertTalk(a, node);
          }
          assert.deepEqual(new Set(a.held.values()), new Set(bytesOf(ringAt(next))));
          assert.deepEqual([a.sas.inbound.size, a.held.size], [6, 8]);
        }
      });

      test(`while a peer joins, and one leaves, after ${steps} steps`, () => {
        const [a, b, c] = clusterOf(3, ringAt(0));
        for (const node of [b, c]) node.settle(ringAt(1));
        a.sas.update(ringAt(1), 0);
        a.steps(steps);
        const d = new TestNode(4).meet(a).settle(ringAt(1));
        a.meet(d).sas.removePeer(2);
        do assertTalk(a, c);
        while (a.steps(1).length > 0);
        assertTalk(a, d);
        assert.deepEqual([a.sas.counts(2), a.sas.inbound.size, a.held.size], [{ rx: 0, tx: 0 }, 6, 8]);
      });
    }

    test('with a wiped key is rejected, and nothing changes', () => {
      const [a, b] = clusterOf(2, ringAt(0));
      const wiped = ringAt(1);
      wiped.keys[2].wipe();
      assert.throws(() => a.sas.update(wiped, 0), /wiped/);
      assert.deepEqual([a.sas.tags, a.steps()], [[10, 11, 12], []]);
      assertTalk(a, b);
    });
  });

  describe('loses no packet', () => {
    for (const profile of PROFILES) {
      test(`between nodes at most one apart (${profile})`, () => {
        for (const ahead of [-1, 0, 1]) {
          const [a, b] = clusterOf(2, ringAt(5), profile);
          b.sas.update(ringAt(5 + ahead), 0, { force: true });
          b.steps();
          assertTalk(a, b);
        }
        const [a, b] = clusterOf(2, ringAt(5), profile);
        b.settle(ringAt(7));
        assert.deepEqual([a.send(b), b.send(a)], [EspDrop.NoSa, EspDrop.NoSa]);
      });

      test(`at any step of either node (${profile})`, () => {
        for (let mine = 0; mine <= STEPS; mine++) {
          const [a, b] = clusterOf(2, ringAt(0), profile);
          a.sas.update(ringAt(1), 0);
          assert.equal(a.steps(mine).length, mine);
          assertTalk(a, b, `after ${mine} steps and none`);
          b.sas.update(ringAt(1), 0);
          for (let theirs = 1; theirs <= STEPS; theirs++) {
            assert.equal(b.steps(1).length, 1);
            assertTalk(a, b, `after ${mine} and ${theirs} steps`);
          }
        }
      });
    }

    test('between any nodes, in any order of their steps, if each ring comes after the last one has settled', () => {
      const COUNT = 4;
      let sent = 0;
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: 2 * COUNT - 1 }), { maxLength: 120, size: 'max' }),
          fc.constantFrom(...PROFILES),
          (moves, profile) => {
            const nodes = clusterOf(COUNT, ringAt(0), profile);
            const settled = new Set(nodes);
            const behind = new Set<TestNode>();
            let rotations = 0;
            for (const move of moves) {
              const node = nodes[move % COUNT];
              if (settled.size === COUNT && behind.size === 0) {
                rotations++;
                for (const each of nodes) behind.add(each);
              }
              if (move >= COUNT && behind.delete(node)) {
                node.sas.update(ringAt(rotations), 0);
                settled.delete(node);
              } else if (node.steps(1).length === 0) {
                settled.add(node);
              }
              for (const other of nodes) {
                if (other === node) continue;
                assertTalk(node, other);
                sent += 2;
              }
            }
          },
        ),
        { seed: SEED, numRuns: 12 },
      );
      assert.ok(sent > 5000, `only ${sent} packets were sent`);
    });
  });

  describe('leaves no key behind', () => {
    test('that was dropped, in the cipher or in memory', () => {
      const [a] = clusterOf(3, ringAt(0));
      const ring = new WatchedRing(ringAt(1).keys);
      a.settle(ring);
      assert.deepEqual(new Set(a.held.values()), new Set(bytesOf(ring)));
      a.settle(ringAt(2));
      assert.ok(!new Set(a.held.values()).has(bytesOf(ring)[0]));
      a.settle(ringAt(10));
      assert.deepEqual(new Set(a.held.values()), new Set(bytesOf(ringAt(10))));
      assert.ok(ring.copies.length > 0);
      for (const copy of ring.copies) assert.ok(copy.keys.every(({ wiped }) => wiped));
      assert.ok(
        ring.keys.every(({ wiped }) => !wiped),
        'the given ring belongs to the caller',
      );
    });

    test('except for those that stay, which are not wiped', () => {
      const first = new WatchedRing(ringAt(0).keys);
      const second = new WatchedRing(ringAt(1).keys);
      const [a] = clusterOf(2, first);
      first.copies.length = 0;
      const node = new TestNode(9).meet(a).settle(first).settle(second);
      const [mine, next] = [first.copies[0], second.copies[0]].map(({ keys }) => keys.map(({ wiped }) => wiped));
      assert.deepEqual(
        [mine, next],
        [
          [true, false, false],
          [true, true, false],
        ],
      );
      node.sas.close();
      for (const { copies } of [first, second]) assert.ok(copies[0].keys.every(({ wiped }) => wiped));
    });

    test('nor its sequence numbers, once its ring is gone', () => {
      const store = new MemoryStore();
      const reservations = new SequenceReservations({ random: (bytes) => bytes.fill(7), store });
      const a = new TestNode(1, { reservations }).meet(new TestNode(2), new TestNode(3));
      for (let rotation = 0; rotation < 6; rotation++) a.settle(ringAt(rotation));
      a.sas.close();
      // The transmit key, and the one before: it is still received with, and a restored ring sends with it.
      const names = [15, 16].map((tag) => `${tag}:${keyFingerprint(keyOf(tag), hkdfSha256)}`);
      assert.equal(store.kept.length, 4);
      assert.deepEqual(new Set(store.kept.map(({ key }) => key)), new Set(names));
    });

    for (let steps = 0; steps <= 2 * STEPS; steps++) {
      test(`when it is closed after ${steps} steps`, () => {
        const ring = new WatchedRing(ringAt(1).keys);
        const [a] = clusterOf(3, ringAt(0));
        a.sas.update(ring, 0);
        a.steps(steps);
        a.sas.close();
        assert.deepEqual([a.held.size, a.sas.inbound.size, a.sas.tags, a.steps()], [0, 0, [], []]);
        assert.deepEqual(
          [a.sas.outbound(2), a.sas.outbound(3), a.sas.counts(2)],
          [undefined, undefined, { rx: 0, tx: 0 }],
        );
        assert.ok(ring.copies[0].keys.every(({ wiped }) => wiped));
        a.sas.close();
      });
    }
  });
});
