import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatIp, formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../src/wire/index.js';

describe('address text', () => {
  test('RFC 5952 section 4: IPv6 formatting', () => {
    const CASES = {
      '2001:0db8:0:0:0:0:2:1': '2001:db8::2:1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
      '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '0:0:0:0:0:0:0:0': '::',
      '0:0:0:0:0:0:0:1': '::1',
      'FE80:0:0:0:0:0:0:0': 'fe80::',
      '::ffff:192.0.2.1': '::ffff:192.0.2.1',
    };
    for (const [text, canonical] of Object.entries(CASES)) assert.equal(formatIpv6(parseIpv6(text)), canonical);
  });

  test('parsing a formatted address gives the same bytes', () => {
    const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
    const sparse = bytes(16).map((address) => address.map((byte, i) => (address[(i >> 1) & 15] & 1 ? 0 : byte)));
    fc.assert(
      fc.property(bytes(6), bytes(4), sparse, (mac, v4, v6) => {
        assert.deepEqual(parseMac(formatMac(mac)), mac);
        assert.deepEqual(parseIpv4(formatIpv4(v4)), v4);
        assert.deepEqual(parseIpv6(formatIp(6, v6)), v6);
      }),
      { seed: 20261121, numRuns: 3000 },
    );
  });

  test('rejects text that is not an address', () => {
    for (const text of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', ' 1.2.3.4']) {
      assert.throws(() => parseIpv4(text), { code: 'BAD_ADDRESS' }, text);
    }
    for (const text of [
      '',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      '::g',
      '1:2:3:4:5:6:7:8::',
    ]) {
      assert.throws(() => parseIpv6(text), { code: 'BAD_ADDRESS' }, text);
    }
    for (const text of ['', '02:42:0a:00:09', '02:42:0a:00:09:0', '02-42:0a:00:09:03', '0242.0a00.0903']) {
      assert.throws(() => parseMac(text), { code: 'BAD_ADDRESS' }, text);
    }
  });
});

test('parseIpv6 accepts what node:net accepts, and nothing else: dotted decimal only at the end (RFC 4291 section 2.2)', () => {
  const ours = (text: string): boolean => {
    try {
      parseIpv6(text);
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'BAD_ADDRESS');
      return false;
    }
  };
  for (const text of ['1.2.3.4::', '1.2.3.4::1', 'a:1.2.3.4::', 'a:1.2.3.4::1', '::1.2.3.4', '1:2:3:4:5:6:1.2.3.4']) {
    assert.equal(ours(text), isIPv6(text), text);
  }
  const piece = fc.constantFrom(
    '::',
    ':',
    ':',
    '1.2.3.4',
    '255.0.0.1',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    'a',
    'FFFF',
    '0',
    '12345',
    'g',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
      const text = pieces.join('');
      assert.equal(ours(text), isIPv6(text), text);
    }),
    { seed: 20261129, numRuns: 20_000 },
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      assert.equal(ours(text), isIPv6(text), text);
    }),
    { seed: 20261129, numRuns: 3000 },
  );
});
