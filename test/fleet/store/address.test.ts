import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStoreAddress } from '../../../src/fleet/index.js';

test('an address has a server, or several of a cluster, and an overlay', () => {
  assert.deepEqual(parseStoreAddress('nats://10.0.0.1:4223/web'), {
    servers: ['nats://10.0.0.1:4223'],
    overlay: 'web',
  });
  assert.deepEqual(parseStoreAddress('tls://a.example,[2001:db8::1]:4223,b:1/My_over-lay1'), {
    servers: ['tls://a.example:4222', 'tls://[2001:db8::1]:4223', 'tls://b:1'],
    overlay: 'My_over-lay1',
  });
});

test('what is no address is BAD_ADDRESS', () => {
  const bad = [
    '',
    'nats://',
    'nats://a',
    'nats://a/',
    'nats:///web',
    'http://a/web',
    'nats://a/we b',
    'nats://a/a.b',
    'nats://a/a/b',
  ];
  const servers = [
    'nats://a:0/web',
    'nats://a:65536/web',
    'nats://a:x/web',
    'nats://a,/web',
    'nats://a b/web',
    'nats://::1/web',
  ];
  for (const text of [...bad, ...servers, `nats://${'a'.repeat(2_000)}/web`, `nats://a/${'b'.repeat(65)}`]) {
    assert.throws(() => parseStoreAddress(text), { code: 'BAD_ADDRESS' }, text);
  }
});

test('a password in an address is refused and not repeated', () => {
  assert.throws(
    () => parseStoreAddress('nats://user:hunter2@a/web'),
    (error: Error) => /credentials/.test(error.message) && !/hunter2/.test(error.message),
  );
});

test('control characters of an address are escaped in the message', () => {
  assert.throws(
    () => parseStoreAddress('nats://a\u001b[31m/web'),
    (error: Error) => [...error.message].every((character) => character >= ' '),
  );
});
