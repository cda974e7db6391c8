/** The connection table: a model, its bound, expiry and eviction. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../../../src/replay/random.js';
import { Column, ConnectionFlag, ROW_WORDS } from '../../../../src/service/balance/table/connection-row.js';
import { ConnectionTable } from '../../../../src/service/index.js';

const TCP = 6;
const MINUTE = 60_000;

/** A table, and the rows that left it. */
function tableOf(limit: number): { table: ConnectionTable; gone: number[] } {
  const gone: number[] = [];
  const table = new ConnectionTable(limit, (row) => gone.push(row), 1);
  return { table, gone };
}

/** Opens a connection of a client's port; -1 if the table is full. */
function open(table: ConnectionTable, port: number, now: number, timeout: number, flags = 0): number {
  const row = table.take();
  if (row < 0) return row;
  table.rows.set([1, 2, (port << 16) | 80, 3, 4, (80 << 16) | port, (TCP << 24) | flags], row * ROW_WORDS);
  table.rows[row * ROW_WORDS + Column.MacLow] = 0;
  table.link(row, now, timeout);
  return row;
}

const find = (table: ConnectionTable, port: number): number => table.find(1, 2, (port << 16) | 80, TCP);
const findBack = (table: ConnectionTable, port: number): number => table.find(3, 4, (80 << 16) | port, TCP);

describe('a connection table', () => {
  test('finds a connection by the packets of both directions, and by nothing else', () => {
    const { table } = tableOf(4);
    const row = open(table, 5000, 0, MINUTE);
    assert.equal(find(table, 5000), row * 2);
    assert.equal(findBack(table, 5000), row * 2 + 1);
    assert.equal(find(table, 5001), -1);
    assert.equal(table.find(1, 2, (5000 << 16) | 80, 17), -1);
    assert.equal(table.find(4, 3, (5000 << 16) | 80, TCP), -1);
  });

  test('equals a Map through 20,000 random additions and removals', () => {
    const { table } = tableOf(500);
    const random = new SeededRandom(7);
    const model = new Map<number, number>();
    for (let i = 0; i < 20_000; i++) {
      const port = random.below(1000);
      const row = model.get(port);
      assert.equal(find(table, port), row === undefined ? -1 : row * 2);
      assert.equal(findBack(table, port), row === undefined ? -1 : row * 2 + 1);
      if (row !== undefined) {
        table.remove(row);
        model.delete(port);
      } else if (model.size < 500) {
        model.set(port, open(table, port, 0, MINUTE));
      }
      assert.equal(table.size, model.size);
    }
  });

  test('a full table evicts the oldest half-open connection, never an established one', () => {
    const { table, gone } = tableOf(3);
    const established = open(table, 1, 0, MINUTE);
    const first = open(table, 2, 0, MINUTE, ConnectionFlag.HalfOpen);
    const second = open(table, 3, 0, MINUTE, ConnectionFlag.HalfOpen);
    assert.ok(open(table, 4, 0, MINUTE, ConnectionFlag.HalfOpen) >= 0);
    assert.deepEqual(gone, [first]);
    table.settle(second);
    open(table, 5, 0, MINUTE);
    assert.deepEqual([table.evicted, table.halfOpen, table.size], [2, 0, 3]);
    assert.equal(open(table, 6, 0, MINUTE), -1);
    assert.equal(find(table, 1), established * 2);
  });

  test('expiry does bounded work per packet, and gets through a million seconds of silence', () => {
    const { table } = tableOf(1000);
    for (let port = 1; port <= 1000; port++) open(table, port, 0, MINUTE);
    table.expire(0);
    const later = 1_000_000_000;
    let calls = 0;
    for (; table.size > 0; calls++) {
      const before = table.size;
      table.expire(later);
      assert.ok(before - table.size <= 4);
      assert.ok(calls < 500);
    }
    assert.equal(table.expired, 1000);
  });

  test('a connection that is used again in time stays; one whose timeout was shortened goes early', () => {
    const { table } = tableOf(4);
    const busy = open(table, 1, 0, MINUTE);
    const closing = open(table, 2, 0, 15 * MINUTE);
    table.expire(0);
    for (let now = 0; now <= 5 * MINUTE; now += 500) {
      table.rows[busy * ROW_WORDS + Column.Deadline] = now + MINUTE;
      if (now === MINUTE) table.restart(closing, now, 10_000);
      table.expire(now);
      assert.equal(find(table, 2) >= 0, now < MINUTE + 11_000);
    }
    assert.ok(find(table, 1) >= 0);
  });

  test('the clock may pass 2^32 milliseconds', () => {
    const { table } = tableOf(4);
    const start = 2 ** 32 - 30_000;
    table.expire(start | 0);
    const row = open(table, 1, start | 0, MINUTE);
    assert.equal(table.isExpired(row, (start + 59_000) | 0), false);
    assert.equal(table.isExpired(row, (start + 61_000) | 0), true);
    for (let now = start; now < start + 40 * MINUTE; now += 500) table.expire(now | 0);
    assert.equal(table.size, 0);
  });

  test('takes 85 bytes per connection at most', () => {
    assert.ok(tableOf(1_000_000).table.bytes <= 85_000_000);
  });

  for (const limit of [0, -1, 1.5, Number.NaN, 2 ** 25]) {
    test(`${limit} connections are refused`, () => {
      assert.throws(() => tableOf(limit), { code: 'BAD_BALANCER' });
    });
  }
});
