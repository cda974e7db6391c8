import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type BenchReport, Stage } from '../../bench/result.js';
import { bareText } from '../../src/cli/style.js';
import {
  answerTable,
  markdownReport,
  markdownTable,
  printedTables,
  printReport,
  type ReportTable,
  reportTables,
} from '../../bench/table.js';
import { withStreams } from '../../src/cli/streams.js';
import { anyReport, peer, report, result, sampleReport } from './sample-report.js';

function tableOf(of: BenchReport, title: string): ReportTable {
  const found = reportTables(of).find((one) => one.title.startsWith(title));
  assert.ok(found !== undefined, `no table ${title}`);
  return found;
}

async function printed(of: BenchReport, verbose = true, columns = 10_000): Promise<string[]> {
  const lines: string[] = [];
  const nothing = (): void => undefined;
  const outputScreen = { columns, named: true, colour: false, terminal: false };
  await withStreams({ output: nothing, warnings: nothing, outputScreen }, () => {
    printReport(of, (line) => lines.push(bareText(line)), verbose);
    return Promise.resolve();
  });
  return lines;
}

describe('tables of a report', () => {
  test('a stage has a row for each size and cipher: nanoseconds, Mpps, Gbit/s and spread', () => {
    const seal = { stage: Stage.Seal, bytes: 1400, flows: 9 };
    const { title, rows } = tableOf(
      report([
        result({ ...seal, backend: 'node', nsPerPacket: 5600 }),
        result({ ...seal, backend: 'openssl', nsPerPacket: 1120 }),
        result({ ...seal, backend: 'openssl', nsPerPacket: 50, batch: 8 }),
      ]),
      'seal',
    );
    assert.equal(title, 'seal, encrypted: batches of 256, 9 flows');
    assert.deepEqual(rows, [
      ['1400', 'openssl', '1,120', '0.893', '10.0', '7'],
      ['1400', 'node', '5,600', '0.179', '2.00', '7'],
    ]);
  });

  test('the effect of the batch has a row for each work measured with several batches', () => {
    const batches = [1, 8, 256].map((batch) => result({ batch, flows: 4, nsPerPacket: 1000 / batch }));
    const alone = result({ batch: 256, flows: 4, bytes: 128, nsPerPacket: 5 });
    const { columns, rows } = tableOf(report([...batches, alone]), 'Nanoseconds per packet by batch size');
    assert.deepEqual(
      columns.slice(5).map(({ heading }) => heading),
      ['batch 1', 'batch 8', 'batch 256'],
    );
    assert.deepEqual(rows, [['egress', 'encrypted', '64', '–', '4', '1,000', '125', '3.91']]);
  });

  test('the effect of the flows is shown only for the largest batch', () => {
    const flows = [1, 100].map((count) => result({ flows: count, nsPerPacket: 10 + count }));
    const small = result({ flows: 7, batch: 8, nsPerPacket: 1 });
    const { columns, rows } = tableOf(report([...flows, small]), 'Nanoseconds per packet by flows');
    assert.deepEqual(
      columns.slice(5).map(({ heading }) => heading),
      ['flows 1', 'flows 100'],
    );
    assert.deepEqual(rows, [['egress', 'encrypted', '64', '–', '256', '11.0', '110']]);
  });

  test('a peer is next to the fastest cipher at the same stage and size', () => {
    const results = [
      result({ stage: Stage.Seal, backend: 'node', nsPerPacket: 4000 }),
      result({ stage: Stage.Seal, backend: 'openssl', nsPerPacket: 500 }),
      result({ stage: Stage.Seal, backend: 'openssl', bytes: 128, nsPerPacket: 100 }),
      result({ stage: Stage.Open, backend: 'openssl', nsPerPacket: 100 }),
    ];
    const peers = [
      peer({ stage: Stage.Seal, nsPerPacket: 5000 }),
      peer({ stage: Stage.Seal, bytes: 256, nsPerPacket: 5000 }),
    ];
    const { rows } = tableOf(report(results, peers), 'Other programs');
    assert.deepEqual(
      rows.map((row) => row.slice(-3)),
      [
        ['encrypted, openssl', '500', '10.0'],
        ['–', '–', '–'],
      ],
    );
  });

  test('a peer without meaningful bytes matches any size, and one that fits both is next to clear and encrypted', () => {
    const results = [
      result({ stage: Stage.Lookup, encrypted: false, bytes: 1400, nsPerPacket: 20 }),
      result({ encrypted: false, nsPerPacket: 50 }),
      result({ backend: 'node', nsPerPacket: 500 }),
    ];
    const peers = [
      peer({ stage: Stage.Lookup, bytes: null, nsPerPacket: 400 }),
      peer({ stage: Stage.Egress, nsPerPacket: 1000 }),
    ];
    const { rows } = tableOf(report(results, peers), 'Other programs');
    assert.deepEqual(
      rows.map((row) => row.slice(-3)),
      [
        ['clear', '20.0', '20.0'],
        ['clear', '50.0', '20.0'],
        ['encrypted, node', '500', '2.00'],
      ],
    );
  });

  test('a program that was not measured is listed with what is missing', () => {
    const { rows } = tableOf(sampleReport(), 'Not measured');
    assert.deepEqual(rows, [['gopacket', 'DecodingLayerParser', 'Go is not installed (Debian: golang-go)']]);
  });

  test('an empty report has only its targets', () => {
    assert.deepEqual(
      reportTables(report([])).map(({ title }) => title),
      ['Targets'],
    );
  });

  test('Markdown has the same cells, with markup characters escaped', () => {
    const columns = [
      { heading: 'name', align: 'left' },
      { heading: 'ns', align: 'right' },
    ] as const;
    const text = markdownTable({
      title: '',
      columns,
      rows: [
        ['a|b\n<c>', '12'],
        ['d', '3'],
      ],
    });
    assert.equal(text, '| name      |  ns |\n| --------- | --: |\n| a\\|b \\<c> |  12 |\n| d         |   3 |\n');
  });

  test('the answer comes first: both chains with the fastest cipher, and their share of 10 Gbit/s', async () => {
    const egress = { stage: Stage.Egress, bytes: 1400, flows: 9, bitsPerSecond: 11.2e9, pps: 1e6 };
    const of = report([
      result({ ...egress, backend: 'node', nsPerPacket: 5600 }),
      result({ ...egress, backend: 'openssl', nsPerPacket: 1000 }),
    ]);
    const { rows } = answerTable(of);
    assert.deepEqual(rows, [['egress', 'encrypted', '1400', '1,000', '1.00', '11.2', '114 %', 'openssl']]);
    const lines = await printed(of, false, 80);
    assert.equal(lines.length, 5, lines.join('\n'));
    assert.match(lines[2], /^One core/);
  });

  test('at 80 columns no line is longer', async () => {
    for (const line of await printed(sampleReport(), true, 80)) assert.ok(line.length <= 80, line);
  });

  test('any report is printed, every row on one line and with all its cells', async () => {
    await fc.assert(
      fc.asyncProperty(anyReport, async (any) => {
        for (const { columns, rows } of reportTables(any)) {
          assert.ok(rows.every((row) => row.length === columns.length));
        }
        const tables = printedTables(any, true);
        const lines = await printed(any);
        assert.equal(lines.length, 1 + tables.reduce((sum, { rows }) => sum + 3 + rows.length, 0));
        assert.ok(lines.every((line) => !/\p{Cc}/u.test(line)));
        const markdown = markdownReport(any).split('\n');
        assert.equal(
          markdown.filter((line) => line.startsWith('|')).length,
          reportTables(any).reduce((sum, { rows }) => sum + 2 + rows.length, 0),
        );
      }),
    );
  });

  test('no cell of a report shows an invalid figure', () => {
    fc.assert(
      fc.property(anyReport, (any) => {
        const cells = reportTables({ ...any, notMeasured: [] }).flatMap(({ columns, rows }) =>
          rows.flatMap((row) => row.filter((_, i) => columns[i].align === 'right')),
        );
        for (const cell of cells) assert.doesNotMatch(cell, /NaN|Infinity|undefined/);
      }),
    );
  });
});
