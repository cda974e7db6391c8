import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NeighbourTable } from '../../../src/overlay/index.js';
import { formatMac } from '../../../src/wire/index.js';

const SEED = 20261121;
const MAX_VNI = 0xffffff;

function macOf(number: number): Uint8Array {
  return Uint8Array.of(2, 0, number >>> 24, number >>> 16, number >>> 8, number);
}

function ipOf(number: number, bytes = 4): Uint8Array {
  const address = new Uint8Array(bytes);
  new DataView(address.buffer).setUint32(bytes - 4, number);
  return address;
}

/** The MAC of an address, or undefined. */
function find(table: NeighbourTable, vni: number, ip: Uint8Array): string | undefined {
  const around = Uint8Array.of(0xff, ...ip, 0xff);
  const at = table.find(vni, ip.length === 4 ? 4 : 6, around, 1);
  return at < 0 ? undefined : formatMac(table.macs, at);
}

describe('NeighbourTable', () => {
  test('agrees with a Map after any sets and deletes, however small it is', () => {
    const ip = fc.oneof(
      fc.nat(5).map((number) => ipOf(number)),
      fc.nat(5).map((number) => ipOf(number, 16)),
      // The same leading bytes as IPv4 addresses, and one that differs only in its first word.
      fc.nat(5).map((number) => Uint8Array.of(...ipOf(number), ...new Uint8Array(12))),
    );
    const step = fc.tuple(
      fc.constantFrom('set', 'set', 'find', 'delete'),
      fc.constantFrom(0, 7, MAX_VNI),
      ip,
      fc.nat(),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 80 }), (steps, limit) => {
        const table = new NeighbourTable(limit);
        const model = new Map<string, string>();
        for (const [what, vni, address, number] of steps) {
          const key = `${vni} ${address.join('.')}`;
          if (what === 'set') {
            const fits = model.has(key) || model.size < limit;
            assert.equal(table.set(vni, address, macOf(number)), fits);
            if (fits) model.set(key, formatMac(macOf(number)));
          } else if (what === 'delete') {
            assert.equal(table.delete(vni, address), model.delete(key));
          }
          assert.equal(find(table, vni, address), model.get(key));
          assert.equal(table.size, model.size);
        }
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  test('keeps every MAC as it grows', () => {
    const table = new NeighbourTable();
    for (let i = 0; i < 10_000; i++) assert.ok(table.set(i % 3, ipOf(i), macOf(i * 7)));
    for (let i = 0; i < 10_000; i++) assert.equal(find(table, i % 3, ipOf(i)), formatMac(macOf(i * 7)));
    assert.equal(find(table, 1, ipOf(0)), undefined);
  });

  test('distinguishes IPv6 addresses by each of their words, and VNIs by each bit', () => {
    const table = new NeighbourTable();
    const ip = Uint8Array.from({ length: 16 }, (_, i) => i);
    table.set(5, ip, macOf(1));
    for (let bit = 0; bit < 128; bit++) {
      const other = ip.slice();
      other[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(find(table, 5, other), undefined, `bit ${bit}`);
    }
    for (let bit = 0; bit < 24; bit++) assert.equal(find(table, 5 ^ (1 << bit), ip), undefined);
    assert.equal(find(table, 5, ip), formatMac(macOf(1)));
  });

  test('has an entry once: the later MAC replaces the earlier, even if it is full', () => {
    const table = new NeighbourTable(1);
    assert.ok(table.set(1, ipOf(1), macOf(1)));
    assert.ok(table.set(1, ipOf(1), macOf(2)));
    assert.equal(table.set(1, ipOf(2), macOf(3)), false);
    assert.deepEqual([table.size, find(table, 1, ipOf(1))], [1, formatMac(macOf(2))]);
  });
});
