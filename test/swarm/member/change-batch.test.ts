import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TableChange } from '../../../src/gossip/index.js';
import { ChangeBatch } from '../../../src/swarm/member/change-batch.js';

/** Applies changes as a watcher would, which must never see an impossible one. */
function apply(changes: readonly TableChange[], table: Map<string, number>): void {
  for (const { kind, key, value, previous } of changes) {
    const before = table.get(key);
    assert.equal(before, previous?.[0], `${kind} ${key}`);
    assert.equal(kind === 'created', before === undefined, `${kind} ${key}`);
    if (kind === 'deleted') table.delete(key);
    else table.set(key, value[0]);
  }
}

test('a watcher that takes changes now and then ends with the same table, one change per entry at a time', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.integer({ min: 0, max: 9 }),
    take: fc.nat(4),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const batch = new ChangeBatch();
      const actual = new Map<string, number>();
      const watched = new Map<string, number>();
      for (const { key, value, take } of steps) {
        const before = actual.get(key);
        const previous = before === undefined ? undefined : Uint8Array.of(before);
        // 0 deletes, if there is something.
        const kind = previous === undefined ? 'created' : value === 0 ? 'deleted' : 'updated';
        if (kind === 'deleted') actual.delete(key);
        else actual.set(key, value);
        const shown = kind === 'deleted' ? (before ?? 0) : value;
        batch.add({
          kind,
          networkId: 'n',
          tableName: 't',
          key,
          owner: 'o',
          value: Uint8Array.of(shown),
          previous,
        });
        assert.ok(batch.size <= 3);
        if (take > 2) apply(batch.take(take - 2), watched);
      }
      apply(batch.take(Infinity), watched);
      assert.deepEqual(watched, actual);
      assert.equal(batch.size, 0);
    }),
  );
});
