import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { forgeHkdfSha256 } from '../../native-free/forge-hkdf.js';
import { hkdfSha256 } from '../../src/aead/index.js';
import { fromHex } from './packets.js';
import { absent, type HkdfCase, vectors } from './wycheproof.js';

const file = vectors<HkdfCase>('hkdf_sha256_test.json');
const cases = file.testGroups.flatMap(({ tests }) => tests);

/** RFC 5869 sections 2.2 and 2.3, step by step. */
function spelt(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const extracted = createHmac('sha256', salt).update(key).digest();
  const blocks: Buffer[] = [];
  for (let i = 1; blocks.length * 32 < length; i++) {
    const before = blocks.at(-1) ?? new Uint8Array(0);
    blocks.push(createHmac('sha256', extracted).update(before).update(info).update(Uint8Array.of(i)).digest());
  }
  return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
}

for (const [name, hkdf] of [
  ['node:crypto', hkdfSha256],
  ['node-forge', forgeHkdfSha256],
] as const) {
  describe(`HKDF-SHA256 by ${name}`, () => {
    test('derives the keys of all valid Wycheproof cases', { skip: absent }, () => {
      assert.deepEqual([file.numberOfTests, cases.length], [86, 86]);
      const valid = cases.filter(({ result }) => result === 'valid');
      assert.equal(valid.length, 83);
      for (const { tcId, ikm, salt, info, size, okm } of valid) {
        assert.deepEqual(hkdf(fromHex(ikm), fromHex(salt), fromHex(info), size), fromHex(okm), `case ${tcId}`);
      }
    });

    test('refuses the invalid Wycheproof cases: more than 255 hashes (RFC 5869 section 2.3)', { skip: absent }, () => {
      const invalid = cases.filter(({ result }) => result === 'invalid');
      assert.equal(invalid.length, 3);
      for (const { tcId, ikm, salt, info, size } of invalid) {
        assert.ok(size > 255 * 32);
        assert.throws(() => hkdf(fromHex(ikm), fromHex(salt), fromHex(info), size), `case ${tcId}: ${size} bytes`);
      }
    });

    test('RFC 5869 section 2.3: produces at most 255 hashes', () => {
      const [key, salt, info] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6)];
      assert.deepEqual(hkdf(key, salt, info, 255 * 32), spelt(key, salt, info, 255 * 32));
      assert.throws(() => hkdf(key, salt, info, 255 * 32 + 1));
    });

    test('derives no bytes if asked for none, whatever the version of OpenSSL', () => {
      assert.deepEqual(hkdf(Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3), 0), new Uint8Array(0));
    });

    test('RFC 5869: is HMAC of HMAC, with any key, salt and info, including empty ones', () => {
      const bytes = fc.uint8Array({ maxLength: 100 });
      fc.assert(
        fc.property(bytes, bytes, bytes, fc.integer({ min: 0, max: 200 }), (key, salt, info, length) => {
          assert.deepEqual(hkdf(key, salt, info, length), spelt(key, salt, info, length));
        }),
        { seed: 20261121, numRuns: 300, examples: [[new Uint8Array(0), new Uint8Array(0), new Uint8Array(0), 32]] },
      );
    });
  });
}
