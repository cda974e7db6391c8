import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { format, inspect } from 'node:util';
import { ClusterKey, KeyRing, OverlayError } from '../../../src/overlay/index.js';

function key(tag: number, length = 16, value = tag & 0xff): ClusterKey {
  return new ClusterKey(tag, new Uint8Array(length).fill(value));
}

function refused(make: () => unknown, message: RegExp): void {
  assert.throws(make, (error) => {
    assert.ok(error instanceof OverlayError);
    assert.equal(error.code, 'BAD_KEY_RING');
    assert.match(error.message, message);
    return true;
  });
}

describe('a key of the cluster', () => {
  test('has 16, 24 or 32 bytes, as AES needs, and no other length', () => {
    for (let length = 0; length <= 40; length++) {
      if ([16, 24, 32].includes(length))
        assert.equal(
          key(4, length).use((bytes) => bytes.length),
          length,
        );
      else refused(() => key(4, length), new RegExp(`tag 4 has ${length} bytes`));
    }
  });

  test('has a whole number from 0 to 2^53 - 1 as its tag', () => {
    for (const tag of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) assert.equal(key(tag).tag, tag);
    for (const tag of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) refused(() => key(tag), /whole number from 0/);
  });

  test('is not shown by an error when passed as a tag or another number', () => {
    const text = '4c6f72656d20697073756d20646f6c6f';
    const random = (bytes: Uint8Array): void => void bytes.fill(1);
    for (const wrong of [text, `${text}\n`, BigInt(`0x${text}`), Number(`0x${text}`), -12345678, 'x'.repeat(1 << 20)]) {
      const number = wrong as number;
      const hidden = /, not "(?:[^"]{0,3}\[hidden\][^"]{0,3}|x{80}…)"$/;
      refused(() => key(number, 16, 1), hidden);
      refused(() => KeyRing.generate({ random, count: number }), hidden);
      refused(() => KeyRing.generate({ random, keyBytes: number }), hidden);
    }
    refused(() => KeyRing.generate({ random }).rotated(random, text as unknown as number), /, not "\[hidden\]"$/);
    refused(() => key('4' as unknown as number), /, not "4"$/);
    refused(() => key(0.5), /, not 0.5$/);
  });

  test('copies its bytes, and wipes its copy', () => {
    const bytes = new Uint8Array(16).fill(7);
    const copied = new ClusterKey(1, bytes);
    bytes.fill(0);
    assert.deepEqual(
      copied.use((own) => [...own]),
      new Array(16).fill(7),
    );
    const own = copied.use((held) => held);
    assert.equal(copied.wiped, false);
    copied.wipe();
    assert.deepEqual([...own], new Array(16).fill(0));
    assert.equal(copied.tag, 1);
    assert.equal(copied.wiped, true);
  });

  test("can't be used once it is wiped: zeros are never mistaken for a key", () => {
    const wiped = key(7);
    wiped.wipe();
    const kept = key(7);
    for (const call of [() => wiped.use((own) => own.length), () => wiped.equals(kept), () => kept.equals(wiped)]) {
      assert.throws(call, (error) => error instanceof OverlayError && error.code === 'KEY_WIPED');
    }
  });

  test('equals another with the same tag and bytes', () => {
    assert.ok(key(7, 16, 1).equals(key(7, 16, 1)));
    assert.ok(!key(7, 16, 1).equals(key(8, 16, 1)));
    assert.ok(!key(7, 16, 1).equals(key(7, 16, 2)));
    assert.ok(!key(7, 16, 1).equals(key(7, 32, 1)));
  });

  test('does not show itself in JSON, logs or its properties', () => {
    const shy = new ClusterKey(
      29_943,
      Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i),
    );
    const ring = new KeyRing([shy]);
    const texts = [shy, ring, { ring }].flatMap((value) => [
      JSON.stringify(value),
      inspect(value, { depth: 9, showHidden: true, getters: true }),
      Object.keys(value).join(),
      format('%s %o %O %j', value, value, value, value),
    ]);
    for (const text of texts) {
      assert.ok(!/a0a1|a0, ?a1|160, ?161/i.test(text.replaceAll('\n', '')), text);
    }
    assert.equal(JSON.stringify(shy), '{"tag":29943,"key":"[hidden]"}');
    assert.equal(JSON.stringify(ring), '{"keys":[{"tag":29943,"key":"[hidden]"}]}');
  });
});

