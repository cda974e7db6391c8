/** NKEY files, TLS, and what is said without them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NatsStore, type NatsOptions } from '../../../src/fleet/index.js';
import { FakeCa } from '../../join/fake-ca.js';
import { missing } from '../../repository.js';
import { bytes } from './changes.js';
import { NatsServer } from './nats-server.js';

const skip = missing('nats-server');

async function roundTrip(address: string, options: NatsOptions): Promise<void> {
  const store = await NatsStore.open(`${address}/web`, options);
  try {
    await store.put('a', bytes('1'));
    assert.equal((await store.snapshot('')).records.length, 1);
  } finally {
    await store.close();
  }
}

test('an NKEY file opens a store that refuses others', { skip }, async () => {
  const { nkeys } = await import('@nats-io/transport-node');
  const user = nkeys.createUser();
  const other = nkeys.createUser();
  const server = await NatsServer.start(`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`, {
    user: `${Buffer.from(user.getSeed()).toString()}\n`,
    other: Buffer.from(other.getSeed()).toString(),
    broken: 'SUAbroken',
  });
  try {
    await roundTrip(server.address, { nkey: server.path('user') });
    for (const options of [{}, { nkey: server.path('other') }]) {
      await assert.rejects(roundTrip(server.address, options), { code: 'NOT_PERMITTED' });
    }
    for (const options of [{ nkey: server.path('absent') }, { credentials: server.path('absent') }]) {
      await assert.rejects(roundTrip(server.address, options), { code: 'UNREADABLE' });
    }
    for (const options of [{ nkey: server.path('broken') }, { credentials: server.path('broken') }]) {
      await assert.rejects(roundTrip(server.address, options), (error: Error & { code: string }) => {
        assert.equal(error.code, 'UNREADABLE');
        assert.doesNotMatch(error.message, /SUAbroken/);
        return true;
      });
    }
  } finally {
    await server.close();
  }
});

test('TLS with a client certificate, by files', { skip }, async () => {
  const ca = new FakeCa('NATS CA');
  const client = ca.certify({ commonName: 'client' });
  // The client only gives up then.
  const timeout = 500;
  const config =
    'tls { cert_file: "FOLDER/server.pem", key_file: "FOLDER/server.key", ca_file: "FOLDER/ca.pem", verify: true }';
  for (const name of ['localhost', '127.0.0.1']) {
    const end = ca.certify({ commonName: 'server', names: [name] });
    const server = await NatsServer.start(config, {
      'ca.pem': ca.pem,
      'server.pem': end.cert,
      'server.key': end.key,
      'client.pem': client.cert,
      'client.key': client.key,
    });
    try {
      const tls = { ca: server.path('ca.pem'), cert: server.path('client.pem'), key: server.path('client.key') };
      const [right, wrong] =
        name === 'localhost' ? [server.namedAddress, server.address] : [server.address, server.namedAddress];
      await roundTrip(right, { tls });
      await roundTrip(right.replace('nats:', 'tls:'), { tls });
      // Not the name in the certificate; no client certificate; an authority that isn't trusted.
      await assert.rejects(roundTrip(wrong, { tls, timeout }), { code: 'UNAVAILABLE' });
      await assert.rejects(roundTrip(right, { tls: { ca: tls.ca }, timeout }), { code: 'UNAVAILABLE' });
      await assert.rejects(roundTrip(right, { timeout }), { code: 'UNAVAILABLE' });
    } finally {
      await server.close();
    }
  }
});

test('a tls address is not served without TLS', { skip }, async () => {
  const server = await NatsServer.start();
  try {
    await assert.rejects(roundTrip(server.address.replace('nats:', 'tls:'), {}), { code: 'UNAVAILABLE' });
  } finally {
    await server.close();
  }
});
