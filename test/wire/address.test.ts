import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatIp, formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../src/wire/index.js';

describe('addresses', () => {
  test('IPv6 is written by RFC 5952 section 4', () => {
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

  test('what is written is read back', () => {
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

  test('what is no address is refused', () => {
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
