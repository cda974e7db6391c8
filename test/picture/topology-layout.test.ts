import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { overlayMap } from '../../src/picture/overlay-map.js';
import { layOut } from '../../src/picture/topology-layout.js';
import { mesh, survey, tunnel } from './sample-survey.js';

const PLACE = { x: 20, y: 100, width: 760 };

describe('the layout of a topology', () => {
  test('boxes keep inside the height, do not overlap, and every node is shown or counted', () => {
    const sizes = fc.record({ nodes: fc.integer({ min: 2, max: 70 }), endpoints: fc.integer({ min: 0, max: 30 }) });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 120, max: 1000 }), ({ nodes, endpoints }, maxHeight) => {
        const { boxes, moreNodes, height, strands } = layOut(overlayMap(mesh(nodes, 3, endpoints)), PLACE, maxHeight);
        assert.equal(boxes.length + moreNodes, nodes);
        assert.ok(height <= maxHeight, `${height} of ${maxHeight}`);
        for (const [i, box] of boxes.entries()) {
          assert.ok(box.y >= PLACE.y - 1e-9 && box.y + box.height <= PLACE.y + height + 1e-9);
          for (const other of boxes.slice(i + 1)) {
            if (other.right !== box.right) continue;
            assert.ok(box.y + box.height <= other.y || other.y + other.height <= box.y);
          }
        }
        for (const { curve } of strands) {
          for (const { x, y } of curve) {
            assert.ok(x >= PLACE.x && x <= PLACE.x + PLACE.width);
            assert.ok(y >= PLACE.y && y <= PLACE.y + height);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a node that takes part in every link is opposite the others', () => {
    const hub = '10.0.0.2';
    const others = ['10.0.0.1', '10.0.0.3', '10.0.0.4'];
    const { boxes } = layOut(overlayMap(survey({ tunnels: others.map((other) => tunnel(other, hub)) })), PLACE, 400);
    assert.deepEqual(
      boxes.map(({ node, right }) => [node, right]),
      [
        [1, false],
        [0, true],
        [2, true],
        [3, true],
      ],
    );
  });

  test('two nodes are opposite each other, the lower address left', () => {
    const { boxes, strands } = layOut(overlayMap(mesh(2, 1, 2)), PLACE, 400);
    assert.deepEqual(
      boxes.map(({ node, right }) => [node, right]),
      [
        [0, false],
        [1, true],
      ],
    );
    assert.deepEqual(
      strands.map(({ direction }) => direction),
      ['fromA', 'fromB'],
    );
  });
});
