/** Possible keys are not repeated; everything else is, so that the user can find the mistake. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VtepError } from '../../src/error.js';
import { inQuotes, plain } from '../../src/text/plain-text.js';
import { withoutKeyParts, withoutKeys, withoutKeysInWords } from '../../src/text/secret-text.js';

const SEED = 20261121;
const KEY = '4c6f72656d20697073756d20646f6c6f';
const PAIRS = (KEY.match(/../g) ?? []).join(':');

function groups(hex: string, size: number, separator: string): string {
  return (hex.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).join(separator);
}

/** Bytes as C and as Python escape them: Python keeps printable ones. */
function escapes(key: Uint8Array): { readonly c: string; readonly python: string } {
  const c = Array.from(key, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  const names = new Map([
    [9, '\\t'],
    [10, '\\n'],
    [13, '\\r'],
    [0x5c, '\\\\'],
  ]);
  const python = Array.from(
    key,
    (byte, i) => names.get(byte) ?? (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : c[i]),
  );
  return { c: c.join(''), python: python.join('') };
}

/** Every notation of a key that tools print and users paste. */
function notations(key: Uint8Array): string[] {
  const bytes = Buffer.from(key);
  const hex = bytes.toString('hex');
  return [
    hex,
    hex.toUpperCase(),
    `0x${hex}`,
    ...['-', ' ', '_', '.', ', ', '\t', '\n', '\u200b'].map((separator) => groups(hex, 2, separator)),
    groups(hex, 2, ':'),
    groups(hex, 2, ', 0x'),
    ...['-', ' ', '.', ', '].map((separator) => groups(hex, 4, separator)),
    ...['-', ' ', ':', '_'].map((separator) => groups(hex, 8, separator)),
    groups(hex, 16, ' '),
    escapes(key).c,
    escapes(key).c.replaceAll('\\', '\\\\'),
    bytes.toString('base64'),
    bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  ];
}

describe('withoutKeys', () => {
  test('hides only what may be a key', () => {
    assert.equal(
      withoutKeys(`nodes.${KEY}.vtep: no "0x${PAIRS}"`),
      'nodes.[hidden].vtep: no "0x[hidden]"'.replace('0x', ''),
    );
    assert.equal(withoutKeys(`/srv/${KEY}/wire.pcap: no such file`), '/srv/[hidden]/wire.pcap: no such file');
    const base64 = Buffer.from(KEY, 'hex').toString('base64');
    assert.equal(
      withoutKeys(`there is no node ${base64}; there are n1, n2`),
      'there is no node [hidden]; there are n1, n2',
    );
    assert.equal(withoutKeys(`/srv/${base64.slice(0, 22)}/a.pcap`), '/srv/[hidden]/a.pcap');
  });

  test('hides keys of any usual length in any usual notation, anywhere', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(16, 20, 24, 28, 32, 36)
          .chain((length) => fc.noBias(fc.uint8Array({ minLength: length, maxLength: length }))),
        fc.constantFrom('', 'there is no node ', '"', 'key=', '/srv/', 'node-', '(', '\u001b['),
        fc.constantFrom('', '; there are n1', '"', ')', '/a.pcap', ' of n1'),
        (key, before, after) => {
          // A hexadecimal key of at most 48 digits without letters occurs once in 2^21 rings.
          fc.pre(/[a-f]/.test(Buffer.from(key).toString('hex').slice(0, 16)));
          for (const text of notations(key)) {
            // Unpadded base64 is detected by its looks, and not always: see below.
            if (/[g-z]/i.test(text.replaceAll('0x', '')) && !text.endsWith('=')) continue;
            const hidden = withoutKeys(`${before}${text}${after}`);
            if (before !== '/srv/' && before !== 'node-') assert.ok(hidden.startsWith(before), hidden);
            assert.ok(hidden.includes('[hidden]'), text);
            assert.ok(!hidden.includes(text.slice(0, 11)) && !hidden.includes(text.slice(-11)), `${text}: ${hidden}`);
          }
        },
      ),
      { numRuns: 500, seed: SEED },
    );
  });

  test('hides all but a few keys in unpadded base64', () => {
    for (const length of [16, 20, 24, 32, 36]) {
      const keys = fc.noBias(fc.uint8Array({ minLength: length, maxLength: length }));
      const all = fc.sample(keys, { numRuns: 2000, seed: SEED });
      const shown = all.filter((key) => {
        const text = Buffer.from(key).toString('base64url');
        return withoutKeys(`no node ${text}`).includes(text);
      });
      assert.ok(shown.length < all.length * 0.06, `${shown.length} of ${all.length}`);
    }
  });

  test('hides all but one of a hundred separate keys of 16 bytes in base64', () => {
    const keys = fc.noBias(fc.uint8Array({ minLength: 16, maxLength: 16 }));
    const all = fc.sample(keys, { numRuns: 5000, seed: SEED });
    for (const form of ['base64', 'base64url'] as const) {
      const shown = all.filter((key) => {
        const text = Buffer.from(key).toString(form).replace(/=+$/, '');
        return withoutKeys(`no node ${text}`).includes(text);
      });
      assert.ok(shown.length < all.length * 0.01, `${form}: ${shown.length} of ${all.length}`);
    }
  });

  test('hides bytes as Python escapes them, and keys in the form of a UUID that is not genuine', () => {
    assert.equal(withoutKeys(`key b'~\\xf8A\\x9c \\x00\\xd1\\x8e\\xff_\\x03k!' of n1`), "key b'[hidden]' of n1");
    const keys = fc.noBias(fc.uint8Array({ minLength: 16, maxLength: 16 }));
    const all = fc.sample(keys, { numRuns: 2000, seed: SEED });
    const shown = { python: 0, uuid: 0 };
    for (const key of all) {
      const { python } = escapes(key);
      if (!withoutKeys(`b"${python}"`).includes('[hidden]')) shown.python++;
      const uuid = Buffer.from(key)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
      if (withoutKeys(`key ${uuid} of n1`) !== 'key [hidden] of n1') shown.uuid++;
    }
    // An eighth of random versions and variants are genuine.
    assert.ok(shown.python < all.length * 0.1 && shown.uuid < all.length * 0.16, JSON.stringify(shown));
  });

  test('hides digits of another script, and digits with invisible characters between them', () => {
    const wide = Array.from(KEY, (digit) => String.fromCodePoint((digit.codePointAt(0) ?? 0) + 0xfee0)).join('');
    const spaced = Array.from(KEY).join('\u2060');
    for (const text of [wide, spaced]) assert.equal(withoutKeys(`no node ${text}`), 'no node [hidden]');
    assert.equal(withoutKeys('kein Knoten „größer“'), 'kein Knoten „größer“');
  });

  test('shows addresses, SPIs, times, numbers, fingerprints, identifiers, names and paths', () => {
    for (const text of [
      'SPI 0x00001000',
      'old SPIs 3d1f9a01 b2c4e702 in use',
      '0x3d1f9a01, 0xb2c4e702',
      'the tags 4 and 4294967300',
      '16777215',
      '18446744073709551615 sequence numbers',
      '1.2345678901234567e-7',
      '02:42:0a:00:09:03',
      '02:42:0a:00:09:03 > 02:42:0a:00:09:04',
      '02:42:0a:00:09:03, 02:42:0a:00:09:04, 02:42:0a:00:09:05',
      '02-42-0a-ff-fe-00-09-03',
      'fd50::1',
      '2001:0db8:0000:0000:0000:ff00:0042:8329',
      '0000:0000:0000:0000:0000:ffff:255.255.255.255',
      '10.10.10.10 10.10.10.12 10.10.10.13',
      '2026-11-21 01:45:41',
      '2026-11-21T01:45:39.678476000Z',
      'wire_00001_20261121170000.pcap',
      'fingerprint 0123456789ab',
      '550e8400-e29b-41d4-a716-446655440000',
      'web.1.r0ymuq8wfw590z4dmo6y22cvy',
      'PyObject_GetAttrString isJSDocPropertyLikeTag',
      'dev-disk-by\\x2duuid-550e8400\\x2de29b\\x2d41d4\\x2da716\\x2d446655440000.device',
      '018f4c3a-7b1e-7cc2-9a4d-0a1b2c3d4e5f',
      'XfrmInStateProtoErrorOfTheKernel',
      '/home/Somebody/Captures/2026-11-21_Host1/wire-Node2.pcapng',
      '/tmp/vtep-Xy12Ab/outFile1.pcap',
      '1,234,567  89,012  1,234  12  34  56  78  90  12  34  56  78',
      '  0x3d1f9a01  0xb2c4e702  0x11223344  0x55667788',
      '0123456789ab  cdef01234567  89abcdef0123',
    ]) {
      assert.equal(withoutKeys(text), text);
    }
  });

  test('takes linear time', () => {
    for (const piece of [
      'a',
      'A0',
      '4c:',
      '4c6f7265 ',
      '/x',
      '=',
      '\u200b',
      'TG9yZW0gaXBzdW0gZG9sbw/',
      '\\x7e',
      '4c6f7265-6d20-',
    ]) {
      const began = performance.now();
      withoutKeys(piece.repeat(Math.ceil(200_000 / piece.length)));
      assert.ok(performance.now() - began < 10_000, piece);
    }
  });
});

