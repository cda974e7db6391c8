import assert from 'node:assert/strict';
import test from 'node:test';
import { inTwoFragments, halvingMtu } from '../../bench/fragments.js';
import { Workload } from '../../bench/workload.js';

test('a packet is split into exactly two fragments, whose payloads are the packet’s', () => {
  const workload = new Workload({ size: 'imix', flows: 3, encrypted: false });
  const packets = workload.packetsIn(undefined);
  const halves = inTwoFragments(packets);
  assert.equal(halves.start.length, 2 * packets.start.length);
  const payload = (part: number): Uint8Array => halves.bytes.subarray(halves.start[part] + 20, halves.end[part]);
  for (let i = 0; i < packets.start.length; i++) {
    const whole = packets.bytes.subarray(packets.start[i] + 20, packets.end[i]);
    assert.deepEqual(Buffer.concat([payload(2 * i), payload(2 * i + 1)]), Buffer.from(whole));
  }
});

test('the MTU that halves a packet is the smallest that splits it once (RFC 791: units of 8 bytes)', () => {
  for (let bytes = 30; bytes < 9000; bytes += 7) {
    const mtu = halvingMtu(bytes);
    const first = Math.floor((mtu - 20) / 8) * 8;
    assert.ok(bytes - 20 - first <= mtu - 20 && bytes - 20 - first > 0);
    assert.ok(bytes - 20 > 2 * (first - 8), `${bytes} bytes would do with less`);
  }
});
