import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_GOSSIP_BOUNDS } from '../../../src/swarm/member/gossip-bounds.js';
import { KnownAddresses } from '../../../src/swarm/member/known-addresses.js';
import { PacketInbox } from '../../../src/swarm/member/packet-inbox.js';

const MEMBER = '192.168.50.2';
const OTHER = '192.168.50.3';
const STRANGER = '203.0.113.1';

function inbox(): PacketInbox {
  const known = new KnownAddresses();
  known.add({ addr: Uint8Array.of(192, 168, 50, 2), port: 7946 });
  known.add({ addr: Uint8Array.of(192, 168, 50, 3), port: 7946 });
  return new PacketInbox({ ...DEFAULT_GOSSIP_BOUNDS, strangerPackets: 2, memberPackets: 3, packets: 5 }, known);
}

function offer(to: PacketInbox, address: string, count: number, now: number): number {
  let taken = 0;
  for (let i = 0; i < count; i += 1) {
    if (to.offer({ bytes: new Uint8Array(1), address, port: 7946 }, now)) taken += 1;
  }
  return taken;
}

test('packets of members are taken before those of strangers', () => {
  const box = inbox();
  offer(box, STRANGER, 2, 0);
  offer(box, MEMBER, 2, 0);
  assert.deepEqual(
    box.take(3).map(({ address }) => address),
    [MEMBER, MEMBER, STRANGER],
  );
  assert.equal(box.length, 1);
});

test('strangers share a budget per interval, each member has one, and all members together', () => {
  const box = inbox();
  assert.equal(offer(box, STRANGER, 5, 0) + offer(box, '203.0.113.2', 5, 50), 2);
  assert.equal(offer(box, MEMBER, 5, 50), 3);
  assert.equal(offer(box, OTHER, 5, 50), 2);
  box.take(100);
  assert.equal(offer(box, STRANGER, 5, 99), 0);
  assert.equal(offer(box, STRANGER, 5, 100), 2);
  assert.equal(offer(box, MEMBER, 5, 100), 3);
});

test('packets that nobody takes are not kept beyond one budget', () => {
  const box = inbox();
  for (let now = 0; now < 10_000; now += 100) {
    offer(box, STRANGER, 5, now);
    offer(box, MEMBER, 5, now);
  }
  assert.ok(box.length <= 2 + 5 + 3, String(box.length));
});
