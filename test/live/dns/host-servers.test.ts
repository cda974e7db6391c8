import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostServers, serversIn } from '../../../src/live/dns/host-servers.js';

describe("the host's servers", () => {
  test('are those of its resolv.conf, in order; loopback ones are reached from the host', () => {
    const text = [
      '# nameserver 192.0.2.9',
      'nameserver 192.0.2.1',
      '  nameserver\t127.0.0.53  # systemd-resolved',
      'nameserver 2001:db8::1',
      'nameserver ::1',
      'nameserver fe80::1%eth0',
      'nameserver 127.0.0.11',
      'nameserver example.com',
      'nameservers 192.0.2.2',
      'search example.com',
    ].join('\n');
    assert.deepEqual(serversIn(text), [
      { address: '192.0.2.1', hostLoopback: false },
      { address: '127.0.0.53', hostLoopback: true },
      { address: '2001:db8::1', hostLoopback: false },
      { address: '::1', hostLoopback: true },
    ]);
  });

  test('are none if the file is missing', () => {
    assert.deepEqual(hostServers('/none/such'), []);
  });
});
