import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checksum, onesSum, pseudoHeaderSum, updateChecksum } from '../../src/wire/index.js';
import { bytesOf } from './golden.js';

/** RFC 1071 section 4.1, word by word. */
function reference(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

describe('the Internet checksum', () => {
  test('RFC 1071 section 3: the example', () => {
    assert.equal(onesSum(bytesOf('0001 f203 f4f5 f6f7'), 0, 8), 0xddf2);
  });

  test('any bytes at any offset sum to the word-by-word reference', () => {
    const bytes = fc.uint8Array({ maxLength: 600 });
    fc.assert(
      fc.property(bytes, fc.nat(9), (data, offset) => {
        const held = new Uint8Array(offset + data.length + 5).fill(0xa5);
        held.set(data, offset);
        assert.equal(onesSum(held, offset, offset + data.length), reference(data));
      }),
      { seed: 20261121, numRuns: 5000 },
    );
  });

  test('more than 64 KiB of ones do not overflow', () => {
    const bytes = new Uint8Array(200_001).fill(0xff);
    assert.equal(onesSum(bytes, 0, bytes.length), reference(bytes));
  });

  test('a sum continues from another over an even number of bytes', () => {
    const bytes = Uint8Array.from({ length: 301 }, (_, i) => i & 0xff);
    assert.equal(onesSum(bytes, 100, 301, onesSum(bytes, 0, 100)), onesSum(bytes, 0, 301));
  });

  test('the checksum over bytes that include their checksum is 0', () => {
    const header = bytesOf('45000086ce61000040110000c0a83201c0a83202');
    const sum = checksum(header, 0, 20);
    assert.equal(sum, 0xc6b1);
    header[10] = sum >>> 8;
    header[11] = sum & 0xff;
    assert.equal(checksum(header, 0, 20), 0);
  });

  test('RFC 8200 section 8.1: the pseudo-header covers addresses, protocol and length', () => {
    const v4 = bytesOf('c0a83201 c0a83202');
    assert.equal(pseudoHeaderSum(4, v4, 0, 17, 114), reference(bytesOf('c0a83201 c0a83202 00 11 0072')));
    const v6 = bytesOf('fd500000000000000000000000000001 fd500000000000000000000000000002');
    assert.equal(
      pseudoHeaderSum(6, v6, 0, 17, 70_000),
      reference(Uint8Array.from([...v6, ...bytesOf('00011170 00000011')])),
    );
  });
});

describe('incremental checksum update (RFC 1624)', () => {
  test('RFC 1624 section 4: the example gives 0x0000, not 0xffff', () => {
    assert.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
  });

  test('equals a full recomputation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), fc.nat(9), fc.nat(0xffff), (data, word, value) => {
        data[18] |= 1; // not all zero, where the two zeros of one's complement would differ
        const before = checksum(data, 0, data.length);
        const old = (data[2 * word] << 8) | data[2 * word + 1];
        data[2 * word] = value >>> 8;
        data[2 * word + 1] = value & 0xff;
        const after = checksum(data, 0, data.length);
        if (word !== 9) assert.equal(updateChecksum(before, old, value), after);
      }),
      { seed: 20261121, numRuns: 3000 },
    );
  });
});
