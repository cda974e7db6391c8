/** Lists that are longer than an element can be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_HEIGHT, ScrollPosition } from '../../../../../native-free/explorer/page/state/scroll-position.js';

const ROW = 24;
const WINDOW = 600;

function listOf(rows: number): ScrollPosition {
  const position = new ScrollPosition();
  position.resize(rows, ROW, WINDOW);
  return position;
}

describe('a list', () => {
  test('of a few rows is scrolled as it is', () => {
    const list = listOf(1000);
    assert.deepEqual([list.height, list.isScaled], [24_000, false]);
    list.scrolled(2410);
    assert.deepEqual([list.top, list.scrollTop, list.first, list.end], [2410, 2410, 100, 126]);
  });

  test('shorter than its window isn’t scrolled', () => {
    const list = listOf(3);
    list.moveTo(500);
    assert.deepEqual([list.top, list.first, list.end], [0, 0, 3]);
  });

  for (const rows of [1_000_000, 10_000_000, 0xffff_ffff]) {
    test(`of ${rows} rows shows its first and its last row at the ends of the scroll bar`, () => {
      const list = listOf(rows);
      assert.deepEqual([list.height, list.isScaled], [MAX_HEIGHT, true]);
      assert.deepEqual([list.first, list.end], [0, 25]);
      list.scrolled(MAX_HEIGHT - WINDOW);
      assert.deepEqual([list.first, list.end], [rows - 25, rows]);
    });

    test(`of ${rows} rows moves by single pixels and rows`, () => {
      const list = listOf(rows);
      list.scrolled(MAX_HEIGHT / 2);
      const { top, first } = list;
      list.moveTo(top + 100);
      // What the browser reports afterwards is rounded, and moves nothing.
      list.scrolled(Math.round(list.scrollTop));
      assert.equal(list.top, top + 100);
      list.reveal(first - 1);
      assert.equal(list.first, first - 1);
      list.reveal(first + 30);
      assert.equal(list.end, first + 31);
    });
  }

  test('keeps its first row when rows are added, and when their height changes', () => {
    const list = listOf(1000);
    list.moveTo(100 * ROW);
    assert.equal(list.resize(50_000_000, ROW, WINDOW), true);
    assert.equal(list.first, 100);
    assert.equal(list.resize(50_000_000, 46, WINDOW), true);
    assert.equal(list.first, 100);
    assert.equal(list.resize(50_000_000, 46, WINDOW), false);
  });

  test('stays within its rows when some are filtered out', () => {
    const list = listOf(1000);
    list.moveTo(900 * ROW);
    list.resize(50, ROW, WINDOW);
    assert.deepEqual([list.first, list.end], [25, 50]);
  });
});
