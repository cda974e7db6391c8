/** Wycheproof's GMAC (NIST SP 800-38D, 3): AES-GCM of no bytes, so that the ICV depends on additional data only. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeEach } from './backends.js';
import { assertBytes, fromHex, KeyRing, Layout } from './packets.js';
import { absent, type GmacCase, vectors } from './wycheproof.js';

const file = vectors<GmacCase>('aes_gmac_test.json');
const cases = file.testGroups.filter(({ ivSize }) => ivSize === 96).flatMap(({ tests }) => tests);
const packets = cases.map(({ key, iv, msg }) => ({
  key: fromHex(key),
  nonce: fromHex(iv),
  aad: fromHex(msg),
  plain: new Uint8Array(0),
  icvLength: 16,
}));

describe('Wycheproof GMAC', { skip: absent }, () => {
  test('207 of its 414 cases have 96-bit nonces, 69 for each key length', () => {
    assert.deepEqual([file.numberOfTests, cases.length], [414, 207]);
    const ofKey = (digits: number): number => cases.filter(({ key }) => key.length === digits).length;
    assert.deepEqual([ofKey(32), ofKey(48), ofKey(64)], [69, 69, 69]);
  });

  describeEach('Wycheproof GMAC', (create) => {
    test('seals to the tag of a valid case, and to a different one for an invalid case', () => {
      const ring = new KeyRing(create());
      const layout = new Layout(ring, packets);
      ring.aead.seal(layout.batch);
      cases.forEach(({ tcId, tag, result }, i) => {
        if (result === 'valid') assertBytes(layout.icv(i), fromHex(tag), `tag of case ${tcId}`);
        else assert.notDeepEqual(layout.icv(i), fromHex(tag), `tag of case ${tcId}`);
      });
      layout.assertGuards();
    });

    test('verifies the tags of valid cases and no others', () => {
      const ring = new KeyRing(create());
      const layout = new Layout(ring, packets);
      cases.forEach(({ tag }, i) => layout.icv(i).set(fromHex(tag)));
      ring.aead.open(layout.batch);
      const verdicts = cases.map(({ tcId }, i) => [tcId, layout.batch.verified[i]]);
      assert.deepEqual(
        verdicts,
        cases.map(({ tcId, result }) => [tcId, result === 'valid' ? 1 : 0]),
      );
      layout.assertGuards();
    });
  });
});
