/** Consistent hashing: even shares, and few moves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flowHash, Maglev } from '../../../../src/service/balance/services/maglev.js';

const FLOWS = 20_000;

/** The backend of each flow, among backends with these ids; an id's address is 10.0.0.id. */
function picks(ids: readonly number[]): number[] {
  const ring = new Maglev();
  ring.fill(
    ids,
    Int32Array.from({ length: 300 }, (_, id) => 0x0a000000 + id),
  );
  return Array.from({ length: FLOWS }, (_, flow) => ring.pick(flowHash(0x0a000900 + (flow >> 8), flow << 16, 6)));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('a Maglev ring', () => {
  for (const count of [1, 2, 3, 10, 100]) {
    test(`${count} backends get even shares`, () => {
      const shares = new Map<number, number>();
      for (const id of picks(range(count))) shares.set(id, (shares.get(id) ?? 0) + 1);
      assert.equal(shares.size, count);
      const mean = FLOWS / count;
      for (const share of shares.values()) assert.ok(Math.abs(share - mean) < 0.05 * mean + 5 * Math.sqrt(mean));
    });
  }

  test("doesn't depend on the order of the backends", () => {
    assert.deepEqual(picks([5, 1, 3, 2, 4]), picks(range(5)));
  });

  test('removing one of 10 moves its flows and at most 3 % of the others', () => {
    const before = picks(range(10));
    const after = picks(range(10).filter((id) => id !== 4));
    const others = before.filter((id) => id !== 4).length;
    const moved = before.filter((id, flow) => id !== 4 && id !== after[flow]).length;
    assert.ok(moved <= 0.03 * others, `${moved} of ${others}`);
    assert.ok(!after.includes(4));
  });

  test('has nobody to pick without backends', () => {
    assert.ok(picks([]).every((id) => id === -1));
  });
});
