import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeKeys,
  encodeKeys,
  Kek,
  KEYS,
  type KeysRecord,
  MemoryStore,
  openRing,
  resealRing,
  RingReader,
  sealRing,
  type StoredRing,
} from '../../../src/fleet/index.js';
import { ClusterKey, KeyRing, Profile, RingOutcome } from '../../../src/overlay/index.js';

const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
const kekOf = (digit: string): Kek => Kek.fromText(`${digit}1`.repeat(31) + '00', 'a key');
const kek = kekOf('a');
const other = kekOf('b');
const overlay = 'red';
const rotated = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function stored(ring: KeyRing, rotations = 7): StoredRing {
  return { ring, profile: Profile.Swarm, rotations, rotated };
}

function refused(run: () => unknown): void {
  assert.throws(run, { name: 'StoreError', code: 'SEALED' });
}

async function keyOf(store: MemoryStore): Promise<KeysRecord> {
  const record = await store.get(KEYS);
  assert.ok(record);
  return decodeKeys(record.value);
}

describe('the record of a key ring', () => {
  test('opens to the ring that was sealed', () => {
    const length = fc.constantFrom(16, 24, 32);
    const key = length.chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
    const tag = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const ring = fc.uniqueArray(fc.tuple(tag, key), { minLength: 1, maxLength: 64, selector: ([first]) => first });
    const rule = fc.property(ring, fc.constantFrom(Profile.Swarm, Profile.Strict), fc.nat(), (keys, profile, count) => {
      const made = new KeyRing(keys.map(([number, bytes]) => new ClusterKey(number, bytes)));
      const record = sealRing({ ring: made, profile, rotations: count, rotated }, { overlay, kek, random });
      const read = openRing(decodeKeys(encodeKeys(record)), overlay, [other, kek]);
      assert.ok(read.ring.keys.every((each, i) => each.equals(made.keys[i])));
      assert.equal(read.ring.keys.length, made.keys.length);
      assert.deepEqual([read.profile, read.rotations, read.rotated], [profile, count, rotated]);
      assert.equal(read.kek, kek);
    });
    fc.assert(rule, { numRuns: 50 });
  });

  test('has nothing of a key in clear', () => {
    const ring = KeyRing.generate({ random });
    const text = new TextDecoder().decode(encodeKeys(sealRing(stored(ring), { overlay, kek, random })));
    for (const key of ring.keys) {
      key.use((bytes) => {
        for (const form of ['hex', 'base64', 'latin1'] as const) {
          assert.ok(!text.includes(Buffer.from(bytes).toString(form).slice(0, 8)));
        }
      });
    }
  });

  test('does not open with its number or time changed, in another overlay, or with another key', () => {
    const record = sealRing(stored(KeyRing.generate({ random })), { overlay, kek, random });
    refused(() => openRing({ ...record, rotations: 8 }, overlay, [kek]));
    refused(() => openRing({ ...record, rotated: new Date(rotated + 1).toISOString() }, overlay, [kek]));
    refused(() => openRing(record, 'blue', [kek]));
    refused(() => openRing(record, overlay, [other]));
    assert.throws(() => openRing(record, overlay, []), { code: 'BAD_KEK' });
  });

  test('is refused, whatever its bytes are', () => {
    const text = fc.string().map((each) => new TextEncoder().encode(each));
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), text), (bytes) => refused(() => decodeKeys(bytes))));
    const record = sealRing(stored(KeyRing.generate({ random })), { overlay, kek, random });
    const sealed = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    fc.assert(fc.property(sealed, (each) => refused(() => openRing({ ...record, sealed: each }, overlay, [kek]))));
  });

  test('is refused if what is sealed is no ring', () => {
    const context = `overlay red, key ring, rotation 7 of ${new Date(rotated).toISOString()}`;
    const key = [0, 0, 0, 0, 0, 0, 0, 1, 16, ...new Array<number>(16).fill(3)];
    const plains = [
      [],
      [0],
      [0, 0],
      [2, 1, ...key],
      [0, 1],
      [0, 1, ...key.slice(1)],
      [0, 1, ...key, 0],
      [0, 2, ...key, ...key],
    ];
    for (const plain of [...plains, [0, 1, 255, ...key.slice(1)], [0, 1, ...key.slice(0, 8), 200]]) {
      const sealed = Buffer.from(kek.seal(context, Uint8Array.from(plain), random)).toString('base64');
      const record = { version: 1, rotated: new Date(rotated).toISOString(), rotations: 7, sealed } as const;
      refused(() => openRing(record, overlay, [kek]));
    }
  });
});

