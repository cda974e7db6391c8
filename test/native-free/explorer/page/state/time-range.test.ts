import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { moved, wholeRange, zoomed } from '../../../../../native-free/explorer/page/state/time-range.js';
import { INDEX } from '../../filter/small-index.js';

const WHOLE = { from: -5, to: 95 };
const OPEN = { from: undefined, to: undefined };

describe('wholeRange', () => {
  it('has the times of all packets, and leaves those without a time out', () => {
    assert.deepEqual(wholeRange(INDEX)?.from, 0);
    assert.equal(wholeRange({ ...INDEX, packets: 0, parts: [] }), undefined);
  });
});

describe('zoomed', () => {
  it('keeps the middle, and times before the first packet of the first file', () => {
    assert.deepEqual(zoomed({ from: 0, to: 8 }, 0.5, WHOLE), { from: 2, to: 6 });
    assert.deepEqual(zoomed({ from: 0, to: 8 }, 2, WHOLE), { from: -4, to: 12 });
  });
  it('ends at the whole capture, which has no range', () => {
    assert.deepEqual(zoomed({ from: 0, to: 90 }, 2, WHOLE), OPEN);
    assert.deepEqual(zoomed({ from: 80, to: 94 }, 2, WHOLE), { from: 73, to: 95 });
  });
});

describe('moved', () => {
  it('keeps the length up to both ends', () => {
    assert.deepEqual(moved({ from: 10, to: 20 }, 0.5, WHOLE), { from: 15, to: 25 });
    assert.deepEqual(moved({ from: -4, to: 6 }, -0.5, WHOLE), { from: -5, to: 5 });
    assert.deepEqual(moved({ from: -5, to: 5 }, -0.5, WHOLE), { from: -5, to: 5 });
    assert.deepEqual(moved({ from: 88, to: 98 }, 0.5, WHOLE), { from: 88, to: 95 });
  });
  it('leaves the whole capture as it is', () => {
    assert.deepEqual(moved(WHOLE, 0.5, WHOLE), OPEN);
  });
});
