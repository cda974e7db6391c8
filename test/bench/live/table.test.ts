import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LineResult, type LiveReport, Traffic } from '../../../bench/live/result.js';
import { liveCaption, liveTables, printLiveReport } from '../../../bench/live/table.js';
import { TRAFFIC } from '../../../bench/live/traffic.js';
import { bareText } from '../../../src/cli/style.js';
import { table } from '../../../src/cli/table.js';

const WIDTH = 80;
const LINES = ['kernel->kernel', 'vtep->vtep', 'vtep2->vtep2-esp', 'wireguard-go'];

function result(line: string, traffic: Traffic, offloads: boolean): LineResult {
  const scale = { 'bit/s': 1e9, 'datagrams/s': 1e3, ms: 1 }[TRAFFIC[traffic].unit] ?? 1;
  const [median, min, max] = [123.4, 0.0851, 1234.5].map((value) => value * scale);
  const base = { line, traffic, offloads, unit: TRAFFIC[traffic].unit, rounds: [median] };
  const rate = { ...base, figure: { median, min, max }, ratio: 0.00123, cpu: [123.4, 99.6] };
  if (TRAFFIC[traffic].flood === undefined)
    return { ...rate, p50: 0.0123, p99: 12.3, pings: { sent: 1800, answered: 1799 } };
  return TRAFFIC[traffic].flood.datagram === undefined ? { ...rate, retransmits: 12_345 } : { ...rate, lost: 0.999 };
}

/** A report with every kind of traffic on both wires, and as wide as real ones get. */
function wideReport(): LiveReport {
  const node = { received: 123_456_789, sent: 98_765_432, refused: 0, overrun: 1234, dropped: 12, balanced: true };
  const wires = [false, true];
  return {
    machine: { cpu: 'AMD EPYC', cores: 2, kernel: 'Linux 6.18.44', aes: ['AES-NI', 'VAES', 'VPCLMULQDQ'] },
    node: 'v20.20.2',
    date: '2026-11-29',
    seconds: 3,
    rounds: 3,
    load: [1.234, 15.678],
    lines: LINES.map((line) => ({ line, what: 'what it is' })),
    results: wires.flatMap((offloads) =>
      Object.values(Traffic).flatMap((traffic) => LINES.map((line) => result(line, traffic, offloads))),
    ),
    calls: wires.flatMap((offloads) =>
      LINES.map((line) => ({ line, offloads, perMegabyte: [3010.4, 117.2], megabytes: 99 })),
    ),
    counts: wires.map((offloads) => ({
      line: 'kernel->vtep and back',
      offloads,
      nodes: [node, { ...node, balanced: false }],
    })),
    notMeasured: [
      { peer: 'fastd', what: 'fastd, TAP, AES-128-GCM', missing: 'fastd is not installed (Debian: fastd)' },
    ],
  };
}

describe('the tables of the live benchmark', () => {
  test('fit 80 columns, with every column', () => {
    for (const { title, columns, rows } of liveTables(wideReport())) {
      const lines = table(columns, rows, WIDTH).map((line) => bareText(line));
      assert.deepEqual(
        lines.filter((line) => line.length > WIDTH || line.includes('not shown')),
        [],
        title,
      );
      for (const { heading } of columns) assert.ok(lines[0].includes(heading), `${heading}: ${lines[0]}`);
    }
    for (const line of liveCaption(wideReport())) assert.ok(line.length <= WIDTH, line);
  });

  test('have one for each wire and kind of traffic, with the median, the range and the ratio', () => {
    const tables = liveTables(wideReport());
    const titles = Object.values(TRAFFIC).map(({ title }) => title);
    for (const wire of ['off', 'on']) {
      for (const title of titles) {
        assert.ok(
          tables.some((one) => one.title === `${title}, wire's offloads ${wire}`),
          title,
        );
      }
    }
    assert.deepEqual(tables[0].rows[1], [
      'vtep->vtep',
      '123',
      '0.085–1,235',
      '0.0012',
      '123 + 100',
      '3.0k + 117',
      '12,345',
    ]);
  });

  test("name the processor's AES instructions, and counts that aren't exact", () => {
    const written: string[] = [];
    printLiveReport(wideReport(), (line) => written.push(bareText(line)));
    assert.ok(written[0].includes('AES-NI, VAES, VPCLMULQDQ'));
    assert.ok(written.some((line) => / NO$/.test(line)));
    assert.ok(written.some((line) => line.includes('fastd is not installed')));
  });

  test('of what was not measured are left out', () => {
    const { results, calls, counts, notMeasured, ...rest } = wideReport();
    assert.ok(results.length + calls.length + counts.length + notMeasured.length > 0);
    assert.deepEqual(liveTables({ ...rest, results: [], calls: [], counts: [], notMeasured: [] }), []);
  });
});
