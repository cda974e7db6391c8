import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp, parsePrefix, type Prefix, prefixContains, prefixesOverlap } from '../../src/overlay/index.js';
import { formatIp } from '../../src/wire/index.js';

const SEED = 20261121;

function numberOf(address: Uint8Array): bigint {
  return address.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function textOf({ address, length }: Prefix): string {
  return `${formatIp(address.length === 4 ? 4 : 6, address)}/${length}`;
}

/** First and last address, as numbers. */
function spanOf({ address, length }: Prefix): [bigint, bigint] {
  const first = numberOf(address);
  return [first, first + (1n << BigInt(address.length * 8 - length)) - 1n];
}

const prefix = fc.constantFrom(4, 16).chain((bytes) =>
  fc
    .tuple(
      // Few values, so that prefixes contain each other often enough.
      fc.array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: bytes, maxLength: bytes }),
      fc.oneof(fc.integer({ min: 0, max: bytes * 8 }), fc.constantFrom(0, 1, 7, 8, 9, 24, bytes * 8)),
    )
    .map(([values, length]): Prefix => ({
      address: Uint8Array.from(values, (byte, i) => {
        const bits = Math.min(8, Math.max(0, length - 8 * i));
        return bits === 0 ? 0 : byte & (0x100 - (1 << (8 - bits)));
      }),
      length,
    })),
);

const address = fc
  .constantFrom(4, 16)
  .chain((bytes) => fc.array(fc.constantFrom(0, 1, 0x80, 0x81, 0xff), { minLength: bytes, maxLength: bytes }))
  .map((values) => Uint8Array.from(values));

describe('a subnet', () => {
  test('is parsed from text, IPv4 or IPv6', () => {
    assert.deepEqual(parsePrefix('10.0.9.0/24'), { address: Uint8Array.of(10, 0, 9, 0), length: 24 });
    assert.deepEqual(parsePrefix('0.0.0.0/0'), { address: new Uint8Array(4), length: 0 });
    assert.deepEqual(parsePrefix('255.255.255.255/32'), { address: new Uint8Array(4).fill(255), length: 32 });
    assert.deepEqual(parsePrefix('::/0'), { address: new Uint8Array(16), length: 0 });
    const { address: bytes, length } = parsePrefix('fd00:9::/64');
    assert.deepEqual([formatIp(6, bytes), length], ['fd00:9::', 64]);
  });

  test('is the same for all notations of an address', () => {
    fc.assert(
      fc.property(prefix, (subnet) => assert.deepEqual(parsePrefix(textOf(subnet)), subnet)),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('with host bits set is distinguished from text that is not a subnet', () => {
    for (const text of ['10.0.9.1/24', '10.0.9.128/24', '128.0.0.0/0', 'fd00::1/64', '::1/127']) {
      assert.throws(() => parsePrefix(text), { code: 'BAD_PREFIX', message: /is an address in a subnet/ });
    }
    const none = ['', '/', '10.0.9.0', '10.0.9.0/', '10.0.9.0/33', '10.0.9.0/-1', '10.0.9.0/2 4', '10.0.9.0/24/24'];
    for (const text of [
      ...none,
      '10.0.9/24',
      '10.0.9.0/1e1',
      '::/129',
      '::/1000',
      ':/0',
      'x/8',
      '/24',
      '10.0.9.0/0x8',
    ]) {
      assert.throws(() => parsePrefix(text), { code: 'BAD_PREFIX', message: /^not a subnet: "/ }, text);
    }
  });

  test('of any text is parsed, or BAD_PREFIX', () => {
    const noise = fc
      .array(fc.constantFrom(...Array.from('0123456789./:af%- ')), { maxLength: 24 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), noise), (text) => {
        try {
          parsePrefix(text);
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'BAD_PREFIX');
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('contains the addresses from its first to its last, and none of the other IP version', () => {
    let inside = 0;
    fc.assert(
      fc.property(prefix, address, (subnet, candidate) => {
        const [first, last] = spanOf(subnet);
        const number = numberOf(candidate);
        const wanted = candidate.length === subnet.address.length && number >= first && number <= last;
        if (wanted) inside++;
        assert.equal(prefixContains(subnet, candidate), wanted);
      }),
      { seed: SEED, numRuns: 5000 },
    );
    assert.ok(inside > 100);
  });

  test('overlaps another one if they share an address, in either order', () => {
    let overlapping = 0;
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        const [firstA, lastA] = spanOf(a);
        const [firstB, lastB] = spanOf(b);
        const wanted = a.address.length === b.address.length && firstA <= lastB && firstB <= lastA;
        if (wanted) overlapping++;
        assert.equal(prefixesOverlap(a, b), wanted);
        assert.equal(prefixesOverlap(b, a), wanted);
      }),
      { seed: SEED, numRuns: 5000 },
    );
    assert.ok(overlapping > 100);
  });
});

describe('an address', () => {
  test('is IPv6 if it has a colon, otherwise IPv4', () => {
    assert.equal(parseIp('192.168.50.1').length, 4);
    assert.equal(parseIp('::ffff:192.168.50.1').length, 16);
    for (const text of ['', '1', 'host', '1.2.3', ':', 'fe80::1%eth0']) {
      assert.throws(() => parseIp(text), { code: 'BAD_ADDRESS' });
    }
  });
});
