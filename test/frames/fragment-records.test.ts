import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CapturedPacket } from '../../src/frames/captured-packet.js';
import { FragmentRecords } from '../../src/frames/fragment-records.js';
import { LinkType } from '../../src/wire/index.js';

/** A UDP fragment over IPv4 with an identification. */
function fragment(id: number, length = 28, more = true): CapturedPacket {
  const bytes = new Uint8Array(length);
  bytes.set([0x45, 0, length >>> 8, length, id >>> 8, id, more ? 0x20 : 0, more ? 0 : 1, 64, 17, 0, 0]);
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  return new CapturedPacket(bytes, 0, 0, id, LinkType.Raw);
}

test('a datagram has its own fragments, in the order in which they arrived', () => {
  const records = new FragmentRecords();
  const [a1, b1, a2] = [fragment(1), fragment(2), fragment(1)];
  for (const packet of [a1, b1, a2]) records.hold(packet);
  const last = fragment(1, 28, false);
  assert.deepEqual(records.take(last, 3), [a1, a2, last]);
  // What was taken is forgotten.
  assert.deepEqual(records.take(last, 3), [last]);
});

test('the oldest datagrams are forgotten beyond 16,384 packets or 16 MiB', () => {
  const many = new FragmentRecords();
  for (let id = 0; id < 16_385; id++) many.hold(fragment(id));
  assert.equal(many.take(fragment(0, 28, false), 2).length, 1);
  assert.equal(many.take(fragment(1, 28, false), 2).length, 2);
  const large = new FragmentRecords();
  for (let id = 0; id < 300; id++) large.hold(fragment(id, 65_528));
  assert.equal(large.take(fragment(10, 28, false), 2).length, 1);
  assert.equal(large.take(fragment(299, 28, false), 2).length, 2);
});

test('what is no fragment is ignored', () => {
  const records = new FragmentRecords();
  const packet = new CapturedPacket(new Uint8Array(60));
  records.hold(packet);
  assert.deepEqual(records.take(packet, 2), [packet]);
});

test('leftovers of a datagram that failed are not part of the next one with its identification', () => {
  const records = new FragmentRecords();
  records.hold(fragment(5));
  const first = fragment(5);
  records.hold(first);
  const last = fragment(5, 28, false);
  assert.deepEqual(records.take(last, 2), [first, last]);
});
