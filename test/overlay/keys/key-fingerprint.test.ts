import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256 } from '../../../src/aead/index.js';
import { ClusterKey, keyFingerprint } from '../../../src/overlay/index.js';
import { forgeHkdfSha256 } from '../../../native-free/forge-hkdf.js';

function fingerprint(tag: number, value: number, length = 16): string {
  return keyFingerprint(new ClusterKey(tag, new Uint8Array(length).fill(value)), hkdfSha256);
}

describe('the fingerprint of a key', () => {
  test('depends on its bytes and not on its tag, and is always the same', () => {
    assert.equal(fingerprint(1, 0xa5), fingerprint(2, 0xa5));
    const key = new ClusterKey(1, new Uint8Array(16).fill(0xa5));
    assert.equal(keyFingerprint(key, forgeHkdfSha256), fingerprint(1, 0xa5));
  });

  test('differs between keys, and has 12 hexadecimal digits', () => {
    const all = Array.from({ length: 256 }, (_, value) => [16, 24, 32].map((length) => fingerprint(1, value, length)));
    assert.equal(new Set(all.flat()).size, 768);
    assert.ok(all.flat().every((text) => /^[0-9a-f]{12}$/.test(text)));
  });
});
