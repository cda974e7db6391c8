import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TunnelTable } from '../../src/inspect/tunnel-table.js';

describe('TunnelTable', () => {
  test('clear and encrypted packets of a direction share a row, with the VNIs of the clear ones', () => {
    const table = new TunnelTable(10);
    for (const vni of [4097, 4098, 4097, 4097, 0]) table.addFrame(0, 1, vni, 100);
    table.addEsp(0, 1, 174);
    assert.equal(table.rows.length, 1);
    const [{ frames, bytes, espPackets, espBytes, vnis }] = table.rows;
    assert.deepEqual([frames, bytes, espPackets, espBytes], [5, 500, 1, 174]);
    assert.deepEqual([...vnis], [4097, 4098, 0]);
  });

  test('the two directions are separate rows', () => {
    const table = new TunnelTable(10);
    table.addFrame(0, 1, 1, 100);
    table.addEsp(1, 0, 100);
    assert.deepEqual(
      table.rows.map(({ source, destination, frames, espPackets }) => [source, destination, frames, espPackets]),
      [
        [0, 1, 1, 0],
        [1, 0, 0, 1],
      ],
    );
  });

  test('counts packets of unlisted directions', () => {
    const table = new TunnelTable(1);
    table.addFrame(0, 1, 1, 100);
    table.addFrame(0, 2, 1, 100);
    table.addEsp(0, 3, 100);
    table.addEsp(0, 1, 100);
    assert.deepEqual([table.rows.length, table.rows[0].espPackets, table.unlisted], [1, 1, 2]);
  });
});
