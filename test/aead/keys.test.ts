import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Aead, AeadBatch, AeadError } from '../../src/aead/index.js';
import { describeEach } from './backends.js';
import { assertBytes, assertOpened, bytesOf, KEY_LENGTHS, KeyRing, Layout, packet, sealDirectly } from './packets.js';

const PLAIN = bytesOf('under many keys', 33);
const NONCE = bytesOf('nonce', 12);

/** A packet sealed under a key id. */
function sealUnder(aead: Aead, id: number): Uint8Array {
  const batch = new AeadBatch(1);
  batch.count = 1;
  batch.bytes = new Uint8Array(PLAIN.length + 16);
  batch.bytes.set(PLAIN);
  batch.key[0] = id;
  batch.length[0] = PLAIN.length;
  batch.icvOffset[0] = PLAIN.length;
  batch.icvLength[0] = 16;
  batch.nonce.set(NONCE);
  aead.seal(batch);
  return batch.bytes;
}

function expected(key: Uint8Array): Uint8Array {
  const { cipher, icv } = sealDirectly({ key, nonce: NONCE, aad: new Uint8Array(0), plain: PLAIN, icvLength: 16 });
  return Uint8Array.of(...cipher, ...icv);
}

describeEach('keys', (create) => {
  test('FIPS 197 section 5: has 16, 24 or 32 bytes; any other length is refused', () => {
    const aead = create();
    for (let length = 0; length <= 70; length++) {
      if (KEY_LENGTHS.some((known) => known === length)) {
        const key = bytesOf('key', length);
        assertBytes(sealUnder(aead, aead.addKey(key)), expected(key), `key of ${length} bytes`);
        continue;
      }
      assert.throws(
        () => aead.addKey(new Uint8Array(length)),
        (error) => error instanceof AeadError && error.code === 'BAD_KEY_LENGTH',
        `${length} bytes`,
      );
    }
  });

  test('a refused key takes no slot', () => {
    const aead = create();
    const first = aead.addKey(bytesOf('a', 16));
    assert.throws(() => aead.addKey(new Uint8Array(20)), { code: 'BAD_KEY_LENGTH' });
    assert.equal(aead.addKey(bytesOf('b', 16)), first + 1);
  });

  test('is copied: the caller may wipe it', () => {
    const aead = create();
    for (const length of KEY_LENGTHS) {
      const key = bytesOf('copied', length);
      const id = aead.addKey(key);
      key.fill(0);
      assertBytes(sealUnder(aead, id), expected(bytesOf('copied', length)), `key of ${length} bytes`);
    }
  });

  test('may be part of a larger array, which is not modified', () => {
    const aead = create();
    const larger = bytesOf('larger', 100);
    const before = Uint8Array.from(larger);
    const id = aead.addKey(larger.subarray(41, 73));
    assertBytes(larger, before, 'the array');
    assertBytes(sealUnder(aead, id), expected(before.subarray(41, 73)), 'a packet');
  });

  test('a thousand keys coexist, each with its own id', () => {
    const aead = create();
    const keys = Array.from({ length: 1000 }, (_, i) => bytesOf(`key ${i}`, KEY_LENGTHS[i % 3]));
    const ids = keys.map((key) => aead.addKey(key));
    assert.equal(new Set(ids).size, keys.length);
    assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id <= 0x7fffffff));
    keys.forEach((key, i) => assertBytes(sealUnder(aead, ids[i]), expected(key), `key ${i}`));
  });

  test('the id of a removed key stays invalid, also after its slot is reused', () => {
    const aead = create();
    const [old, kept, fresh] = [bytesOf('old', 16), bytesOf('kept', 32), bytesOf('fresh', 24)];
    const id = aead.addKey(old);
    const other = aead.addKey(kept);
    aead.removeKey(id);
    assert.throws(() => sealUnder(aead, id), { code: 'BAD_AEAD_BATCH' });
    const next = aead.addKey(fresh);
    assert.throws(() => sealUnder(aead, id), { code: 'BAD_AEAD_BATCH' });
    assertBytes(sealUnder(aead, next), expected(fresh), 'under the new key');
    assertBytes(sealUnder(aead, other), expected(kept), 'under the key that stayed');
  });

  test('removing one twice frees its slot once', () => {
    const aead = create();
    const id = aead.addKey(bytesOf('twice', 16));
    aead.removeKey(id);
    aead.removeKey(id);
    const [a, b] = [aead.addKey(bytesOf('a', 16)), aead.addKey(bytesOf('b', 32))];
    assert.notEqual(a, b);
    assertBytes(sealUnder(aead, a), expected(bytesOf('a', 16)), 'under the one key');
    assertBytes(sealUnder(aead, b), expected(bytesOf('b', 32)), 'under the other key');
  });

  test('removing an unknown id does nothing', () => {
    const aead = create();
    const id = aead.addKey(bytesOf('held', 16));
    for (const unknown of [-1, id + 1, 1e9, 0x7fffffff, 2 ** 40, 0.5, Number.NaN]) aead.removeKey(unknown);
    assertBytes(sealUnder(aead, id), expected(bytesOf('held', 16)), 'under the key that is held');
    const next = aead.addKey(bytesOf('next', 16));
    assert.ok(Number.isInteger(next) && next >= 0 && next < 1000 && next !== id);
  });

  test('each works through any additions and removals of others, and few slots are used', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 60 }), (steps) => {
        const aead = create();
        const held = new Map<number, Uint8Array>();
        let most = 0;
        steps.forEach(([remove, n]) => {
          if (remove && held.size > 0) {
            const id = [...held.keys()][n % held.size];
            aead.removeKey(id);
            held.delete(id);
            return;
          }
          const key = bytesOf(`key ${n}`, KEY_LENGTHS[n % 3]);
          const id = aead.addKey(key);
          assert.equal(held.has(id), false);
          held.set(id, key);
          most = Math.max(most, held.size);
          // The lower 20 bits are the slot, the others distinguish its keys.
          assert.ok((id & 0xfffff) < most, `number ${id} for at most ${most} keys`);
        });
        for (const [id, key] of held) assertBytes(sealUnder(aead, id), expected(key), `key ${id}`);
      }),
      { seed: 20261121, numRuns: 25 },
    );
  });

  test('two instances of a backend do not share keys', () => {
    const [one, other] = [new KeyRing(create()), new KeyRing(create())];
    const [a, b] = [packet(1, 40, 16), packet(2, 40, 32)];
    const [mine, yours] = [new Layout(one, [a]), new Layout(other, [b])];
    assert.equal(mine.batch.key[0], yours.batch.key[0]);
    one.aead.seal(mine.batch);
    other.aead.seal(yours.batch);
    assertBytes(mine.text(0), sealDirectly(a).cipher, 'the one’s');
    assertBytes(yours.text(0), sealDirectly(b).cipher, 'the other’s');
    one.aead.removeKey(mine.batch.key[0]);
    other.aead.open(yours.batch);
    assertOpened(yours, 0, b.plain);
  });
});
