/** Addresses that other nodes may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../src/overlay/index.js';
import { isNodeAddress } from '../../src/overlay/internal.js';

const may = (address: string, own: string): boolean => isNodeAddress(parseIp(address), parseIp(own));

test('an address of a single node in the same family may be one', () => {
  assert.ok(may('192.168.50.1', '192.168.50.9'));
  assert.ok(may('223.255.255.255', '10.0.0.1'));
  assert.ok(may('2001:db8::1', '2001:db8::9'));
  assert.ok(may('fe80::1', '2001:db8::9'));
});

test('groups, broadcast, unspecified addresses and the other family may not', () => {
  for (const address of ['0.0.0.0', '0.9.9.9', '224.0.0.1', '239.1.2.3', '240.0.0.1', '255.255.255.255', '::1']) {
    assert.equal(may(address, '192.168.50.9'), false, address);
  }
  const six = ['::', 'ff02::1', '::1', '::ffff:127.0.0.1', '::ffff:224.0.0.1', '::10.0.0.1', '10.0.0.1'];
  for (const address of six) assert.equal(may(address, '2001:db8::9'), false, address);
});

test('a loopback address may, for a node that has one', () => {
  assert.equal(may('127.0.0.2', '192.168.50.9'), false);
  assert.ok(may('127.0.0.2', '127.0.0.1'));
  assert.ok(may('::2', '::1'));
});
