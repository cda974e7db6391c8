import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SERIES_INTERVALS, TrafficSeries } from '../../../src/inspect/index.js';

const MS = 1_000_000;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

describe('a traffic series', () => {
  test('has intervals of 1 ms from the first packet on', () => {
    const series = new TrafficSeries();
    series.add(5, 100, 10, 500);
    series.add(5, 50, 10, 500 + MS - 1);
    series.add(5, 25, 10, 500 + MS);
    series.add(5, 7, 10, 500 + 239 * MS);
    const report = series.report();
    assert.equal(report?.startNanoseconds, 10_000_000_500n);
    assert.equal(report.intervalSeconds, 0.001);
    assert.equal(report.networks[0].bytes.length, SERIES_INTERVALS);
    assert.deepEqual(report.networks[0].bytes.slice(0, 3), [150, 25, 0]);
    assert.deepEqual([report.networks[0].packets[0], report.networks[0].bytes[239]], [2, 7]);
  });

  test('doubles the intervals when the capture outgrows them, and adds neighbours up', () => {
    const series = new TrafficSeries();
    for (let i = 0; i < 240; i++) series.add(5, i, 0, i * MS);
    series.add(5, 1000, 0, 240 * MS);
    const report = series.report();
    assert.equal(report?.intervalSeconds, 0.002);
    const { bytes, packets } = report.networks[0];
    assert.deepEqual([bytes[0], bytes[1], bytes[119], bytes[120], bytes.length], [1, 5, 477, 1000, 121]);
    assert.deepEqual([packets[0], packets[120]], [2, 1]);
  });

  test('covers a year in as much memory as a second', () => {
    const series = new TrafficSeries();
    for (let day = 0; day < 365; day++) series.add(5, 1, day * 86_400, 0);
    const report = series.report();
    assert.equal(report?.intervalSeconds, 2 ** 27 / 1000);
    const { bytes } = report.networks[0];
    assert.equal(bytes.length, 235);
    assert.equal(sum(bytes), 365);
  });

  test('moves for packets before the first one', () => {
    const series = new TrafficSeries();
    series.add(5, 1, 10, 0);
    series.add(5, 2, 9, 999_000_000);
    series.add(5, 4, 9, 990_500_000);
    const report = series.report();
    assert.equal(report?.startNanoseconds, 9_990_000_000n);
    assert.deepEqual(report.networks[0].bytes, [4, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
  });

  test('lists networks by VNI, then the packets that are not overlay traffic', () => {
    const series = new TrafficSeries();
    for (const vni of [-1, 7, 3, -1]) series.add(vni, 1, 0, 0);
    assert.deepEqual(
      series.report()?.networks.map(({ vni, packets }) => [vni, packets]),
      [
        [3, [1]],
        [7, [1]],
        [null, [2]],
      ],
    );
  });

  test('counts packets of networks beyond its limit', () => {
    const series = new TrafficSeries();
    for (let vni = 0; vni < 1030; vni++) series.add(vni, 1, 0, 0);
    assert.equal(series.report()?.networks.length, 1024);
    assert.equal(series.unlisted, 6);
  });

  test('has no report without packets', () => {
    assert.equal(new TrafficSeries().report(), undefined);
  });

  test('loses nothing, whatever the times and their order', () => {
    const time = fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: 0, max: 2 ** 34 }),
    );
    const packets = fc.array(
      fc.record({
        seconds: time,
        nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
        vni: fc.integer({ min: 0, max: 2 }),
      }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(packets, (added) => {
        const series = new TrafficSeries();
        for (const { seconds, nanoseconds, vni } of added) series.add(vni, 10, seconds, nanoseconds);
        const report = series.report();
        assert.ok(report !== undefined);
        assert.equal(sum(report.networks.map(({ packets }) => sum(packets))), added.length);
        assert.equal(sum(report.networks.map(({ bytes }) => sum(bytes))), 10 * added.length);
        const { startNanoseconds, intervalSeconds, networks } = report;
        const width = BigInt(intervalSeconds * 1e9);
        const times = added.map(({ seconds, nanoseconds }) => BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
        const first = times.reduce((least, one) => (one < least ? one : least));
        const last = times.reduce((most, one) => (one > most ? one : most));
        const { length } = networks[0].bytes;
        assert.ok(length <= SERIES_INTERVALS);
        assert.ok(startNanoseconds <= first && first < startNanoseconds + width);
        assert.ok(last < startNanoseconds + BigInt(length) * width);
      }),
      { numRuns: 500 },
    );
  });
});