describe('a reader of rings', () => {
  const ring = KeyRing.generate({ random });
  const seal = (of: KeyRing, rotations: number, by = kek): KeysRecord =>
    sealRing(stored(of, rotations), { overlay, kek: by, random });

  test('takes newer rings, and recognises the one it has, also sealed again', () => {
    const reader = new RingReader(overlay, [kek, other]);
    assert.equal(reader.read(seal(ring, 3)).outcome, RingOutcome.Accepted);
    assert.equal(reader.read(seal(ring, 3)).outcome, RingOutcome.Same);
    assert.equal(reader.read(seal(ring, 3, other)).outcome, RingOutcome.Same);
    assert.equal(reader.read(seal(ring.rotated(random), 4)).outcome, RingOutcome.Accepted);
    assert.equal(reader.rotations, 4);
  });

  test('refuses an older ring, and another one with the same number', () => {
    const reader = new RingReader(overlay, [kek]);
    const first = seal(ring, 3);
    reader.read(first);
    reader.read(seal(ring.rotated(random), 4));
    assert.deepEqual(reader.read(first), { outcome: RingOutcome.Stale, rotations: 3 });
    assert.deepEqual(reader.read(seal(ring.rotated(random), 4)), { outcome: RingOutcome.Stale, rotations: 4 });
    refused(() => reader.read({ ...first, rotations: 5 }));
    assert.equal(reader.rotations, 4);
  });
});

describe('sealing the ring of a store again', () => {
  test('changes the key that seals it, and nothing else; again, it does nothing', async () => {
    const store = new MemoryStore();
    const ring = KeyRing.generate({ random });
    const before = sealRing(stored(ring), { overlay, kek, random });
    const revision = await store.put(KEYS, encodeKeys(before));
    const sealed = await resealRing(store, kek, { overlay, kek: other, random });
    assert.ok(sealed !== undefined && sealed > revision);
    const after = await keyOf(store);
    refused(() => openRing(after, overlay, [kek]));
    assert.ok(openRing(after, overlay, [other]).ring.keys.every((key, i) => key.equals(ring.keys[i])));
    assert.deepEqual([after.rotations, after.rotated], [before.rotations, before.rotated]);
    assert.equal(await resealRing(store, kek, { overlay, kek: other, random }), undefined);
  });

  test('does nothing without a ring, and leaves one that neither key opens', async () => {
    const store = new MemoryStore();
    assert.equal(await resealRing(store, kek, { overlay, kek: other, random }), undefined);
    const foreign = encodeKeys(sealRing(stored(KeyRing.generate({ random })), { overlay, kek: kekOf('c'), random }));
    await store.put(KEYS, foreign);
    await assert.rejects(resealRing(store, kek, { overlay, kek: other, random }), { code: 'SEALED' });
    assert.deepEqual((await store.get(KEYS))?.value, foreign);
  });

  test('keeps a rotation that comes between', async () => {
    const store = new MemoryStore();
    const ring = KeyRing.generate({ random });
    await store.put(KEYS, encodeKeys(sealRing(stored(ring, 7), { overlay, kek, random })));
    let rotations = 7;
    const get = store.get.bind(store);
    store.get = async (key) => {
      const found = await get(key);
      if (rotations < 9) {
        rotations++;
        await store.put(KEYS, encodeKeys(sealRing(stored(ring.rotated(random), rotations), { overlay, kek, random })));
      }
      return found;
    };
    await resealRing(store, kek, { overlay, kek: other, random });
    assert.equal(openRing(await keyOf(store), overlay, [other]).rotations, 9);
  });
});
