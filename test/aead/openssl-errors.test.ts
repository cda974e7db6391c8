/** The openssl backend shares its thread, and so OpenSSL's error queue, with node:crypto. */
import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createPrivateKey, createSign, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Aead, AeadError, opensslBackend } from '../../src/aead/index.js';
import { CType, ForeignLibrary } from '../../src/foreign/index.js';
import { lacking } from './backends.js';
import { assertOpened, assertRefused, KeyRing, Layout, packet, sealDirectly } from './packets.js';

/** The code of the earliest error in the queue, or 0. */
function queued(): number {
  return new ForeignLibrary(null, 'node').function('ERR_peek_error', CType.Uint32, [])();
}

function failures(aead: Aead, count: number): void {
  const ring = new KeyRing(aead);
  const packets = Array.from({ length: count }, (_, i) => packet(i, 50));
  const layout = new Layout(ring, packets);
  aead.open(layout.batch);
  packets.forEach((_, i) => assertRefused(layout, i));
}

/** The error of node:crypto for a wrong tag. */
function refusal(): unknown {
  const { key, nonce } = packet(1, 0);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(new Uint8Array(16));
  decipher.update(new Uint8Array(20));
  try {
    decipher.final();
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
  return undefined;
}

/** The error of node:crypto for an unreadable key: the whole stack of OpenSSL's errors. */
function unreadable(): unknown {
  try {
    createPrivateKey('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
  return undefined;
}

describe('openssl: failed packets', { skip: lacking(opensslBackend) }, () => {
  test('leave nothing in OpenSSL’s error queue', () => {
    const aead = opensslBackend.create();
    assert.equal(queued(), 0);
    failures(aead, 1);
    assert.equal(queued(), 0);
    failures(aead, 100);
    assert.equal(queued(), 0);
  });

  test('leave nothing in the queue when a later packet of the batch has an unknown key', () => {
    const ring = new KeyRing(opensslBackend.create());
    const layout = new Layout(ring, [packet(1, 50), packet(2, 50)]);
    layout.batch.key[1] = 99;
    assert.throws(
      () => ring.aead.open(layout.batch),
      (error) => error instanceof AeadError && error.code === 'BAD_AEAD_BATCH',
    );
    assert.equal(queued(), 0);
  });

  test('do not change the errors that node:crypto reports for its own failures', () => {
    const before = [refusal(), unreadable()];
    assert.ok(before.every((said) => said !== undefined));
    const aead = opensslBackend.create();
    for (let i = 0; i < 3; i++) {
      failures(aead, 10);
      assert.deepEqual([refusal(), unreadable()], before);
    }
  });

  test('do not affect hashing, signing and decryption by node:crypto', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const one = packet(1, 60, 32);
    const { cipher, icv } = sealDirectly(one);
    const aead = opensslBackend.create();
    for (let i = 0; i < 5; i++) {
      failures(aead, 20);
      assert.equal(createHash('sha256').update('').digest('hex').slice(0, 8), 'e3b0c442');
      assert.ok(createSign('sha256').update('message').sign(privateKey).length > 60);
      const decipher = createDecipheriv('aes-256-gcm', one.key, one.nonce, { authTagLength: 16 });
      decipher.setAAD(one.aad).setAuthTag(icv);
      assert.deepEqual(Uint8Array.from(Buffer.concat([decipher.update(cipher), decipher.final()])), one.plain);
    }
  });

  test('are not caused by failures of node:crypto in between', () => {
    const ring = new KeyRing(opensslBackend.create());
    const one = packet(1, 60, 32);
    for (let i = 0; i < 5; i++) {
      refusal();
      unreadable();
      const layout = new Layout(ring, [one]);
      ring.aead.seal(layout.batch);
      unreadable();
      ring.aead.open(layout.batch);
      assertOpened(layout, 0, one.plain);
    }
  });
});