describe('a ring', () => {
  test('sorts keys by tag, and leaves the given list unchanged', () => {
    const given = [key(10), key(9), key(100), key(2)];
    assert.deepEqual(
      new KeyRing(given).keys.map(({ tag }) => tag),
      [2, 9, 10, 100],
    );
    assert.deepEqual(
      given.map(({ tag }) => tag),
      [10, 9, 100, 2],
    );
  });

  test('rejects duplicate tags, even for identical keys', () => {
    refused(() => new KeyRing([key(1), key(2), key(1)]), /two keys have the tag 1$/);
    refused(() => new KeyRing([key(5, 16, 1), key(5, 16, 2)]), /two keys have the tag 5$/);
  });

  test('holds 1 to 64 keys', () => {
    const keys = (count: number): ClusterKey[] => Array.from({ length: count }, (_, i) => key(i));
    refused(() => new KeyRing([]), /at least one key/);
    assert.equal(new KeyRing(keys(1)).keys.length, 1);
    assert.equal(new KeyRing(keys(64)).keys.length, 64);
    refused(() => new KeyRing(keys(65)), /at most 64 keys, not 65/);
  });

  test('can mix key sizes', () => {
    const ring = new KeyRing([key(3, 32), key(1, 16), key(2, 24)]);
    assert.deepEqual(
      ring.keys.map((one) => one.use(({ length }) => length)),
      [16, 24, 32],
    );
  });
});

describe('a ring that rotates', () => {
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  const tagsOf = (ring: KeyRing): number[] => ring.keys.map(({ tag }) => tag);
  const bytesOf = (ring: KeyRing): string[] =>
    ring.keys.map((one) => one.use((bytes) => Buffer.from(bytes).toString('hex')));

  test('is generated with the given number of random keys; the default is three of 16 bytes, as in Swarm', () => {
    const ring = KeyRing.generate({ random });
    assert.deepEqual(tagsOf(ring), [1, 2, 3]);
    assert.equal(new Set(bytesOf(ring)).size, 3);
    assert.ok(bytesOf(ring).every((digits) => digits.length === 32 && !/^(..)\1*$/.test(digits)));
    const other = KeyRing.generate({ random, count: 5, keyBytes: 32, firstTag: 70_000 });
    assert.deepEqual(tagsOf(other), [70_000, 70_001, 70_002, 70_003, 70_004]);
    assert.ok(bytesOf(other).every((digits) => digits.length === 64));
    for (const count of [0, 1.5, 65, Number.NaN]) refused(() => KeyRing.generate({ random, count }), /1 to 64/);
    refused(() => KeyRing.generate({ random, keyBytes: 20 }), /16, 24 or 32 bytes, not 20/);
  });

  test('drops the oldest key and adds a new one after the newest; the middle one is the transmit key', () => {
    let ring = KeyRing.generate({ random, firstTag: 29_943 });
    for (let tag = 29_946; tag < 29_966; tag++) {
      const before = bytesOf(ring);
      const sent = ring.transmit;
      const next = ring.rotated(random);
      assert.deepEqual(tagsOf(next), [tag - 2, tag - 1, tag]);
      assert.deepEqual(bytesOf(next).slice(0, 2), before.slice(1));
      assert.ok(!before.includes(bytesOf(next)[2]));
      assert.equal(next.transmit.tag, sent.tag + 1);
      assert.equal(next.keys[0], sent, 'the previous transmit key is received with for one more period');
      ring = next;
    }
    assert.deepEqual(tagsOf(ring.rotated(random, 2)), [29_964, 29_965, 29_967]);
  });

  test('has a new key that is newer than all others, with any step', () => {
    const ring = KeyRing.generate({ random, firstTag: 10 });
    for (const step of [0, -5, 0.5, Number.NaN])
      refused(() => ring.rotated(random, step), /at least 1 above the newest/);
  });

  test("can't rotate once the tags are exhausted", () => {
    const ring = KeyRing.generate({ random, firstTag: Number.MAX_SAFE_INTEGER - 2 });
    refused(() => ring.rotated(random), /whole number from 0/);
  });

  test('rejects tags that yield the same SPIs, since those use only 32 bits', () => {
    refused(() => new KeyRing([key(5), key(2 ** 32 + 5)]), /agree in the 32 bits/);
    assert.equal(new KeyRing([key(5), key(2 ** 32 + 6)]).keys.length, 2);
  });

  test('wiping a copy leaves it unchanged', () => {
    const ring = KeyRing.generate({ random });
    const copy = ring.copy();
    assert.deepEqual(bytesOf(copy), bytesOf(ring));
    copy.wipe();
    assert.ok(copy.keys.every(({ wiped }) => wiped));
    assert.ok(ring.keys.every(({ wiped }) => !wiped));
  });
});
