/** The self-test distinguishes a broken cipher from a correct one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, AeadBatch, nodeBackend, selfTest } from '../../src/aead/index.js';
import { altered } from './altered.js';
import { describeEach } from './backends.js';

describeEach('the self-test', (create) => {
  test('finds nothing wrong, repeatedly, and keeps no keys', () => {
    const aead = create();
    const first = aead.addKey(new Uint8Array(16));
    aead.removeKey(first);
    for (let i = 0; i < 3; i++) assert.equal(selfTest(aead), undefined);
    // The first key's slot is free again: no other key was left behind.
    assert.equal(aead.addKey(new Uint8Array(16)) & 0xfffff, first);
  });
});

/** Runs on a copy of a batch with changed columns, over the same bytes. */
function withColumns(batch: AeadBatch, run: (other: AeadBatch) => void, change: (other: AeadBatch) => void): void {
  const other = new AeadBatch(batch.capacity, batch.aadStride);
  other.count = batch.count;
  other.bytes = batch.bytes;
  const { key, offset, length, icvOffset, icvLength, nonce, aad, aadLength } = batch;
  other.key.set(key);
  other.offset.set(offset);
  other.length.set(length);
  other.icvOffset.set(icvOffset);
  other.icvLength.set(icvLength);
  other.nonce.set(nonce);
  other.aad.set(aad);
  other.aadLength.set(aadLength);
  change(other);
  run(other);
  batch.verified.set(other.verified);
}

/** How to break a correct cipher, and the expected reason. */
const BROKEN: readonly (readonly [string, RegExp, (right: Aead) => Partial<Aead>])[] = [
  [
    'changes a bit of a ciphertext',
    /^seals AES-128-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({
      seal: (batch) => {
        right.seal(batch);
        batch.bytes[batch.offset[0] + 41] ^= 4;
      },
    }),
  ],
  [
    'changes a bit of the last packet’s ICV',
    /^seals AES-128-GCM with an ICV of 8 bytes incorrectly$/,
    (right) => ({
      seal: (batch) => {
        right.seal(batch);
        batch.bytes[batch.icvOffset[2] + 7] ^= 1;
      },
    }),
  ],
  [
    'writes nothing when it seals',
    /^seals AES-128-GCM with an ICV of 16 bytes incorrectly$/,
    () => ({ seal: () => undefined }),
  ],
  [
    'writes 16 bytes of ICV whatever its length',
    /^seals AES-128-GCM with an ICV of 12 bytes incorrectly$/,
    (right) => ({
      seal: (batch) => withColumns(batch, right.seal.bind(right), (other) => other.icvLength.fill(16)),
    }),
  ],
  [
    'leaves out additional data',
    /^seals AES-128-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({
      seal: (batch) => withColumns(batch, right.seal.bind(right), (other) => other.aadLength.fill(0)),
      open: (batch) => withColumns(batch, right.open.bind(right), (other) => other.aadLength.fill(0)),
    }),
  ],
  [
    'accepts every ICV',
    /^accepts a wrong ICV of AES-128-GCM$/,
    (right) => ({
      open: (batch) => {
        right.open(batch);
        batch.verified.fill(1);
      },
    }),
  ],
  [
    'refuses every ICV',
    /^opens AES-128-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({
      open: (batch) => {
        right.open(batch);
        batch.verified.fill(0);
      },
    }),
  ],
  [
    'checks only an ICV’s first 8 bytes',
    /^accepts a wrong ICV of AES-128-GCM$/,
    (right) => ({
      open: (batch) => withColumns(batch, right.open.bind(right), (other) => other.icvLength.fill(8)),
    }),
  ],
  [
    'reports a packet as verified and does not decrypt it',
    /^opens AES-128-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({
      open: (batch) => {
        const sealed = Uint8Array.from(batch.bytes);
        right.open(batch);
        batch.bytes.set(sealed);
      },
    }),
  ],
  [
    'leaves unverified plaintext in place (NIST SP 800-38D, 7.2)',
    /./,
    (right) => ({
      open: (batch) => {
        const sealed = Uint8Array.from(batch.bytes);
        right.open(batch);
        for (let i = 0; i < batch.count; i++) {
          const [from, to] = [batch.offset[i], batch.offset[i] + batch.length[i]];
          if (batch.verified[i] === 0) batch.bytes.set(sealed.subarray(from, to), from);
        }
      },
    }),
  ],
  [
    'supports only AES-128',
    /^seals AES-192-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({ addKey: (key) => right.addKey(key.subarray(0, 16)) }),
  ],
  [
    'uses 256-bit keys as 192-bit keys',
    /^seals AES-256-GCM with an ICV of 16 bytes incorrectly$/,
    (right) => ({ addKey: (key) => right.addKey(key.subarray(0, Math.min(24, key.length))) }),
  ],
  [
    'works only on the first packet of a batch',
    /^seals AES-128-GCM with an ICV of 12 bytes incorrectly$/,
    (right) => ({
      seal: (batch) => withColumns(batch, right.seal.bind(right), (other) => (other.count = 1)),
    }),
  ],
];

describe('selfTest', () => {
  for (const [what, reason, breakIt] of BROKEN) {
    test(`refuses a cipher that ${what}`, () => {
      const right = nodeBackend.create();
      const said = selfTest(altered(right, breakIt(right)));
      assert.ok(said !== undefined, 'the cipher passed the self-test');
      assert.match(said, reason);
    });
  }
});
