import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NetworkTable } from '../../src/inspect/network-table.js';

describe('NetworkTable', () => {
  test('counts frames and bytes by VNI, including 0 and the largest (RFC 7348 section 5: 24 bits)', () => {
    const table = new NetworkTable(10);
    table.add(0, 60, false, false);
    table.add(0xffffff, 1500, true, true);
    table.add(0, 70, true, false);
    assert.deepEqual(table.rows, [
      { vni: 0, frames: 2, bytes: 130, truncated: 1, encrypted: 0 },
      { vni: 0xffffff, frames: 1, bytes: 1500, truncated: 1, encrypted: 1 },
    ]);
  });

  test('counts frames of unlisted networks', () => {
    const table = new NetworkTable(2);
    for (const vni of [1, 2, 3, 4, 1, 3]) table.add(vni, 60, false, false);
    assert.deepEqual(
      [table.rows.map(({ vni, frames }) => [vni, frames]), table.unlisted],
      [
        [
          [1, 2],
          [2, 1],
        ],
        3,
      ],
    );
  });
});
