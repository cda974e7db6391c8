import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answered, parsePing } from './ping-output.js';

describe('the output of ping', () => {
  test('gives the totals, the round trip and the duplicates', () => {
    const output = `PING 10.0.9.4 (10.0.9.4) 56(84) bytes of data.
64 bytes from 10.0.9.4: icmp_seq=1 ttl=64 time=0.030 ms
64 bytes from 10.0.9.4: icmp_seq=1 ttl=64 time=0.042 ms (DUP!)

--- 10.0.9.4 ping statistics ---
3 packets transmitted, 1 received, +1 duplicates, 66.6667% packet loss, time 2032ms
rtt min/avg/max/mdev = 0.030/0.036/0.042/0.006 ms
`;
    assert.deepEqual(parsePing(output, ''), {
      sent: 3,
      received: 1,
      lost: 2,
      duplicates: 1,
      roundTrip: { least: 0.03, mean: 0.036, most: 0.042 },
      errors: [],
    });
  });

  test('gives the errors of both streams, and no round trip without answers', () => {
    const output = `PING 10.0.9.4 (10.0.9.4) 1400(1428) bytes of data.
From 10.0.9.4 icmp_seq=1 Frag needed and DF set (mtu = 1350)

--- 10.0.9.4 ping statistics ---
2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 10ms
`;
    const { errors, roundTrip, lost } = parsePing(output, 'ping: local error: message too long, mtu=1350\n');
    assert.deepEqual(errors, [
      'From 10.0.9.4 icmp_seq=1 Frag needed and DF set (mtu = 1350)',
      'ping: local error: message too long, mtu=1350',
    ]);
    assert.deepEqual([roundTrip, lost], [undefined, 2]);
  });

  test('gives an error with its text if there are no totals', () => {
    assert.throws(() => parsePing('', 'ping: connect: Network is unreachable\n'), /no sums: .*Network is unreachable/);
  });

  test('continues the numbers of answers past 65535, in any order', () => {
    const lines = [65534, 0, 65535, 1, 1].map((n) => `64 bytes from 10.0.9.4: icmp_seq=${n} ttl=64 time=0.030 ms`);
    const start = [30_000, 60_000].map((n) => `64 bytes from 10.0.9.4: icmp_seq=${n} ttl=64 time=0.030 ms`);
    assert.deepEqual([...answered([...start, ...lines].join('\n'))], [30_000, 60_000, 65534, 65536, 65535, 65537]);
  });
});
