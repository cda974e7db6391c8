import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_BYTES, PAGES_PER_DATAGRAM, PagePool } from '../../src/fragment/page-pool.js';

describe('PagePool', () => {
  test('the longest IP payload fits into the pages of a datagram, and no page is unneeded', () => {
    assert.ok(PAGES_PER_DATAGRAM * PAGE_BYTES >= 65_535);
    assert.ok((PAGES_PER_DATAGRAM - 1) * PAGE_BYTES < 65_535);
  });

  test('provides as many pages as fit in its byte limit, all distinct', () => {
    const pool = new PagePool(40 * PAGE_BYTES + PAGE_BYTES - 1);
    assert.equal(pool.available, 40);
    const pages = Array.from({ length: 40 }, () => pool.take());
    assert.equal(new Set(pages).size, 40);
    assert.equal(new Set(pages.map((page) => pool.bytesOf(page))).size, 40);
    assert.ok(pages.every((page) => pool.bytesOf(page).length === PAGE_BYTES));
    assert.deepEqual([pool.available, pool.bytesTaken], [0, 40 * PAGE_BYTES]);
  });

  test('reuses released pages, without further memory', () => {
    const pool = new PagePool(100 * PAGE_BYTES);
    const first = Array.from({ length: 10 }, () => pool.take());
    const bytes = first.map((page) => pool.bytesOf(page));
    for (const page of first) pool.release(page);
    assert.deepEqual([pool.available, pool.bytesTaken], [100, 0]);
    const second = Array.from({ length: 10 }, () => pool.take());
    assert.deepEqual(new Set(second), new Set(first));
    assert.deepEqual(new Set(second.map((page) => pool.bytesOf(page))), new Set(bytes));
  });

  test('always has room for one datagram', () => {
    for (const maxBytes of [0, 1, PAGE_BYTES, 65_535])
      assert.equal(new PagePool(maxBytes).available, PAGES_PER_DATAGRAM);
  });
});
