/** A survey's report as text tables. */
import type { EspReport, SurveyReport } from '../../inspect/index.js';
import { flowLines } from '../inspect/flow-lines.js';
import type { FlowColumn } from '../inspect/flow-columns.js';
import { outputWidth } from '../inspect/output-width.js';
import { rateLines } from '../inspect/rate-lines.js';
import { problemLines } from './problem-lines.js';
import { type Column, grouped, numbers, table, words } from '../table.js';

/** Default maximum of rows per table. */
export const DEFAULT_ROWS = 20;
/** Maximum number of files that are named. */
const MAX_FILES = 5;

/** A consumer of text lines. */
export interface LineOutput {
  line(text: string): void;
}

function section(
  output: LineOutput,
  title: string,
  columns: Column[],
  rows: (string | number)[][],
  most: number,
): void {
  if (rows.length === 0) return;
  output.line('');
  output.line(title);
  const shown = most > 0 ? rows.slice(0, most) : rows;
  for (const line of table(columns, shown)) output.line(line);
  if (shown.length < rows.length) {
    output.line(`  ... and ${grouped(rows.length - shown.length)} more (--rows 0 shows all)`);
  }
}

/**
 * Text about the packets that `--vni` filtered out.
 * @param vnis most frequent first
 */
export function filteredText(vnis: SurveyReport['filtered'], packets: number): string {
  const shown = vnis.slice(0, 8).map(({ vni }) => vni);
  return `${grouped(packets)} packets of other VNIs: ${shown.join(', ')}${vnis.length > shown.length ? ', ...' : ''}`;
}

/**
 * Prints the conversations of a survey's report, and rates and problems with them.
 * @param sort what they are sorted by
 * @param rows maximum rows per table; 0 for all
 */
export function printFlows(output: LineOutput, report: SurveyReport, sort: FlowColumn, rows: number): void {
  printHeading(output, report);
  const width = outputWidth();
  for (const line of rateLines(report, rows, width)) output.line(line);
  if (report.flows !== null) {
    for (const line of flowLines(report.flows, report.firstTime, sort, rows, width)) output.line(line);
  }
  for (const line of problemLines(report.problems)) output.line(line);
}

function printHeading(output: LineOutput, report: SurveyReport): void {
  const { accounting, files } = report;
  const dropped = Object.values(accounting.dropped).reduce((sum, count) => sum + count, 0);
  const what = `${report.format}, ${report.linkTypes.join(', ') || 'no packets'}`;
  if (files.length === 1) output.line(`${report.file}: ${what}`);
  else {
    output.line(`${grouped(files.length)} captures: ${what}`);
    for (const file of files.slice(0, MAX_FILES)) output.line(`  ${file}`);
    if (files.length > MAX_FILES) output.line(`  ... and ${grouped(files.length - MAX_FILES)} more`);
  }
  if (report.firstTime !== null) {
    output.line(`${report.firstTime} to ${report.lastTime}, ${report.durationSeconds.toFixed(6)} s`);
  }
  output.line(
    `${grouped(report.packets)} packets = ${grouped(accounting.inFrames)} with inner frames + ${grouped(accounting.esp)} ESP` +
      ` + ${grouped(accounting.other)} other + ${grouped(accounting.held)} held + ${grouped(dropped)} dropped` +
      (accounting.filtered === 0 ? '' : ` + ${grouped(accounting.filtered)} filtered`),
  );
  if (accounting.filtered > 0) output.line(`Filtered: ${filteredText(report.filtered, accounting.filtered)}`);
}

/**
 * Prints a survey's report.
 * @param rows maximum rows per table; 0 for all
 */
