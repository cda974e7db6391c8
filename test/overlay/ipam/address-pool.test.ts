import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AddressPool } from '../../../src/overlay/ipam/address-pool.js';
import { parseIp, parsePrefix } from '../../../src/overlay/index.js';
import { formatAddress } from '../../../src/overlay/prefix.js';

const SEED = 20261129;

function take(pool: AddressPool, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => {
    const address = pool.take();
    return address === undefined ? undefined : formatAddress(address);
  });
}

describe("a subnet's addresses", () => {
  test('are given out one after the other, without network and broadcast address', () => {
    const pool = new AddressPool(parsePrefix('10.0.9.0/29'));
    assert.equal(pool.capacity, 6);
    assert.deepEqual(take(pool, 7), [
      ...['10.0.9.1', '10.0.9.2', '10.0.9.3', '10.0.9.4', '10.0.9.5', '10.0.9.6'],
      undefined,
    ]);
    assert.equal(pool.used, 6);
  });

  test('are reused only after the search has come round', () => {
    const pool = new AddressPool(parsePrefix('10.0.9.0/29'));
    take(pool, 3);
    pool.release(parseIp('10.0.9.2'));
    assert.deepEqual(take(pool, 5), ['10.0.9.4', '10.0.9.5', '10.0.9.6', '10.0.9.2', undefined]);
  });

  test('given by hand are left out of the order, and may be outside the range', () => {
    const pool = new AddressPool(parsePrefix('10.0.12.0/24'), parsePrefix('10.0.12.128/25'));
    assert.equal(pool.claim(parseIp('10.0.12.1')), true);
    assert.equal(pool.claim(parseIp('10.0.12.129')), true);
    assert.equal(pool.claim(parseIp('10.0.12.129')), false);
    assert.equal(pool.claim(parseIp('10.0.12.255')), false);
    assert.deepEqual(take(pool, 2), ['10.0.12.128', '10.0.12.130']);
    assert.equal(pool.capacity, 127);
  });

  test('of a /31 and a /32 have neither network nor broadcast address (RFC 3021)', () => {
    assert.deepEqual(take(new AddressPool(parsePrefix('10.0.9.0/31')), 3), ['10.0.9.0', '10.0.9.1', undefined]);
    assert.deepEqual(take(new AddressPool(parsePrefix('10.0.9.9/32')), 2), ['10.0.9.9', undefined]);
  });

  test('must be in the subnet, and the range as well', () => {
    const pool = new AddressPool(parsePrefix('10.0.9.0/24'));
    assert.throws(() => pool.claim(parseIp('10.0.10.1')), { code: 'BAD_PREFIX' });
    assert.throws(() => new AddressPool(parsePrefix('10.0.9.0/24'), parsePrefix('10.0.8.0/25')), {
      message: 'ipam configuration: subnet 10.0.9.0/24 does not contain range 10.0.8.0/25',
    });
    assert.throws(() => new AddressPool(parsePrefix('fd00::/64')), { code: 'BAD_PREFIX' });
  });

  test('follow the order of a bitmap searched from the last address found, whatever is released and claimed', () => {
    const request = fc.oneof(
      { weight: 3, arbitrary: fc.constant(-1) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 31 }) },
      { weight: 1, arbitrary: fc.integer({ min: 32, max: 63 }) },
    );
    fc.assert(
      fc.property(fc.array(request, { maxLength: 80 }), fc.constantFrom(27, 28, 29), (requests, length) => {
        const pool = new AddressPool(parsePrefix('10.0.9.0/27'), parsePrefix(`10.0.9.0/${length}`));
        const end = 2 ** (32 - length);
        const used = new Set([0, 31]);
        let next = 0;
        for (const one of requests) {
          if (one >= 32) {
            const host = one - 32;
            assert.equal(pool.claim(Uint8Array.of(10, 0, 9, host)), !used.has(host));
            used.add(host);
          } else if (one >= 0) {
            pool.release(Uint8Array.of(10, 0, 9, one));
            if (one !== 0 && one !== 31) used.delete(one);
          } else {
            const inOrder = [...Array(end).keys()].map((i) => (i + next) % end);
            const expected = inOrder.find((host) => !used.has(host));
            const address = pool.take();
            assert.equal(address?.[3], expected);
            if (expected === undefined) continue;
            used.add(expected);
            next = (expected + 1) % end;
          }
        }
      }),
      { seed: SEED },
    );
  });
});
