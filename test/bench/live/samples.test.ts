import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sample } from '../../../bench/live/result.js';
import { figureOf, middle, percentile, ratioOf, summary } from '../../../bench/live/samples.js';

const values = (...all: number[]): Sample[] => all.map((value) => ({ value, cpu: [] }));

describe('figures of several rounds', () => {
  test('the median of an even number is the mean of the middle two', () => {
    assert.deepEqual([middle([9, 1, 5]), middle([4, 1, 2, 9])], [5, 3]);
    assert.ok(Number.isNaN(middle([])));
  });

  test('the figure is the median with the range', () => {
    assert.deepEqual(figureOf([3, 1, 8]), { median: 3, min: 1, max: 8 });
  });

  test('a percentile is one of the values', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.deepEqual([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([7], 0.99)], [50, 99, 7]);
  });

  test('a ratio is the median of those within a round, not that of the medians', () => {
    assert.equal(ratioOf(values(1, 20, 3), values(2, 10, 30)), 0.5);
  });

  test('a failed round counts neither for a line nor for the ratio', () => {
    const rounds = [undefined, ...values(4, 6)];
    const found = summary(rounds, [...values(1, 8), undefined]);
    assert.deepEqual([found?.figure, found?.ratio, found?.rounds], [{ median: 5, min: 4, max: 6 }, 0.5, [4, 6]]);
    assert.equal(summary([undefined], values(1)), undefined);
  });

  test('retransmits are added up, losses averaged, CPU by process, and pings of all rounds are one set', () => {
    const tcp = [
      { value: 1, cpu: [90, 10], retransmits: 3 },
      { value: 1, cpu: [70, 30], retransmits: 4 },
    ];
    const { retransmits, cpu } = summary(tcp, undefined) ?? {};
    assert.deepEqual([retransmits, cpu], [7, [80, 20]]);
    const udp = [0.5, 0].map((lost) => ({ value: 1, cpu: [], lost }));
    assert.equal(summary(udp, undefined)?.lost, 0.25);
    const pings = [[1, 2], [3]].map((roundTrips) => ({ value: 1, cpu: [], roundTrips, sent: 2 }));
    const { p50, p99, pings: counts } = summary(pings, undefined) ?? {};
    assert.deepEqual([p50, p99, counts], [2, 3, { sent: 4, answered: 3 }]);
  });
});
