import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sparkline } from '../../../src/cli/inspect/sparkline.js';

describe('a sparkline', () => {
  test('is scaled to the maximum; only 0 has the lowest block', () => {
    assert.equal(sparkline([0, 1, 20, 40, 60, 80, 100, 120, 140], 20), '▁▂▂▃▄▅▆▇█');
  });

  test('adds neighbours up where there are more values than room', () => {
    assert.equal(sparkline([1, 1, 0, 0, 0, 14, 7], 4), '▂▁██'.slice(0, 2) + '█▅');
    assert.equal(sparkline(new Array<number>(240).fill(1), 60).length, 60);
    assert.equal(sparkline(new Array<number>(241).fill(1), 60).length, 49);
  });

  test('of nothing is flat or empty', () => {
    assert.equal(sparkline([0, 0], 10), '▁▁');
    assert.equal(sparkline([], 10), '');
  });
});
