import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { nodeBackend } from '../../src/aead/index.js';
import { InboundSa, IpsecError, Keymat, OutboundSa, SALT_BYTES, Sad } from '../../src/ipsec/index.js';
import { aesKey, association, hex, keymat, MASK, SALT } from './build.js';

/** All common notations of bytes. */
function traces(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const list = [...bytes];
  return [
    buffer.toString('hex'),
    buffer.toString('base64').replaceAll('=', ''),
    list.join(','),
    list.join(', '),
    inspect(buffer).slice(8, -1),
    JSON.stringify(Object.fromEntries(list.entries())).slice(1, -1),
  ];
}

function hides(text: string, bytes: Uint8Array = aesKey()): void {
  // Search for only half of the key: truncating long lists must not count as hiding.
  for (const trace of traces(bytes.subarray(0, 8))) {
    assert.ok(!text.toLowerCase().includes(trace.toLowerCase()), `${trace} is in ${text}`);
  }
}

describe('Keymat (RFC 4106 section 8.1)', () => {
  test('takes 20, 28 and 36 bytes: the AES key, then the salt', () => {
    for (const length of [16, 24, 32] as const) {
      const key = keymat(aesKey(length));
      assert.equal(key.keyLength, length);
      assert.equal(key.salt >>> 0, 0x1f279ba7);
      assert.equal(
        key.use((bytes) => hex(bytes)),
        hex(aesKey(length)) + hex(SALT),
      );
      assert.equal(
        key.use((bytes) => bytes.length),
        length + SALT_BYTES,
      );
    }
  });

  test('every other length is BAD_KEY_LENGTH, and the message has only the length', () => {
    for (let length = 0; length <= 70; length++) {
      if (length === 20 || length === 28 || length === 36) continue;
      const bytes = Uint8Array.from({ length }, (_, i) => 0xa0 + (i % 50));
      assert.throws(
        () => new Keymat(bytes),
        (error) => {
          assert.ok(error instanceof IpsecError);
          assert.equal(error.code, 'BAD_KEY_LENGTH');
          assert.match(error.message, new RegExp(`not ${length}$`));
          if (length >= 8) hides(inspect(error, { depth: 10 }), bytes);
          return true;
        },
      );
    }
  });

  test('holds a copy: changing or wiping the given bytes changes nothing', () => {
    const bytes = Uint8Array.from([...aesKey(), ...SALT]);
    const key = new Keymat(bytes);
    bytes.fill(0);
    assert.ok(key.equals(keymat()));
  });

  test('no text shows the bytes: JSON, inspect, String, templates, copies, errors', () => {
    const key = keymat();
    const held = { sa: association({ keymat: key }), list: [key], map: new Map([['key', key]]) };
    const texts = [
      JSON.stringify(key),
      JSON.stringify(held),
      String(key),
      `${key}`,
      '' + key,
      [key].join(),
      inspect(key),
      inspect(held, { depth: Number.POSITIVE_INFINITY, showHidden: true, showProxy: true, getters: true }),
      inspect(held, { depth: Number.POSITIVE_INFINITY, customInspect: false }),
      inspect(structuredClone(key)),
      JSON.stringify(structuredClone({ key })),
      inspect(Object.assign({}, key)),
      Object.entries(key).join(),
      JSON.stringify(Object.getOwnPropertyDescriptors(key)),
      inspect(new Error('failed', { cause: key })),
      inspect(new Error(`failed with ${JSON.stringify(held)}`, { cause: held }), { depth: 10 }),
    ];
    for (const text of texts) hides(text);
  });

  test('SAs and a SAD that hold keys do not show them', () => {
    const aead = nodeBackend.create();
    const inbound = new InboundSa(association(), aead);
    const outbound = new OutboundSa(association(), aead, { ivMask: MASK });
    const sad = new Sad<InboundSa>();
    sad.add(inbound);
    for (const held of [inbound, outbound, sad, aead]) {
      hides(inspect(held, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }));
      hides(JSON.stringify(held));
    }
  });

  test('no error about an SA shows its key', () => {
    const wrong = [
      { spi: 0 },
      { source: 'nowhere' },
      { destination: 'fd50::1' },
      { icvLength: 9 },
      { replayWindow: 5 },
      { limits: { hard: { packets: 0 } } },
    ];
    for (const parameters of wrong) {
      assert.throws(
        () => new InboundSa(association(parameters), nodeBackend.create()),
        (error) => {
          hides(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }));
          return error instanceof IpsecError;
        },
      );
    }
  });

  test('equals compares every byte of key and salt', () => {
    for (const length of [16, 24, 32] as const) {
      const key = keymat(aesKey(length));
      assert.ok(key.equals(keymat(aesKey(length))));
      for (let i = 0; i < length + SALT_BYTES; i++) {
        const other = Uint8Array.from([...aesKey(length), ...SALT]);
        other[i] ^= 0x80;
        assert.ok(!key.equals(new Keymat(other)), `byte ${i}`);
      }
    }
    assert.ok(!keymat(aesKey(16)).equals(keymat(aesKey(24))));
    assert.ok(!keymat(aesKey(24)).equals(keymat(aesKey(16))));
  });

  test('wipe overwrites key and salt', () => {
    const key = keymat();
    const own = key.use((bytes) => bytes);
    key.wipe();
    assert.deepEqual(own, new Uint8Array(20));
    assert.equal(key.salt, 0);
    assert.ok(key.equals(new Keymat(new Uint8Array(20))));
  });

  test('wiping the key material does not affect an existing SA', () => {
    const aead = nodeBackend.create();
    const key = keymat();
    const sa = new InboundSa(association({ keymat: key }), aead);
    key.wipe();
    assert.equal(sa.salt >>> 0, 0x1f279ba7);
  });

  test('a cipher gets the AES key without the salt', () => {
    for (const length of [16, 24, 32] as const) {
      const given: string[] = [];
      const unused = (): void => assert.fail('not asked for');
      const aead = {
        name: 'spy',
        addKey: (key: Uint8Array): number => given.push(hex(key)),
        removeKey: unused,
        seal: unused,
        open: unused,
      };
      assert.equal(keymat(aesKey(length)).addTo(aead), 1);
      assert.deepEqual(given, [hex(aesKey(length))]);
    }
  });
});