export function printSurvey(output: LineOutput, report: SurveyReport, rows: number): void {
  printHeading(output, report);
  const encrypted = report.networks.some((row) => row.encrypted > 0);
  section(
    output,
    'Networks',
    [
      numbers('VNI'),
      numbers('frames'),
      ...(encrypted ? [numbers('encrypted')] : []),
      numbers('bytes'),
      numbers('endpoints'),
    ],
    report.networks.map((row) => [
      String(row.vni),
      row.frames,
      ...(encrypted ? [row.encrypted] : []),
      row.bytes,
      row.endpoints,
    ]),
    rows,
  );
  for (const line of rateLines(report, rows, outputWidth())) output.line(line);
  section(
    output,
    'VTEPs',
    [
      words('from'),
      words('to'),
      numbers('frames'),
      numbers('bytes'),
      numbers('ESP packets'),
      numbers('ESP bytes'),
      words('VNIs'),
    ],
    report.tunnels.map((row) => [
      row.source,
      row.destination,
      row.frames,
      row.bytes,
      row.espPackets,
      row.espBytes,
      row.vnis.slice(0, 8).join(' ') + (row.vnis.length > 8 ? ` (${row.vnis.length})` : ''),
    ]),
    rows,
  );
  section(
    output,
    'Endpoints',
    [
      numbers('VNI'),
      words('MAC'),
      words('IP'),
      words('behind'),
      numbers('sent'),
      numbers('bytes'),
      numbers('received'),
      numbers('bytes'),
    ],
    report.endpoints.map((row) => [
      String(row.vni),
      row.mac,
      row.ip ?? '-',
      row.vtep + (row.moves > 0 ? ' (moved)' : ''),
      row.sentFrames,
      row.sentBytes,
      row.receivedFrames,
      row.receivedBytes,
    ]),
    rows,
  );
  printEsp(output, report, rows);
  printSizes(output, report);
  section(
    output,
    'Checksums',
    [words(''), numbers('good'), numbers('none'), numbers('partial'), numbers('bad')],
    report.checksums
      .filter((row) => row.good + row.absent + row.partial + row.bad > 0)
      .map((row) => [row.name, row.good, row.absent, row.partial, row.bad]),
    0,
  );
  section(
    output,
    'Other traffic',
    [words(''), numbers('packets'), numbers('bytes')],
    report.otherTraffic.map((row) => [row.name, row.packets, row.bytes]),
    rows,
  );
  for (const line of problemLines(report.problems)) output.line(line);
}

function printEsp(output: LineOutput, report: SurveyReport, most: number): void {
  const withKeys = report.cipher !== null;
  const columns = [
    words('SPI'),
    words('from'),
    words('to'),
    numbers('packets'),
    numbers('bytes'),
    numbers('first seq'),
    numbers('last seq'),
    numbers('missing'),
    ...(withKeys ? [numbers('opened'), numbers('failed')] : []),
    words(''),
  ];
  const rows = report.esp.map((row) => [
    row.spi,
    row.source,
    row.destination,
    row.packets,
    row.bytes,
    row.firstSequence,
    row.lastSequence,
    row.missingSequences,
    ...(withKeys ? [row.opened, Object.values(row.failed).reduce((sum, count) => sum + count, 0)] : []),
    espWarnings(row),
  ]);
  section(output, withKeys ? `ESP, opened by ${report.cipher.name}` : 'ESP', columns, rows, most);
}

/** Notes on an SPI besides its counts. */
function espWarnings(row: EspReport): string {
  const warnings = Object.entries(row.failed).map(([reason, count]) => `${count} ${reason}`);
  if (row.key !== null) warnings.push(`key ${row.key.tag}${row.key.spiForm === 'short' ? ' by 4-byte addresses' : ''}`);
  if (row.inUdp) warnings.push('in UDP');
  if (row.nonceReused > 0) warnings.push(`${row.nonceReused} nonces reused`);
  else if (row.ivRepeated > 0) warnings.push('not AES-GCM');
  return warnings.join(', ');
}

function printSizes(output: LineOutput, report: SurveyReport): void {
  const { wire, inner } = report.sizes;
  section(
    output,
    'Sizes',
    [words('bytes'), numbers('on the wire'), numbers('inner frames')],
    wire.classes
      .map((row, i) => [row.bytes, row.count, inner.classes[i].count] as [string, number, number])
      .filter(([, outer, frames]) => outer + frames > 0),
    0,
  );
  const { fragments } = report;
  if (fragments.fragments + fragments.inner > 0) {
    output.line('');
    output.line(
      `Fragments: ${grouped(fragments.fragments)} outer, reassembled to ${grouped(fragments.reassembled)} packets,` +
        ` ${grouped(fragments.held)} held; ${grouped(fragments.inner)} inner, from the containers`,
    );
  }
}
