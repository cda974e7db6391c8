/** The egress chain over time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EtherType } from '../../src/wire/index.js';
import { ethernet, udpIp } from './build.js';
import { pairOf } from './topology.js';

const LARGE = ethernet(udpIp(4, 8080, new Uint8Array(1200), 'right', '10.0.9.3', '10.0.9.4'), EtherType.Ipv4);

test('RFC 1191: a path MTU learned from ICMP expires after 600 seconds of packet time', () => {
  const [one] = pairOf();
  const sent = (now: number): number => {
    const before = one.wire.length;
    one.send([LARGE], 256, now);
    return one.wire.length - before;
  };
  assert.equal(sent(0), 1);
  one.egress.pathMtu.learn(1, 1000, 50);
  assert.deepEqual([sent(50), sent(649)], [2, 2]);
  assert.deepEqual([sent(650), one.egress.pathMtu.underlay(1)], [1, 1500]);
  one.balanced();
});
