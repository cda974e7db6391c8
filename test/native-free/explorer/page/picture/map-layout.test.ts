import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeAround, placeNodes } from '../../../../../native-free/explorer/page/picture/map-layout.js';

const FRAME = { width: 1000, height: 600, marginX: 100, marginY: 80 };

describe('placeNodes', () => {
  it('puts two nodes side by side, and one in the middle', () => {
    const [left, right] = placeNodes(2, FRAME);
    assert.deepEqual([left.x, left.y].map(Math.round), [100, 300]);
    assert.deepEqual([right.x, right.y].map(Math.round), [900, 300]);
    const [only] = placeNodes(1, FRAME);
    assert.deepEqual([only.x, only.y], [500, 300]);
  });
  it('keeps any number of nodes apart, within the margins', () => {
    for (const count of [0, 3, 7, 16, 64]) {
      const places = placeNodes(count, FRAME);
      assert.equal(places.length, count);
      assert.equal(new Set(places.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`)).size, count);
      for (const { x, y } of places) assert.ok(x >= 99.9 && x <= 900.1 && y >= 79.9 && y <= 520.1, `${x} ${y}`);
    }
  });
});

describe('placeAround', () => {
  it('puts endpoints outside of their node, each at a place of its own', () => {
    const [node] = placeNodes(3, FRAME);
    const places = placeAround(node, 27, 20, 10);
    assert.equal(new Set(places.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)).size, 27);
    for (const { x, y } of places) assert.ok(Math.hypot(x - node.x, y - node.y) > 20);
  });
});
