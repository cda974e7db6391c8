/** A survey's report as text tables. */
import type { EspReport, SurveyReport } from '../../inspect/index.js';
import { flowLines } from '../inspect/flow-lines.js';
import type { FlowColumn } from '../inspect/flow-columns.js';
import { rateLines } from '../inspect/rate-lines.js';
import { idleServices, SERVICE_COLUMNS, serviceRows } from '../inspect/service-rows.js';
import { printGossip } from '../inspect/gossip-lines.js';
import { type LineOutput, section } from '../inspect/table-section.js';
import { problemLines } from './problem-lines.js';
import { outputScreen } from '../streams.js';
import { styled } from '../style.js';
import { addresses, grouped, numbers, remarks, words } from '../table.js';
import { shownTime } from '../time-text.js';

/** Default maximum of rows per table. */
export const DEFAULT_ROWS = 20;
/** Maximum number of files that are named. */
const MAX_FILES = 5;

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
 * @param outside whether to list also conversations outside overlays, if there are any inside
 */
export function printFlows(
  output: LineOutput,
  report: SurveyReport,
  sort: FlowColumn,
  rows: number,
  outside: boolean,
): void {
  printHeading(output, report);
  const width = outputScreen().columns;
  for (const line of rateLines(report, rows, width)) output.line(line);
  if (report.flows !== null) {
    const { conversations } = report.flows;
    const inside = conversations.filter(({ vni }) => vni !== null);
    const listed = outside || inside.length === 0 ? conversations : inside;
    const flows = { ...report.flows, conversations: listed };
    for (const line of flowLines(flows, report.firstTime, sort, rows, width)) output.line(line);
    const others = conversations.length - listed.length;
    if (others > 0) output.line(`  Outside the overlays: ${grouped(others)} conversations (--outside lists them)`);
  }
  printServices(output, report, rows);
  for (const line of problemLines(report.problems)) output.line(line);
}

/** Prints the load of the services; with names, but without any service, nothing. */
function printServices(output: LineOutput, { services }: SurveyReport, most: number): void {
  if (services === null || services.length === 0) return;
  const rows = serviceRows(services);
  if (rows.length === 0) {
    output.line('');
    output.line([styled('Services', 'bold'), ': no packets of any']);
    return;
  }
  section(output, 'Services', SERVICE_COLUMNS, rows, most);
  const idle = idleServices(services);
  if (idle !== undefined) output.line(idle);
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
    const [first, last] = [report.firstTime, report.lastTime ?? ''].map(shownTime);
    output.line(`${first} to ${last}, ${report.durationSeconds.toFixed(6)} s`);
  }
  const total =
    `${grouped(report.packets)} packets = ${grouped(accounting.inFrames)} with inner frames + ${grouped(accounting.esp)} ESP` +
    ` + ${grouped(accounting.other)} other + ${grouped(accounting.held)} held + `;
  const filtered = accounting.filtered === 0 ? '' : ` + ${grouped(accounting.filtered)} filtered`;
  const loss = `${grouped(dropped)} dropped`;
  output.line([total, dropped > 0 ? styled(loss, 'red') : loss, filtered]);
  if (accounting.filtered > 0) output.line(`Filtered: ${filteredText(report.filtered, accounting.filtered)}`);
}

/**
 * Prints a survey's report.
 * @param rows maximum rows per table; 0 for all
 */