describe('withoutKeysInWords', () => {
  const eights = groups(KEY, 8, '  ');
  const quads = groups(KEY, 4, ':');

  test('hides full addresses and columns, which withoutKeys shows', () => {
    for (const text of [quads, eights, groups(KEY, 2, '   ')]) {
      assert.equal(withoutKeysInWords(`no node ${text}; there are n1`), 'no node [hidden]; there are n1');
      assert.equal(withoutKeys(text), text);
    }
    const error = new VtepError('X', `no node ${quads}`);
    assert.equal(error.message, 'no node [hidden]');
    assert.equal(inQuotes(`x ${quads}`), '"x [hidden]"');
    assert.equal(plain(`${quads} > fd50::1`), `${quads} > fd50::1`);
  });

  test('shows addresses as printed, SPIs and UUIDs', () => {
    for (const text of [
      'fd50::1',
      '2001:db8:85a3:8d3:1319:8a2e:370:7348',
      '02:42:0a:00:09:03',
      '0x3d1f9a01, 0xb2c4e702',
      '550e8400-e29b-41d4-a716-446655440000',
    ]) {
      assert.equal(withoutKeysInWords(text), text);
    }
  });
});

describe('withoutKeyParts', () => {
  test('hides a quarter of a key, too', () => {
    for (const text of [KEY, KEY.toUpperCase(), KEY.slice(0, 8), PAIRS])
      assert.equal(withoutKeyParts(text), '[hidden]');
    assert.equal(withoutKeyParts(`x ${KEY}`), 'x [hidden]');
  });

  test('shows misspelt addresses and words', () => {
    for (const text of ['', '10.0.0', '10.0.0.1000', 'fd50::12345', '02:42:0a:00:09:03:05', 'node1', 'cbc(aes)']) {
      assert.equal(withoutKeyParts(text), text);
    }
  });
});
