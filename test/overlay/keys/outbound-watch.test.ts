import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { EspDrop, OutboundSa, type SaLimits, SequenceReservations } from '../../../src/ipsec/index.js';
import {
  deriveSpi,
  keyFingerprint,
  RingOutcome,
  RingRotation,
  RotationSchedule,
  type SaEvent,
  SaEventKind,
} from '../../../src/overlay/index.js';
import { OutboundWatch } from '../../../src/overlay/keys/outbound-watch.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { association, MASK } from '../../ipsec/build.js';
import { MemoryStore } from '../../ipsec/memory-store.js';
import { assertTalk, ringAt, TestNode } from '../test-nodes.js';

const HALF_DAY = 43_200;
const LAST = 0xffffffff;
/** Packet rate per second at which 2^32 - 1 just last less than 12 hours. */
const FASTEST = 99_420;

class Scene {
  readonly events: SaEvent[] = [];
  readonly watch = new OutboundWatch(HALF_DAY, (event) => this.events.push(event));
  readonly #aead = nodeBackend.create();

  sa(limits: SaLimits = {}, sequence = { high: 0, low: 0 }, peer = 4): OutboundSa {
    const sa = new OutboundSa(association({ limits }), this.#aead, { ivMask: MASK, sequence });
    this.watch.add(sa, peer, 11, 0, 0);
    return sa;
  }

  /** Lets an SA send at a rate, and polls it every second. */
  run(sa: OutboundSa, from: number, to: number, rate: number): void {
    for (let now = from + 1; now <= to; now++) {
      sa.sequenceLow += rate;
      assert.ok(sa.sequenceLow <= LAST);
      sa.lifetime.packets += rate - 1;
      sa.lifetime.bytes += 100 * (rate - 1);
      // The last one, counted as when packets are sealed.
      sa.lifetime.count(100, now);
      this.watch.poll(now);
    }
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

describe('OutboundWatch', () => {
  test('reports once that an SA runs out before the next rotation, after watching its rate for a minute', () => {
    const scene = new Scene();
    const sa = scene.sa();
    scene.run(sa, 0, 59, 200_000);
    assert.deepEqual(scene.events, []);
    scene.run(sa, 59, 60, 200_000);
    assert.equal(scene.events.length, 1);
    const [{ kind, peer, tag, spi, text, secondsLeft = NaN, packetRate = NaN }] = scene.events;
    assert.deepEqual([kind, peer, tag, spi], [SaEventKind.RunningOut, 4, 11, sa.spi]);
    assert.ok(Math.abs(packetRate - 200_000) < 1 && Math.abs(secondsLeft - (LAST / 200_000 - 60)) < 1);
    assert.equal(
      text,
      'SPI 0x1f279ba7 (key 11) ends in 21415 s, before the next rotation, at 200000 packets per second',
    );
    scene.run(sa, 60, 1000, 200_000);
    assert.equal(scene.events.length, 1);
  });

  test('reports an SA that lasts less than a whole interval when its rotation is overdue', () => {
    for (const [rate, reports] of [
      [FASTEST / 4, 0],
      [FASTEST / 2 + 100, 1],
    ]) {
      const scene = new Scene();
      const sa = scene.sa();
      // Polls an hour apart.
      for (let now = 3600; now <= HALF_DAY + 3600; now += 3600) {
        sa.sequenceLow += Math.floor(rate * 3600);
        sa.lifetime.packets += Math.floor(rate * 3600);
        scene.watch.poll(now);
      }
      assert.deepEqual(scene.kinds, reports === 1 ? [SaEventKind.RunningOut] : [], `at ${rate} packets per second`);
      if (reports === 1) assert.match(scene.events[0].text, /overdue/);
    }
  });

  test('a clock that goes back does not make an SA older', () => {
    const scene = new Scene();
    const sa = scene.sa();
    scene.watch.poll(-HALF_DAY);
    scene.run(sa, -HALF_DAY, -HALF_DAY + 600, FASTEST - 1000);
    assert.deepEqual(scene.events, []);
  });

  test('does not report an SA that lasts until the rotation', () => {
    for (const [rate, reports] of [
      [FASTEST - 100, 0],
      [FASTEST + 100, 1],
    ]) {
      const scene = new Scene();
      scene.run(scene.sa(), 0, 600, rate);
      assert.equal(scene.events.length, reports, `at ${rate} packets per second`);
    }
  });

  test('reports the one that started near its end, and not the others', () => {
    const scene = new Scene();
    scene.sa({}, undefined, 1);
    const sa = scene.sa({}, { high: 0, low: LAST - 100_000 }, 2);
    scene.sa({}, undefined, 3);
    scene.run(sa, 0, 100, 10);
    assert.deepEqual(
      scene.events.map(({ kind, peer }) => [kind, peer]),
      [[SaEventKind.RunningOut, 2]],
    );
  });

  test('also reports hard limits that come before the rotation', () => {
    for (const hard of [{ packets: 100_000 }, { bytes: 10_000_000 }, { seconds: 3600 }]) {
      const scene = new Scene();
      scene.run(scene.sa({ hard }), 0, 100, 10);
      assert.deepEqual(scene.kinds, [SaEventKind.RunningOut]);
    }
    const scene = new Scene();
    scene.run(scene.sa({ hard: { seconds: HALF_DAY } }), 0, 100, 10);
    assert.deepEqual(scene.kinds, []);
  });

  test('reports a soft limit once', () => {
    for (const soft of [{ packets: 500 }, { bytes: 50_000 }, { seconds: 50 }]) {
      const scene = new Scene();
      const sa = scene.sa({ soft });
      scene.run(sa, 0, 48, 10);
      assert.deepEqual(scene.events, []);
      scene.run(sa, 48, 200, 10);
      assert.deepEqual(
        scene.events.map(({ kind, text }) => [kind, text]),
        [[SaEventKind.SoftLimit, 'SPI 0x1f279ba7 (key 11) reached a soft limit']],
      );
    }
  });

  for (const [what, hard] of [
    ['packets', { packets: 300 }],
    ['bytes', { bytes: 30_000 }],
    ['seconds', { seconds: 30 }],
  ] as const) {
    test(`reports once that an SA stopped at its hard limit of ${what}`, () => {
      const scene = new Scene();
      const sa = scene.sa({ hard });
      scene.run(sa, 0, 29, 10);
      assert.deepEqual(scene.events, []);
      scene.run(sa, 29, 30, 10);
      for (let now = 31; now < 200; now++) scene.watch.poll(now);
      assert.deepEqual(scene.events, [
        {
          kind: SaEventKind.Stopped,
          peer: 4,
          tag: 11,
          spi: sa.spi,
          text: 'SPI 0x1f279ba7 (key 11) stopped sending: it reached a hard limit',
        },
      ]);
    });
  }

  test('reports once that an SA stopped at the end of its sequence numbers', () => {
    const scene = new Scene();
    const sa = scene.sa({}, { high: 0, low: LAST - 10 });
    scene.watch.poll(1);
    assert.deepEqual(scene.events, []);
    scene.run(sa, 1, 2, 10);
    for (let now = 3; now < 200; now++) scene.watch.poll(now);
    assert.deepEqual(
      scene.events.map(({ kind, text }) => [kind, text]),
      [[SaEventKind.Stopped, 'SPI 0x1f279ba7 (key 11) stopped sending: its sequence numbers are used up']],
    );
  });

  test('forgets a deleted SA, and starts over with an added one', () => {
    const scene = new Scene();
    const first = scene.sa();
    scene.run(first, 0, 60, 200_000);
    assert.ok(scene.watch.forecast(first) !== undefined);
    scene.watch.delete(first);
    assert.equal(scene.watch.forecast(first), undefined);
    scene.run(first, 60, 200, 200_000);
    assert.deepEqual(scene.kinds, [SaEventKind.RunningOut]);
    const next = scene.sa();
    scene.run(next, 0, 60, 200_000);
    assert.deepEqual(scene.kinds, [SaEventKind.RunningOut, SaEventKind.RunningOut]);
  });
});

describe('a node near the end of an SA’s sequence numbers', () => {
  const random = new SeededRandom(1);
  const fill = (bytes: Uint8Array): void => random.fill(bytes);

  /** Two nodes, the first of which has used all but 15 sequence numbers of its current SA to the second. */
  function nearTheEnd(): { one: TestNode; two: TestNode; rotation: RingRotation } {
    const schedule = new RotationSchedule({ start: 0 });
    const rotation = new RingRotation(ringAt(0), { schedule, random: fill });
    const { ring } = rotation;
    const two = new TestNode(2);
    const source = Uint8Array.of(192, 168, 50, 1);
    const store = new MemoryStore([
      {
        key: `${ring.transmit.tag}:${keyFingerprint(ring.transmit, hkdfSha256)}`,
        spi: deriveSpi(source, two.address, ring.transmit.tag),
        source: '192.168.50.1',
        destination: '192.168.50.2',
        ivMask: { high: 1, low: 2 },
        sequence: { high: 0, low: 0xfffffff0 },
      },
    ]);
    const one = new TestNode(1, { address: source, reservations: new SequenceReservations({ random: fill, store }) });
    two.meet(one).settle(ring);
    one.meet(two).settle(ring);
    return { one, two, rotation };
  }

  test('stops at 2^32 - 1, reports why, and continues after a rotation', () => {
    const { one, two, rotation } = nearTheEnd();
    const drops = Array.from({ length: 20 }, () => one.send(two, 1000));
    assert.deepEqual(drops, [
      ...Array<EspDrop>(15).fill(EspDrop.None),
      ...Array<EspDrop>(5).fill(EspDrop.SequenceExhausted),
    ]);
    assert.equal(one.sas.secondsLeft(2), 0);
    for (let now = 1000; now < 1010; now++) one.sas.poll(now);
    assert.deepEqual(
      one.events.map(({ kind, peer, tag, text }) => [kind, peer, tag, text.replace(/0x[0-9a-f]{8}/, '-')]),
      [[SaEventKind.Stopped, 2, 11, 'SPI - (key 11) stopped sending: its sequence numbers are used up']],
    );
    const ring = rotation.rotateNow(1010) ?? assert.fail('it may be rotated');
    for (const node of [two, one]) {
      assert.equal(node.sas.update(ring, 1010), RingOutcome.Accepted);
      node.sas.settle(1010);
      assert.equal(two.send(one), EspDrop.None);
    }
    for (let i = 0; i < 100; i++) assert.equal(one.send(two, 1010), EspDrop.None);
    one.sas.poll(1011);
    assert.equal(one.events.length, 1);
    const { sequenceLow } = one.sas.outbound(2) ?? assert.fail('there is an SA');
    assert.equal(sequenceLow, 100);
    assert.ok((one.sas.secondsLeft(2) ?? 0) > HALF_DAY);
  });

  test('is still at the end when the previous ring is forced back', () => {
    const { one, two, rotation } = nearTheEnd();
    const before = rotation.ring.copy();
    for (let i = 0; i < 20; i++) one.send(two);
    const ring = rotation.rotateNow(1000) ?? assert.fail('it may be rotated');
    for (const node of [two, one]) node.settle(ring, 1000);
    assertTalk(one, two);
    for (const node of [two, one]) {
      assert.equal(node.sas.update(before, 1001), RingOutcome.Stale);
      assert.equal(node.sas.update(before, 1001, { force: true }), RingOutcome.Accepted);
      node.sas.settle(1001);
    }
    assert.deepEqual([one.send(two), two.send(one)], [EspDrop.SequenceExhausted, EspDrop.None]);
    one.sas.poll(1002);
    assert.deepEqual(
      one.events.map(({ kind, tag }) => [kind, tag]),
      [[SaEventKind.Stopped, 11]],
    );
  });

  test('is still at the end when its peer has left and returned', () => {
    const { one, two } = nearTheEnd();
    for (let i = 0; i < 20; i++) one.send(two);
    one.sas.removePeer(2);
    one.meet(two).steps();
    assert.deepEqual([one.send(two), two.send(one)], [EspDrop.SequenceExhausted, EspDrop.None]);
  });
});
