/** What is specific to the pure JavaScript cipher; test/aead runs every cipher rule through it too. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AeadBatch, chooseAead, selfTest } from '../../src/aead/index.js';
import * as nativeFree from '../../native-free/index.js';
import { forgeBackend } from '../../native-free/forge-aead.js';
import { assertBytes, bytesOf, fromHex, ICV_LENGTHS, KeyRing, Layout, packet, sealDirectly } from '../aead/packets.js';

describe('forge', () => {
  test('is a backend for chooseAead, and passes the self-test', () => {
    const { aead, skipped } = chooseAead('forge', [forgeBackend]);
    assert.equal(aead.name, 'forge');
    assert.deepEqual(skipped, []);
    assert.equal(selfTest(aead), undefined);
  });

  test('is exported by vtep/native-free, and works on its batches', () => {
    assert.equal(nativeFree.forgeBackend, forgeBackend);
    assert.equal(nativeFree.AeadBatch, AeadBatch);
    assert.equal(nativeFree.selfTest(nativeFree.forgeBackend.create()), undefined);
  });

  test('McGrew and Viega’s test case 2: seals a block of zeros under a key of zeros', () => {
    const zeros = {
      key: new Uint8Array(16),
      nonce: new Uint8Array(12),
      aad: new Uint8Array(0),
      plain: new Uint8Array(16),
    };
    const ring = new KeyRing(forgeBackend.create());
    const layout = new Layout(ring, [{ ...zeros, icvLength: 16 }]);
    ring.aead.seal(layout.batch);
    assertBytes(layout.text(0), fromHex('0388dace60b6a392f328c2b971b2fe78'), 'ciphertext');
    assertBytes(layout.icv(0), fromHex('ab6e47d42cec13bdf53a67b21257bddf'), 'ICV');
  });

  test('NIST SP 800-38D, 7.1: short ICVs are the first bytes of the whole tag, which node-forge itself gets wrong', () => {
    const ring = new KeyRing(forgeBackend.create());
    for (const length of [0, 5, 64]) {
      const whole = sealDirectly(packet(1, length)).icv;
      for (const icvLength of ICV_LENGTHS) {
        const layout = new Layout(ring, [packet(1, length, 16, 8, icvLength)]);
        ring.aead.seal(layout.batch);
        assertBytes(layout.icv(0), whole.subarray(0, icvLength), `ICV of ${icvLength} bytes`);
        layout.assertGuards();
      }
    }
  });

  test('handles bytes above 127 in key, nonce, additional data and packet', () => {
    const high = (length: number): Uint8Array => bytesOf('high', length).map((byte) => byte | 0x80);
    const one = { key: high(32), nonce: high(12), aad: high(12), plain: high(99), icvLength: 16 };
    const ring = new KeyRing(forgeBackend.create());
    const layout = new Layout(ring, [one]);
    ring.aead.seal(layout.batch);
    assertBytes(layout.text(0), sealDirectly(one).cipher, 'ciphertext');
    assertBytes(layout.icv(0), sealDirectly(one).icv, 'ICV');
    ring.aead.open(layout.batch);
    assert.equal(layout.batch.verified[0], 1);
    assertBytes(layout.text(0), one.plain, 'plaintext');
  });
});
