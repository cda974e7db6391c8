import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SubnetOrder, SubnetPools } from '../../../src/overlay/ipam/subnet-pools.js';
import { OverlayError, parsePrefix, prefixesOverlap, type Prefix } from '../../../src/overlay/index.js';
import { formatPrefix } from '../../../src/overlay/prefix.js';

const SEED = 20261129;

function taken(pools: SubnetPools): string {
  return formatPrefix(pools.take());
}

describe('subnets from the address pools', () => {
  test('are /24 of 10.0.0.0/8, the lowest first', () => {
    const pools = new SubnetPools();
    assert.deepEqual([taken(pools), taken(pools), taken(pools)], ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']);
    assert.equal(pools.capacity, 65_536);
  });

  test('skip those that overlap a subnet given by hand, larger or smaller', () => {
    const pools = new SubnetPools();
    pools.claim(parsePrefix('10.0.0.128/25'));
    pools.claim(parsePrefix('10.0.1.0/24'));
    pools.claim(parsePrefix('10.0.2.0/23'));
    pools.claim(parsePrefix('192.168.0.0/24'));
    assert.equal(taken(pools), '10.0.4.0/24');
  });

  test('are the lowest free one again after a release since Docker 27, and the next one before that', () => {
    for (const [order, next] of [
      [SubnetOrder.Lowest, '10.0.0.0/24'],
      [SubnetOrder.Next, '10.0.2.0/24'],
    ] as const) {
      const pools = new SubnetPools({ order });
      const first = pools.take();
      pools.take();
      pools.release(first);
      assert.equal(taken(pools), next, order);
    }
  });

  test('come from the start again when the last one has been given out (Docker 26 and earlier)', () => {
    const pools = new SubnetPools({ pools: [parsePrefix('10.1.0.0/22')], order: SubnetOrder.Next });
    const all = [0, 1, 2, 3].map(() => pools.take());
    pools.release(all[1]);
    assert.equal(taken(pools), '10.1.1.0/24');
  });

  test('follow the recorded order of Docker 20.10 beside networks given by hand', () => {
    const pools = new SubnetPools({ order: SubnetOrder.Next });
    assert.equal(taken(pools), '10.0.0.0/24');
    for (const subnet of ['10.0.9.0/24', '10.0.11.0/24']) pools.claim(parsePrefix(subnet));
    assert.deepEqual([taken(pools), taken(pools)], ['10.0.1.0/24', '10.0.2.0/24']);
  });

  test('come from the next pool when one is full, and exhaustion is reported with the arithmetic', () => {
    const pools = new SubnetPools({ pools: [parsePrefix('10.1.0.0/28'), parsePrefix('10.2.0.0/29')], length: 29 });
    assert.deepEqual([taken(pools), taken(pools), taken(pools)], ['10.1.0.0/29', '10.1.0.8/29', '10.2.0.0/29']);
    assert.throws(
      () => pools.take(),
      (error) =>
        error instanceof OverlayError &&
        error.code === 'NO_SUBNET' &&
        error.message ===
          'no subnet is left: 10.1.0.0/28, 10.2.0.0/29 holds 3 of /29, and all overlap one of the 3 in use',
    );
  });

  test("refuse an overlap in Docker's words, except for one with an ip-range", () => {
    const pools = new SubnetPools();
    pools.claim(parsePrefix('10.0.0.0/16'));
    assert.throws(() => pools.claim(parsePrefix('10.0.9.0/24')), {
      code: 'REFUSED',
      message: 'invalid pool request: Pool overlaps with other one on this address space',
    });
    pools.claim(parsePrefix('10.0.9.0/24'), true);
    assert.equal(taken(pools), '10.1.0.0/24');
  });

  for (const [what, options, says] of [
    ['a length above 29', { length: 30 }, /subnets of \/30 can't be cut from 10\.0\.0\.0\/8; possible are \/8 to \/29/],
    ['a length below the pool', { length: 7 }, /subnets of \/7 can't be cut/],
    ['an IPv6 pool', { pools: [parsePrefix('fd00::/8')] }, /fd00::\/8 is not IPv4/],
    [
      'pools that overlap',
      { pools: [parsePrefix('10.0.0.0/8'), parsePrefix('10.1.0.0/16')] },
      /10\.0\.0\.0\/8 and 10\.1\.0\.0\/16 overlap/,
    ],
  ] as const) {
    test(`refuse ${what}`, () => {
      assert.throws(() => new SubnetPools(options), says);
    });
  }

  test('never overlap, whatever is claimed, taken and released', () => {
    const request = fc.oneof(
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('claim' as const), base: fc.nat(1023), length: fc.integer({ min: 22, max: 32 }) }),
      fc.record({ kind: fc.constant('release' as const), index: fc.nat() }),
    );
    const pool = parsePrefix('10.7.0.0/22');
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 40 }),
        fc.constantFrom(...Object.values(SubnetOrder)),
        (requests, order) => {
          const pools = new SubnetPools({ pools: [pool], length: 26, order });
          const held: Prefix[] = [];
          for (const one of requests) {
            if (one.kind === 'release') {
              if (held.length > 0) pools.release(held.splice(one.index % held.length, 1)[0]);
              continue;
            }
            try {
              let subnet: Prefix;
              if (one.kind === 'take') subnet = pools.take();
              else {
                const host = one.base & ~(2 ** (32 - one.length) - 1);
                subnet = { address: Uint8Array.of(10, 7, host >> 8, host & 255), length: one.length };
                pools.claim(subnet);
              }
              assert.ok(!held.some((other) => prefixesOverlap(other, subnet)), formatPrefix(subnet));
              held.push(subnet);
            } catch (error) {
              assert.ok(error instanceof OverlayError);
              // Refused only if there is no other way.
              if (error.code === 'NO_SUBNET') {
                for (let block = 0; block < 16; block++) {
                  const free = { address: Uint8Array.of(10, 7, block >> 2, (block & 3) << 6), length: 26 };
                  assert.ok(
                    held.some((other) => prefixesOverlap(other, free)),
                    `${formatPrefix(free)} is free`,
                  );
                }
              } else {
                assert.equal(error.code, 'REFUSED');
              }
            }
          }
        },
      ),
      { seed: SEED },
    );
  });
});
