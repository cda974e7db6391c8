/** Wycheproof's AES-GCM with 96-bit nonces, the only ones in ESP (RFC 4106 section 4), with every cipher. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeEach } from './backends.js';
import { assertBytes, assertOpened, assertRefused, fromHex, ICV_LENGTHS, KeyRing, Layout } from './packets.js';
import { absent, type GcmCase, vectors } from './wycheproof.js';

const file = vectors<GcmCase>('aes_gcm_test.json');
const cases = file.testGroups.filter(({ ivSize }) => ivSize === 96).flatMap(({ tests }) => tests);
const valid = cases.filter(({ result }) => result === 'valid');

function packetOf({ key, iv, aad, msg }: GcmCase, icvLength: number) {
  return { key: fromHex(key), nonce: fromHex(iv), aad: fromHex(aad), plain: fromHex(msg), icvLength };
}

describe('Wycheproof AES-GCM', { skip: absent }, () => {
  test('197 of its 316 cases have 96-bit nonces, with keys of each length', () => {
    const others = file.testGroups.filter(({ ivSize }) => ivSize !== 96).flatMap(({ tests }) => tests);
    assert.deepEqual([file.numberOfTests, cases.length, others.length], [316, 197, 119]);
    const ofKey = (digits: number): number => cases.filter(({ key }) => key.length === digits).length;
    assert.deepEqual([ofKey(32), ofKey(48), ofKey(64)], [67, 64, 66]);
    assert.deepEqual([valid.length, cases.length - valid.length], [116, 81]);
  });

  describeEach('Wycheproof AES-GCM', (create) => {
    test('each valid case seals to its ciphertext and to the first 16, 12 and 8 bytes of its tag', () => {
      let done = 0;
      const ring = new KeyRing(create());
      for (const icvLength of ICV_LENGTHS) {
        const layout = new Layout(
          ring,
          valid.map((one) => packetOf(one, icvLength)),
        );
        ring.aead.seal(layout.batch);
        valid.forEach(({ tcId, ct, tag }, i) => {
          assertBytes(layout.text(i), fromHex(ct), `ciphertext of case ${tcId}`);
          assertBytes(layout.icv(i), fromHex(tag).subarray(0, icvLength), `ICV of case ${tcId}`);
          done++;
        });
        layout.assertGuards();
      }
      assert.equal(done, 3 * valid.length);
    });

    test('an invalid case has a wrong tag: sealing its message gives its ciphertext and another tag', () => {
      const ring = new KeyRing(create());
      let done = 0;
      for (const one of cases.filter(({ result }) => result === 'invalid')) {
        const layout = new Layout(ring, [packetOf(one, 16)]);
        ring.aead.seal(layout.batch);
        assertBytes(layout.text(0), fromHex(one.ct), `ciphertext of case ${one.tcId}`);
        assert.notDeepEqual(layout.icv(0), fromHex(one.tag), `tag of case ${one.tcId}`);
        done++;
      }
      assert.equal(done, cases.length - valid.length);
    });

    test('valid cases open and invalid ones are refused and wiped, all in one batch', () => {
      const ring = new KeyRing(create());
      const layout = new Layout(
        ring,
        cases.map((one) => packetOf(one, 16)),
      );
      cases.forEach(({ ct, tag }, i) => layout.put(i, { cipher: fromHex(ct), icv: fromHex(tag) }));
      ring.aead.open(layout.batch);
      let refused = 0;
      cases.forEach(({ tcId, msg, result }, i) => {
        if (result === 'valid') assertOpened(layout, i, fromHex(msg));
        else {
          assertRefused(layout, i, `case ${tcId}`);
          refused++;
        }
      });
      assert.equal(refused, cases.length - valid.length);
      layout.assertGuards();
    });

    test('RFC 4106 section 6: valid cases open with the first 12 and 8 bytes of their tags', () => {
      const ring = new KeyRing(create());
      let done = 0;
      for (const icvLength of [12, 8]) {
        for (const one of valid) {
          const layout = new Layout(ring, [packetOf(one, icvLength)]);
          layout.put(0, { cipher: fromHex(one.ct), icv: fromHex(one.tag).subarray(0, icvLength) });
          ring.aead.open(layout.batch);
          assertOpened(layout, 0, fromHex(one.msg));
          layout.assertGuards();
          done++;
        }
      }
      assert.equal(done, 2 * valid.length);
    });
  });
});
