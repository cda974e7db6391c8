/** Who a client is: its address as it is written, and whether it is trusted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plainAddress } from '../../../src/live/mesh/client-address.js';
import { beginningFor } from '../../../src/live/mesh/client-beginning.js';
import { proxiedClient } from '../../../src/live/mesh/client-of-socket.js';
import { TrustedPeers } from '../../../src/live/mesh/client-trust.js';
import { readProxyHeader } from '../../../src/mesh/index.js';
import { parsePrefix, ProxyVersion } from '../../../src/overlay/index.js';

const CLIENT = { address: '192.0.2.1', port: 5, localAddress: '2001:db8::2', localPort: 80, isTrusted: false };

function trusting(...prefixes: string[]): TrustedPeers {
  return new TrustedPeers(prefixes.map(parsePrefix));
}

describe('a client', () => {
  test('has an address without zone, and one of IPv4 as such', () => {
    for (const [of, is] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::ffff:1', '::ffff:1'],
      ['fe80::1%eth0', 'fe80::1'],
      ['2001:db8::1', '2001:db8::1'],
      [undefined, ''],
    ] as const) {
      assert.equal(plainAddress(of), is);
    }
  });

  test('is trusted if a prefix has its address, bit by bit', () => {
    const peers = trusting(
      '10.0.0.0/8',
      '192.0.2.128/25',
      '203.0.113.7/32',
      '2001:db8::/33',
      '::ffff:198.51.100.0/120',
    );
    for (const yes of [
      '10.0.0.0',
      '10.255.255.255',
      '192.0.2.200',
      '203.0.113.7',
      '2001:db8:7fff::1',
      '198.51.100.9',
    ]) {
      assert.equal(peers.has(yes), true, yes);
    }
    for (const no of [
      '11.0.0.0',
      '9.255.255.255',
      '192.0.2.127',
      '203.0.113.6',
      '2001:db8:8000::1',
      '198.51.101.0',
      '',
      'x',
    ]) {
      assert.equal(peers.has(no), false, no);
    }
    assert.equal(trusting('0.0.0.0/0').has('255.255.255.255'), true);
    assert.equal(trusting('0.0.0.0/0').has('::1'), false);
    assert.equal(trusting('::/0').has('::1'), true);
    assert.equal(trusting('::/0').has('192.0.2.1'), false);
    assert.equal(trusting().has('127.0.0.1'), false);
  });

  test('that a PROXY header names is trusted for its own address, not for that of the sender', () => {
    const peers = trusting('10.0.0.0/8');
    const connection = { sourcePort: 1, destination: '::ffff:192.0.2.2', destinationPort: 443 };
    assert.deepEqual(proxiedClient({ ...connection, source: '::ffff:192.0.2.1' }, peers), {
      address: '192.0.2.1',
      port: 1,
      localAddress: '192.0.2.2',
      localPort: 443,
      isTrusted: false,
    });
    assert.equal(proxiedClient({ ...connection, source: '10.0.0.1' }, peers).isTrusted, true);
  });

  test('is named at the beginning of connections to backends, in the version that is set', () => {
    assert.equal(beginningFor(ProxyVersion.None, CLIENT), undefined);
    for (const version of [ProxyVersion.Text, ProxyVersion.Binary]) {
      const bytes = beginningFor(version, CLIENT) ?? Buffer.alloc(0);
      assert.deepEqual(readProxyHeader(bytes), {
        kind: 'header',
        length: bytes.length,
        connection: { source: '::ffff:192.0.2.1', sourcePort: 5, destination: '2001:db8::2', destinationPort: 80 },
      });
      const unknown = beginningFor(version, { ...CLIENT, address: '' }) ?? Buffer.alloc(0);
      assert.deepEqual(readProxyHeader(unknown), { kind: 'header', length: unknown.length, connection: undefined });
    }
  });
});
