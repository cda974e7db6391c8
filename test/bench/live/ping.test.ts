import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePing, PingError } from '../../../bench/live/ping.js';

describe('the output of ping', () => {
  test('gives the time of every answer, and how many were sent', () => {
    const output = `PING 10.0.9.4 (10.0.9.4) 56(84) bytes of data.
64 bytes from 10.0.9.4: icmp_seq=1 ttl=64 time=0.030 ms
64 bytes from 10.0.9.4: icmp_seq=2 ttl=64 time=12 ms

--- 10.0.9.4 ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 12ms
rtt min/avg/max/mdev = 0.030/6.015/12.000/5.985 ms
`;
    assert.deepEqual(parsePing(output), { sent: 3, roundTrips: [0.03, 12] });
  });

  test('without an answer is an error that says why', () => {
    const output = '5 packets transmitted, 0 received, 100% packet loss, time 4100ms\n';
    assert.throws(() => parsePing(output), /none of 5 were answered/);
    assert.throws(() => parsePing('', 'ping: connect: Network is unreachable\n'), /Network is unreachable/);
    assert.throws(() => parsePing(''), PingError);
  });
});