export function printSurvey(output: LineOutput, report: SurveyReport, rows: number): void {
  printHeading(output, report);
  const encrypted = report.networks.some((row) => row.encrypted > 0);
  const esp = report.tunnels.some((row) => row.espPackets > 0);
  const framed = report.frames > 0 || !esp;
  section(
    output,
    'Networks',
    [
      numbers('VNI'),
      numbers('frames', { shorten: 'compact' }),
      ...(encrypted ? [numbers('encrypted', { shorten: 'compact' })] : []),
      numbers('bytes', { shorten: 'compact', keep: 2 }),
      numbers('endpoints', { shorten: 'compact', keep: 1 }),
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
  for (const line of rateLines(report, rows, outputScreen().columns)) output.line(line);
  section(
    output,
    'VTEPs',
    [
      addresses('from'),
      addresses('to'),
      ...(framed ? [numbers('frames', { shorten: 'compact' }), numbers('bytes', { shorten: 'compact', keep: 3 })] : []),
      ...(esp
        ? [
            numbers('ESP packets', { shorten: 'compact', keep: 2 }),
            numbers('ESP bytes', { shorten: 'compact', keep: 1 }),
          ]
        : []),
      words('VNIs', { shorten: 'end', least: 8, keep: 4, optional: true }),
    ],
    report.tunnels.map((row) => [
      row.source,
      row.destination,
      ...(framed ? [row.frames, row.bytes] : []),
      ...(esp ? [row.espPackets, row.espBytes] : []),
      row.vnis.slice(0, 8).join(' ') + (row.vnis.length > 8 ? ` (${row.vnis.length})` : ''),
    ]),
    rows,
  );
  const named = report.services !== null;
  section(
    output,
    'Endpoints',
    [
      numbers('VNI'),
      words('MAC', { keep: 1 }),
      addresses('IP'),
      ...(named ? [words('name', { shorten: 'end', least: 24 })] : []),
      addresses('VTEP', { keep: 4 }),
      numbers('sent', { shorten: 'compact' }),
      numbers('bytes', { shorten: 'compact', keep: 3 }),
      numbers('received', { shorten: 'compact' }),
      numbers('bytes', { shorten: 'compact', keep: 2 }),
    ],
    report.endpoints.map((row) => [
      String(row.vni),
      row.mac,
      row.ip ?? '-',
      ...(named ? [nameText(row)] : []),
      row.vtep + (row.moves > 0 ? ' (moved)' : ''),
      row.sentFrames,
      row.sentBytes,
      row.receivedFrames,
      row.receivedBytes,
    ]),
    rows,
  );
  printServices(output, report, rows);
  printEsp(output, report, rows);
  if (report.gossip !== null) printGossip(output, report.gossip, rows);
  printSizes(output, report);
  section(
    output,
    'Checksums',
    [words(''), numbers('good'), numbers('none'), numbers('partial'), numbers('bad', { style: 'red' })],
    report.checksums
      .filter((row) => row.good + row.absent + row.partial + row.bad > 0)
      .map((row) => [row.name, row.good, row.absent, row.partial, row.bad]),
    0,
  );
  section(
    output,
    'Other traffic',
    [words('', { shorten: 'end', least: 20 }), numbers('packets'), numbers('bytes')],
    report.otherTraffic.map((row) => [row.name, row.packets, row.bytes]),
    rows,
  );
  if (report.frames === 0 && !esp && report.accounting.other > 0 && report.accounting.filtered === 0) {
    output.line('  No overlay traffic; --flows shows who talks to whom');
  }
  for (const line of problemLines(report.problems)) output.line(line);
}

function nameText({ name, stale, ip }: SurveyReport['endpoints'][number]): string {
  if (name === null || name === undefined) return ip === null ? '' : 'unknown';
  return stale === true ? `${name} (stale)` : name;
}

function printEsp(output: LineOutput, report: SurveyReport, most: number): void {
  const withKeys = report.cipher !== null;
  const byRing = report.esp.some((row) => row.key !== null);
  const opened = report.esp.some((row) => row.opened > 0);
  const columns = [
    words('SPI'),
    addresses('from'),
    addresses('to'),
    numbers('packets', { shorten: 'compact', keep: 6 }),
    numbers('bytes', { shorten: 'compact', keep: 3 }),
    numbers('first seq', { keep: 1 }),
    numbers('last seq', { keep: 2 }),
    numbers('missing', { shorten: 'compact', keep: 4, style: 'yellow' }),
    ...(withKeys
      ? [
          numbers('decrypted', { shorten: 'compact', keep: 5, style: 'green' }),
          numbers('failed', { shorten: 'compact', style: 'red' }),
        ]
      : []),
    ...(byRing ? [words('key')] : []),
    remarks('notes'),
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
    ...(byRing ? [row.key === null ? '-' : String(row.key.tag)] : []),
    espRemarks(row),
  ]);
  const title = withKeys ? (opened ? `ESP, decrypted by ${report.cipher.name}` : 'ESP, none decrypted') : 'ESP';
  section(output, title, columns, rows, most);
}

/** Remarks on an SPI besides its counts. */
function espRemarks(row: EspReport): string {
  const found = Object.entries(row.failed).map(([reason, count]) => `${count} ${reason}`);
  if (row.key?.spiForm === 'short') found.push('SPI by 4-byte addresses');
  if (row.inUdp) found.push('in UDP');
  if (row.nonceReused > 0) found.push(`${row.nonceReused} nonces reused`);
  else if (row.ivRepeated > 0) found.push('not AES-GCM');
  return found.join(', ');
}

function printSizes(output: LineOutput, report: SurveyReport): void {
  const { wire, inner } = report.sizes;
  const framed = inner.count > 0;
  section(
    output,
    'Sizes',
    [words('bytes'), numbers('on the wire'), ...(framed ? [numbers('inner frames')] : [])],
    wire.classes
      .map((row, i) => ({ ...row, frames: inner.classes[i].count }))
      .filter(({ count, frames }) => count + frames > 0)
      .map(({ bytes, count, frames }) => [bytes, count, ...(framed ? [frames] : [])]),
    0,
  );
  const { fragments } = report;
  const found: string[] = [];
  if (fragments.fragments > 0) {
    const { fragments: outer, reassembled, held } = fragments;
    found.push(`${grouped(outer)} outer, reassembled to ${grouped(reassembled)} packets, ${grouped(held)} held`);
  }
  if (fragments.inner > 0) found.push(`${grouped(fragments.inner)} inner, from the containers`);
  if (found.length === 0) return;
  output.line('');
  output.line(`Fragments: ${found.join('; ')}`);
}
