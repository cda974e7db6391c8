import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { after, describe, test } from 'node:test';
import { Kek, MAX_SEALED_PLAIN, StoreError } from '../../../src/fleet/index.js';

const DIGITS = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
const counting = (bytes: Uint8Array): void => bytes.forEach((_, i) => (bytes[i] = i));
const secret = new TextEncoder().encode('twelve hours of keys');
const kek = (): Kek => Kek.fromText(DIGITS, 'VTEP_KEK');
const folder = mkdtempSync(join(tmpdir(), 'vtep-kek-'));
after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string, mode = 0o600): string {
  const path = join(folder, 'kek');
  rmSync(path, { force: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function refusal(run: () => unknown): StoreError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StoreError);
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('a sealed message', () => {
  test('opens in its context, with the key that sealed it', () => {
    const sealed = kek().seal('red keys/ring', secret, random);
    assert.deepEqual(kek().open('red keys/ring', sealed), secret);
    assert.equal(sealed.length, secret.length + 49);
  });

  test('is what HKDF-SHA256 and AES-256-GCM of OpenSSL make of it', () => {
    // openssl kdf HKDF of the key with salt 0..31 and info "vtep sealed 1\0red": 32 bytes of key, 12 of nonce.
    const sealed = kek().seal('red', new Uint8Array(), counting);
    const info = Buffer.from('vtep sealed 1\0red').toString('hex');
    const salt = Buffer.from(sealed.subarray(1, 33)).toString('hex');
    const options = ['digest:SHA256', `hexkey:${DIGITS}`, `hexsalt:${salt}`, `hexinfo:${info}`];
    const args = ['kdf', '-keylen', '44', '-binary', ...options.flatMap((each) => ['-kdfopt', each]), 'HKDF'];
    const derived = execFileSync('openssl', args);
    // The tag of an empty text is GHASH(0 blocks) xor E(nonce || 1): one block of AES.
    const block = Buffer.concat([derived.subarray(32), Buffer.from([0, 0, 0, 1])]);
    const key = derived.subarray(0, 32).toString('hex');
    const tag = execFileSync('openssl', ['enc', '-aes-256-ecb', '-K', key, '-nopad'], { input: block });
    assert.deepEqual(Buffer.from(sealed.subarray(33)), tag);
  });

  test('differs each time', () => {
    assert.notDeepEqual(kek().seal('red', secret, random), kek().seal('red', secret, random));
  });

  test('opens in no other context and with no other key', () => {
    const sealed = kek().seal('red', secret, random);
    const other = Kek.fromText(DIGITS.replace('0', '1'), 'VTEP_KEK');
    for (const open of [
      () => kek().open('blue', sealed),
      () => kek().open('red\0', sealed),
      () => other.open('red', sealed),
    ]) {
      assert.equal(refusal(open).code, 'SEALED');
    }
  });

  test('does not open with any bit changed, cut or longer', () => {
    const sealed = kek().seal('red', secret, random);
    for (let at = 0; at < sealed.length * 8; at++) {
      const changed = sealed.slice();
      changed[at >> 3] ^= 1 << (at & 7);
      assert.equal(refusal(() => kek().open('red', changed)).code, 'SEALED');
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(refusal(() => kek().open('red', sealed.subarray(0, length))).code, 'SEALED');
    }
    assert.equal(refusal(() => kek().open('red', new Uint8Array([...sealed, 0]))).code, 'SEALED');
    assert.equal(refusal(() => kek().open('red', new Uint8Array(1 << 20).fill(1))).code, 'SEALED');
  });

  test('has at most 16,384 bytes of text', () => {
    const most = new Uint8Array(MAX_SEALED_PLAIN);
    assert.equal(kek().open('red', kek().seal('red', most, random)).length, MAX_SEALED_PLAIN);
    assert.equal(refusal(() => kek().seal('red', new Uint8Array(MAX_SEALED_PLAIN + 1), random)).code, 'TOO_LARGE');
  });
});

describe('a key-encryption key', () => {
  test('is 64 hexadecimal digits of either case, with white space around them', () => {
    const sealed = kek().seal('red', secret, random);
    for (const text of [DIGITS, `${DIGITS}\n`, ` \t${DIGITS.toUpperCase()}\r\n`]) {
      assert.deepEqual(Kek.fromText(text, 'VTEP_KEK').open('red', sealed), secret);
      assert.deepEqual(Kek.fromFile(fileOf(text)).open('red', sealed), secret);
    }
    assert.deepEqual(Kek.fromFile(fileOf(DIGITS, 0o400)).open('red', sealed), secret);
  });

  const wrong = ['', ' ', 'g'.repeat(64), DIGITS.slice(1), `${DIGITS}0`, `0x${DIGITS}`, `${DIGITS} ${DIGITS}`];
  const long = [' '.repeat(300) + DIGITS, DIGITS + ' '.repeat(300), 'é'.repeat(200), DIGITS.repeat(100)];
  for (const text of [...wrong, ...long]) {
    test(`is not ${JSON.stringify(text.slice(0, 20))} of ${text.length} characters, which no error quotes`, () => {
      for (const read of [() => Kek.fromText(text, 'VTEP_KEK'), () => Kek.fromFile(fileOf(text))]) {
        const { code, message } = refusal(read);
        assert.equal(code, 'BAD_KEK');
        assert.ok(!message.includes(DIGITS.slice(2, 10)), message);
      }
    });
  }

  test('is not one byte repeated', () => {
    for (const digits of ['00', 'ff', 'a5']) {
      const { code, message } = refusal(() => Kek.fromText(digits.repeat(32), 'VTEP_KEK'));
      assert.equal(code, 'BAD_KEK');
      assert.match(message, /VTEP_KEK is a single repeated byte/);
    }
  });

  test('is not read from a file that others have access to', () => {
    for (const mode of [0o640, 0o604, 0o620]) {
      assert.match(refusal(() => Kek.fromFile(fileOf(DIGITS, mode))).message, /chmod 600/);
    }
  });

  test('is not read from a pipe, a directory or nothing, and without waiting', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const path of [pipe, folder, join(folder, 'none'), '/dev/zero', '']) {
      assert.equal(refusal(() => Kek.fromFile(path)).code, 'BAD_KEK');
    }
  });

  test('does nothing once it is wiped: zeros are never mistaken for a key', () => {
    const wiped = kek();
    const sealed = wiped.seal('red', secret, random);
    wiped.wipe();
    assert.equal(refusal(() => wiped.seal('red', secret, random)).code, 'BAD_KEK');
    assert.equal(refusal(() => wiped.open('red', sealed)).code, 'BAD_KEK');
  });

  test('never reveals itself', () => {
    assert.equal(JSON.stringify({ kek: kek() }), '{"kek":"[hidden]"}');
    assert.equal(inspect(kek()), 'Kek {}');
  });
});
