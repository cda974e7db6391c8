import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SpiTable } from '../../src/inspect/spi-table.js';

describe('SpiTable', () => {
  test('first and last sequence number are in capture order, the highest is over all packets', () => {
    const table = new SpiTable(10);
    for (const sequence of [5, 9, 7]) table.add(0xc207fc1c, sequence, 0, 1, false, 100);
    assert.deepEqual(table.rows, [
      {
        spi: 0xc207fc1c,
        source: 0,
        destination: 1,
        inUdp: false,
        packets: 3,
        bytes: 300,
        firstSequence: 5,
        lastSequence: 7,
        highestSequence: 9,
      },
    ]);
  });

  test('sequence numbers are unsigned: the highest is 0xffffffff, not 1', () => {
    const table = new SpiTable(10);
    for (const sequence of [0xffffffff, 1]) table.add(1, sequence, 0, 1, false, 100);
    assert.deepEqual([table.rows[0].highestSequence, table.rows[0].lastSequence], [0xffffffff, 1]);
  });

  test('an SA is an SPI with its destination (RFC 4303 section 2.1): direction and encapsulation separate rows', () => {
    const table = new SpiTable(10);
    table.add(1, 1, 0, 1, false, 10);
    table.add(1, 1, 1, 0, false, 10);
    table.add(1, 1, 0, 2, false, 10);
    table.add(1, 1, 0, 1, true, 10);
    table.add(0x80000001, 1, 0, 1, false, 10);
    assert.equal(table.rows.length, 5);
    assert.equal(table.rows[4].spi, 0x80000001);
  });

  test('counts packets of unlisted SPIs', () => {
    const table = new SpiTable(1);
    for (const spi of [1, 2, 3, 1]) table.add(spi, 1, 0, 1, false, 10);
    assert.deepEqual([table.rows.length, table.rows[0].packets, table.unlisted], [1, 2, 2]);
  });
});
