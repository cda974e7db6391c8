/** What a node's SAs remember of earlier ones: after a restart, and for returning peers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EspDrop, EspOpener, EspSealer, SequenceReservations } from '../../../src/ipsec/index.js';
import {
  type KeyRing,
  Profile,
  RingOutcome,
  RingRotation,
  RotationSchedule,
  SaEventKind,
} from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { open, seal } from '../../ipsec/build.js';
import { Disk } from '../../ipsec/memory-store.js';
import { ringAt, TestNode } from '../test-nodes.js';

const STRICT = { profile: Profile.Strict };
const PAYLOAD = new Uint8Array(40);

/** A process of node 1, whose peer is node 2. */
function start(disk: Disk, peer: TestNode, seed: number): TestNode {
  const random = new SeededRandom(seed);
  const reservations = new SequenceReservations({ random: (bytes) => random.fill(bytes), store: disk, block: 8 });
  return new TestNode(1, { ...STRICT, reservations }).meet(peer);
}

function sendMany(from: TestNode, to: TestNode, count: number): EspDrop[] {
  return Array.from({ length: count }, () => from.send(to));
}

describe('a node that restarts with its sequence numbers on disk', () => {
  for (const behind of [0, 1, 2, 5]) {
    test(`is accepted by a peer with a replay window, even if the first ring it gets is ${behind} behind`, () => {
      const disk = new Disk();
      const receiver = new TestNode(2, STRICT);
      let sender = start(disk, receiver, 1).settle(ringAt(9));
      receiver.meet(sender).settle(ringAt(9));
      const all = (count: number): EspDrop[] => Array<EspDrop>(count).fill(EspDrop.None);
      assert.deepEqual(sendMany(sender, receiver, 3000), all(3000));
      const { ivMaskHigh, ivMaskLow } = sender.sas.outbound(2) ?? assert.fail();

      sender = start(disk, receiver, 2).settle(ringAt(9 - behind));
      sendMany(sender, receiver, 20);
      sender.settle(ringAt(9));
      const again = sender.sas.outbound(2) ?? assert.fail();
      assert.deepEqual([again.ivMaskHigh, again.ivMaskLow], [ivMaskHigh, ivMaskLow]);
      assert.ok(again.sequenceLow >= 3000);
      assert.deepEqual(sendMany(sender, receiver, 100), all(100));

      // Records of keys that are gone for good are removed as well.
      sender.settle(ringAt(20));
      sender.sas.close();
      assert.deepEqual(
        disk.load().map(({ key }) => key.split(':')[0]),
        ['31'],
      );
    });
  }
});

describe('a peer that is removed and added again', () => {
  test('its earlier packets are not accepted again (strict)', () => {
    const [a, b] = [new TestNode(1, STRICT), new TestNode(2, STRICT)];
    a.meet(b).settle(ringAt(0));
    b.meet(a).settle(ringAt(0));
    const sa = a.sas.outbound(2) ?? assert.fail();
    const recorded = seal(new EspSealer(a.aead), sa, PAYLOAD).packet;
    const opener = new EspOpener(b.aead);
    const find = (): ReturnType<typeof b.sas.inbound.find> => b.sas.inbound.find(sa.spi, 4, b.address, 0);
    assert.equal(open(opener, find() ?? assert.fail(), recorded.slice()), EspDrop.None);
    b.sas.removePeer(1);
    assert.equal(find(), undefined);
    b.meet(a).sas.settle(0);
    assert.equal(open(opener, find() ?? assert.fail(), recorded.slice()), EspDrop.Replayed);
    assert.equal(a.send(b), EspDrop.None);
  });

  test('is accepted beyond 2^32 packets: the upper half of its sequence number is known (RFC 4303, A2)', () => {
    const [a, b] = [new TestNode(1, STRICT), new TestNode(2, STRICT)];
    a.meet(b).settle(ringAt(0));
    b.meet(a).settle(ringAt(0));
    const sa = a.sas.outbound(2) ?? assert.fail();
    // Not all of them are sent here, but enough for the receiver to follow.
    for (const sequence of [0x60000000, 0xc0000000, 0xfffffff0]) {
      sa.sequenceLow = sequence;
      assert.equal(a.send(b), EspDrop.None);
    }
    assert.deepEqual(sendMany(a, b, 40), Array<EspDrop>(40).fill(EspDrop.None));
    assert.equal(sa.sequenceHigh, 1);
    b.sas.removePeer(1);
    b.meet(a).sas.settle(0);
    assert.equal(a.send(b), EspDrop.None);
  });
});

describe('a warning that an SA runs out', () => {
  const DAY_HALF = 43_200;

  test('triggers a rotation on demand, and nothing is lost', () => {
    const random = new SeededRandom(4);
    const schedule = new RotationSchedule({ start: 0 });
    const manager = new RingRotation(ringAt(0), { schedule, random: (bytes) => random.fill(bytes) });
    const nodes = [1, 2].map((number) => new TestNode(number));
    const [a, b] = nodes;
    for (const node of nodes) node.meet(...nodes.filter((other) => other !== node)).settle(manager.ring);
    let wanted = false;
    for (let now = 1; now < DAY_HALF; now += 10) {
      const sa = a.sas.outbound(2) ?? assert.fail();
      // 200,000 packets per second, only one of which is really sealed.
      const quiet = Math.min(2_000_000 - 1, 0xffffffff - 1 - sa.sequenceLow);
      sa.sequenceLow += quiet;
      sa.lifetime.packets += quiet;
      assert.equal(a.send(b, now), EspDrop.None);
      const seen = a.events.length;
      a.sas.poll(now);
      wanted ||= a.events.slice(seen).some(({ kind }) => kind === SaEventKind.RunningOut);
      // No rotation within five minutes of the last one: some nodes may not have its ring yet.
      const ring: KeyRing | undefined = wanted ? manager.rotateNow(now) : undefined;
      if (ring === undefined) continue;
      wanted = false;
      for (const node of nodes) {
        assert.equal(node.sas.update(ring, now), RingOutcome.Accepted);
        node.sas.settle(now);
      }
    }
    assert.ok(manager.rotations >= 2, 'without, 2^32 packets are sent within six hours');
    assert.ok(a.events.every(({ kind }) => kind === SaEventKind.RunningOut));
  });

  test('counts the time to the next rotation from the last one, whenever the peer was added', () => {
    const [a, b] = [new TestNode(1), new TestNode(2)];
    a.settle(ringAt(0));
    a.meet(b).sas.settle(DAY_HALF - 3600);
    for (let now = DAY_HALF - 3590; now < DAY_HALF; now += 10) {
      const sa = a.sas.outbound(2) ?? assert.fail();
      sa.sequenceLow += 2_000_000;
      sa.lifetime.packets += 2_000_000;
      a.sas.poll(now);
    }
    assert.deepEqual(a.events, []);
    // A node that starts then uses the same time, if it is given the ring's.
    const c = new TestNode(3).meet(b);
    c.sas.update(ringAt(0), DAY_HALF - 3600, { rotated: 0 });
    c.sas.settle(DAY_HALF - 3600);
    for (let now = DAY_HALF - 3590; now < DAY_HALF; now += 10) {
      const sa = c.sas.outbound(2) ?? assert.fail();
      sa.sequenceLow += 2_000_000;
      sa.lifetime.packets += 2_000_000;
      c.sas.poll(now);
    }
    assert.deepEqual(c.events, []);
  });
});
