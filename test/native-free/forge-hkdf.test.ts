import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { forgeHkdfSha256 } from '../../native-free/forge-hkdf.js';
import { forgeHkdfSha256 as exported } from '../../native-free/index.js';
import { hkdfSha256 } from '../../src/aead/index.js';
import { fromHex } from '../aead/packets.js';

describe('forgeHkdfSha256', () => {
  test('RFC 5869 appendix A.1 and A.3: derives the keys', () => {
    const key = fromHex('0b'.repeat(22));
    assert.deepEqual(
      forgeHkdfSha256(key, fromHex('000102030405060708090a0b0c'), fromHex('f0f1f2f3f4f5f6f7f8f9'), 42),
      fromHex('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865'),
    );
    const none = new Uint8Array(0);
    assert.deepEqual(
      forgeHkdfSha256(key, none, none, 42),
      fromHex('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'),
    );
  });

  test('is exported by vtep/native-free', () => assert.equal(exported, forgeHkdfSha256));

  test('equals node:crypto, also for keys, salts and infos longer than a SHA-256 block', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.nat(500), (key, salt, info, length) => {
        assert.deepEqual(forgeHkdfSha256(key, salt, info, length), hkdfSha256(key, salt, info, length));
      }),
      { seed: 20261121, numRuns: 200 },
    );
  });

  test('RFC 5869 section 2.3: a shorter output is a prefix of a longer one', () => {
    const [key, salt, info] = [fromHex('0102'), fromHex('03'), fromHex('04')];
    const long = forgeHkdfSha256(key, salt, info, 200);
    for (let length = 0; length < 200; length++) {
      assert.deepEqual(forgeHkdfSha256(key, salt, info, length), long.slice(0, length));
    }
  });
});
