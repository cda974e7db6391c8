/** `vtep inspect`: what a capture holds. */
import { type CaptureBatch, LinkType } from '../capture/index.js';
import type { EspReport, SurveyReport } from '../inspect/index.js';
import { packetLine } from '../inspect/packet-line.js';
import { Survey } from '../inspect/survey.js';
import { onlyOperand, parseWords, UsageError, wholeNumber } from './arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from './command.js';
import { ExitCode } from './exit-code.js';
import { INGRESS_HELP, INGRESS_OPTIONS, ingressOptions } from './ingress-options.js';
import { readKeysOption } from './keys-option.js';
import { problemLines } from './problem-lines.js';
import { type Column, grouped, numbers, table, words } from './table.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep inspect FILE [OPTIONS]

What a capture of an overlay's underlay holds. FILE is pcap or pcapng, gzip-compressed or not; - is standard input.

  --packets          a line for each packet instead of tables
  --json             one JSON object instead of tables
${INGRESS_HELP}
  --no-checksums     don't look at checksums
  --rows N           rows of a printed table at the most; 20, 0 for all
  --strict           exit 1 if there is a warning`;

/** Rows of tables that may be long. */
const DEFAULT_ROWS = 20;

function section(
  output: TextOutput,
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

function printReport(output: TextOutput, report: SurveyReport, rows: number): void {
  const { accounting } = report;
  const dropped = Object.values(accounting.dropped).reduce((sum, count) => sum + count, 0);
  output.line(`${report.file}: ${report.format}, ${report.linkTypes.join(', ') || 'no packets'}`);
  if (report.firstTime !== null) {
    output.line(`${report.firstTime} to ${report.lastTime}, ${report.durationSeconds.toFixed(6)} s`);
  }
  output.line(
    `${grouped(report.packets)} packets = ${grouped(accounting.inFrames)} with inner frames + ${grouped(accounting.esp)} ESP` +
      ` + ${grouped(accounting.other)} other + ${grouped(accounting.held)} held + ${grouped(dropped)} dropped`,
  );
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

function printEsp(output: TextOutput, report: SurveyReport, most: number): void {
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
    espRemarks(row),
  ]);
  section(output, withKeys ? `ESP, opened by ${report.cipher.name}` : 'ESP', columns, rows, most);
}

/** What there is to say of an SPI besides its numbers. */
function espRemarks(row: EspReport): string {
  const remarks = Object.entries(row.failed).map(([reason, count]) => `${count} ${reason}`);
  if (row.key !== null) remarks.push(`key ${row.key.tag}${row.key.spiForm === 'short' ? ' by 4-byte addresses' : ''}`);
  if (row.inUdp) remarks.push('in UDP');
  if (row.nonceReused > 0) remarks.push(`${row.nonceReused} nonces used again`);
  return remarks.join(', ');
}

function printSizes(output: TextOutput, report: SurveyReport): void {
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
      `Fragments: ${grouped(fragments.fragments)} outer, put together to ${grouped(fragments.reassembled)} packets,` +
        ` ${grouped(fragments.held)} held; ${grouped(fragments.inner)} inner, the containers' own`,
    );
  }
}

function printPackets(output: TextOutput, survey: Survey): (batch: CaptureBatch) => void {
  let number = 0;
  let start = Number.NaN;
  let startNanos = 0;
  return (batch) => {
    for (let i = 0; i < batch.count; i++) {
      if (number++ === 0) {
        start = batch.seconds[i];
        startNanos = batch.nanoseconds[i];
      }
      const verdict = survey.add(batch, i);
      output.line(
        packetLine(survey.ingress, verdict, survey.inner, {
          number,
          time: batch.seconds[i] - start + (batch.nanoseconds[i] - startNanos) / 1e9,
          length: batch.originalLength[i],
          link: batch.linkType[i] === LinkType.Ethernet ? batch.offset[i] : -1,
        }),
      );
    }
  };
}

/** `vtep inspect FILE`. */
export const inspectCommand: Command = {
  summary: 'what a capture holds',
  help: HELP,
  async run(args) {
    const parsed = parseWords('inspect', args, {
      ...INGRESS_OPTIONS,
      packets: { type: 'boolean' },
      json: { type: 'boolean' },
      'no-checksums': { type: 'boolean' },
      rows: { type: 'string' },
      strict: { type: 'boolean' },
    });
    const path = onlyOperand('inspect', parsed, 'a capture file');
    const rows = wholeNumber(parsed, 'rows', 0, 1e9) ?? DEFAULT_ROWS;
    if (parsed.values['packets'] === true && parsed.values['json'] === true) {
      throw new UsageError('--packets and --json exclude each other');
    }
    const checksums = parsed.values['no-checksums'] !== true && parsed.values['packets'] !== true;
    const keys = await readKeysOption(parsed);
    const survey = new Survey({ ...ingressOptions(parsed), ...keys?.open(), checksums });
    const output = new TextOutput();
    const source = await openInput(path);
    const packets = parsed.values['packets'] === true;
    await readInput(source, packets ? printPackets(output, survey) : (batch) => survey.addBatch(batch));
    keys?.finish();
    const report = survey.report(source);
    if (parsed.values['json'] === true) output.line(JSON.stringify(report, null, 2));
    else if (!packets) printReport(output, report, rows);
    output.flush();
    const warned = report.packets === 0 || report.problems.some((problem) => problem.severity === 'warning');
    return parsed.values['strict'] === true && warned ? ExitCode.DataWrong : ExitCode.Done;
  },
};
