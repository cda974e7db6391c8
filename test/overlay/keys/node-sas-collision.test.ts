import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EspDrop } from '../../../src/ipsec/index.js';
import { deriveSpi, Profile, SaEventKind } from '../../../src/overlay/index.js';
import { assertTalk, ringAt, ringOf, TestNode } from '../test-nodes.js';

const HERE = Uint8Array.of(192, 168, 50, 1);
/** Tags of the initial ring. */
const TAGS = [10, 11, 12];

interface Colliding {
  readonly address: Uint8Array;
  readonly tag: number;
}

/**
 * Two senders whose SPIs to this node collide, under matching tags: a birthday collision of 32 bits among 100,000 or
 * so.
 */
function collision(fits: (one: Colliding, other: Colliding) => boolean): readonly [Colliding, Colliding] {
  const seen = new Map<number, Colliding>();
  for (let i = 1; i < 400_000; i++) {
    const word = Math.imul(i, 0x9e3779b1) >>> 0;
    const address = Uint8Array.of(word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff);
    for (const tag of TAGS) {
      const spi = deriveSpi(address, HERE, tag);
      const before = seen.get(spi);
      const found = { address, tag };
      if (before !== undefined && before.address !== address && fits(before, found)) return [before, found];
      seen.set(spi, found);
    }
  }
  return assert.fail('no two addresses collide');
}

const SAME = collision((one, other) => one.tag === other.tag);
const DIFFERENT = collision((one, other) => one.tag !== other.tag);

/** This node, and two whose packets arrive with the same SPI. */
function threeNodes([two, three]: readonly [Colliding, Colliding], profile: Profile, ring = ringAt(0)): TestNode[] {
  const here = new TestNode(1, { profile, address: HERE });
  const others = [two, three].map(({ address }, i) => new TestNode(2 + i, { profile, address }));
  for (const node of others) node.meet(here).settle(ring);
  return [here.meet(...others).settle(ring), ...others];
}

describe('two peers with the same SPI and tag', () => {
  test("share one SA, since Swarm's key and salt are the same: no packet is lost", () => {
    const [here, two, three] = threeNodes(SAME, Profile.Swarm);
    // FNV-1a continues from the address in the same way: what collides under one tag collides under all.
    assert.deepEqual([here.sas.inbound.size, here.held.size, here.events], [3, 5, []]);
    for (const peer of [two, three]) assertTalk(here, peer);
  });

  for (const leaving of [2, 3]) {
    test(`are still served when peer ${leaving} leaves, and when it returns`, () => {
      const [here, two, three] = threeNodes(SAME, Profile.Swarm);
      const [gone, stays] = leaving === 2 ? [two, three] : [three, two];
      here.sas.removePeer(leaving);
      assertTalk(here, stays);
      assert.equal(here.sas.inbound.size, 3);
      here.meet(gone).steps();
      for (const peer of [gone, stays]) assertTalk(here, peer);
      here.sas.removePeer(gone.number);
      here.sas.removePeer(stays.number);
      assert.deepEqual([here.sas.inbound.size, here.held.size], [0, 0]);
    });
  }

  test('lose no packet in a rotation, whatever the order of its steps', () => {
    for (let rotation = 1; rotation <= 4; rotation++) {
      const [here, two, three] = threeNodes(SAME, Profile.Swarm, ringAt(rotation - 1));
      three.settle(ringAt(rotation));
      here.sas.update(ringAt(rotation), 0);
      do for (const peer of [two, three]) assertTalk(here, peer);
      while (here.steps(1).length > 0);
      assert.deepEqual([here.sas.inbound.size, here.events], [3, []]);
      assert.deepEqual([here.sas.counts(2), here.sas.counts(3)], Array(2).fill({ rx: 3, tx: 1 }));
    }
  });

  test('are also served after a ring with other keys under the same tags', () => {
    const [here, two, three] = threeNodes(SAME, Profile.Swarm);
    const ring = ringOf(TAGS, 0xee);
    for (const node of [here, two, three]) node.settle(ring);
    for (const peer of [two, three]) assertTalk(here, peer);
    assert.equal(here.sas.inbound.size, 3);
  });

  test('with separate keys are reported: the first is received, the second once the first is gone', () => {
    const [here, two, three] = threeNodes(SAME, Profile.Strict);
    assert.deepEqual(
      here.events.map(({ kind, peer, tag }) => [kind, peer, tag]),
      TAGS.map((tag) => [SaEventKind.SpiCollision, 3, tag]),
    );
    assert.match(here.events[0].text, /peer 3's key 10 collides with that of peer 2's key 10/);
    assert.deepEqual([three.send(here), two.send(here)], [EspDrop.WrongIcv, EspDrop.None]);
    assert.equal(here.send(three), EspDrop.None);
    here.sas.removePeer(2);
    assertTalk(here, three);
    assert.equal(here.sas.inbound.size, 3);
  });
});

describe('two peers with the same SPI and different tags', () => {
  const [two, three] = DIFFERENT;
  /** The ring whose transmit key has the given tag. */
  const sending = (tag: number): number => tag - 1 - TAGS[0];

  for (const profile of Object.values(Profile)) {
    test(`are reported: the first is received, the second once the first is gone (${profile})`, () => {
      const [here, first, second] = threeNodes(DIFFERENT, profile);
      const spis = TAGS.map((tag) => deriveSpi(two.address, HERE, tag));
      const taken = TAGS.map((tag) => ({ tag, spi: deriveSpi(three.address, HERE, tag) })).filter(({ spi }) =>
        spis.includes(spi),
      );
      assert.ok(taken.some(({ tag }) => tag === three.tag));
      assert.deepEqual(
        here.events.map(({ kind, peer, tag, spi }) => [kind, peer, tag, spi]),
        taken.map(({ tag, spi }) => [SaEventKind.SpiCollision, 3, tag, spi]),
      );
      assert.equal(here.sas.inbound.size, 6 - taken.length);
      first.sas.update(ringAt(sending(two.tag)), 0, { force: true });
      second.sas.update(ringAt(sending(three.tag)), 0, { force: true });
      for (const node of [first, second]) node.steps();
      assert.equal(first.sas.outbound(1)?.spi, second.sas.outbound(1)?.spi);
      assert.deepEqual([second.send(here), first.send(here)], [EspDrop.WrongIcv, EspDrop.None]);
      here.sas.removePeer(2);
      assert.deepEqual([first.send(here), second.send(here)], [EspDrop.WrongIcv, EspDrop.None]);
      assert.equal(here.sas.inbound.size, 3);
    });
  }

  test('both get theirs back when the key of the holder is dropped', () => {
    const ring = ringAt(Math.max(two.tag, three.tag) - TAGS[0]);
    const [here, first, second] = threeNodes(DIFFERENT, Profile.Swarm);
    for (const node of [here, first, second]) node.settle(ring);
    for (const peer of [first, second]) assertTalk(here, peer);
    assert.equal(here.sas.inbound.size, 6);
  });
});
