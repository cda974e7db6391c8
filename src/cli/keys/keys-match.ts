/** `vtep keys match`: finds the key of a ring that each SPI of a capture was derived from. */
import { hkdfSha256 } from '../../aead/index.js';
import {
  type KeyMatch,
  type KeyMatchReport,
  matchKeys,
  type RingKeyReport,
  RingKeys,
  Survey,
  type TransmitKey,
} from '../../inspect/index.js';
import { openInput, readInput } from '../capture/capture-input.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { aeadDeclared } from '../options/aead-option.js';
import { captureOperand, flag, option } from '../options/declared.js';
import { file } from '../options/value-kinds.js';
import { portDeclared, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { readRingOption } from '../options/keys-option.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { problemLines } from '../capture/problem-lines.js';
import { styled } from '../style.js';
import { addresses, grouped, numbers, remarks, table, words } from '../table.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

function nameOf({ tag, role, rotations }: RingKeyReport): string {
  if (rotations === 0) return `key ${tag} (${role}), the middle one, as expected`;
  const steps = Math.abs(rotations);
  const away = `${steps} ${steps === 1 ? 'rotation' : 'rotations'} ${rotations < 0 ? 'behind' : 'ahead of'}`;
  return `key ${tag} (${role}), ${away} the middle one`;
}

function nodeLine(address: string, keys: readonly TransmitKey[]): string {
  const named = keys.map((key) => nameOf(key) + (keys.length > 1 ? `, to ${key.peers} of its peers` : ''));
  return `${address} transmits with ${named.join('; with ')}`;
}

/** Conclusions from the table of SPIs. */
function conclusions({ spis, packets, opened, nodes }: KeyMatchReport): string[] {
  if (spis.length === 0) return ['No ESP: nothing to match'];
  const matched = spis.filter(({ key }) => key !== null).length;
  if (matched === 0) {
    return [
      `No match: the capture's SPIs were not derived from these tags. They belong to another ring, the nodes know` +
        ` each other by other addresses (NAT), or the SPIs were set manually`,
    ];
  }
  return [
    `${matched} of ${spis.length} SPIs are derived from this ring's tags; ${grouped(opened)} of ${grouped(packets)}` +
      ` packets decrypt with its keys`,
    ...nodes.map(({ address, keys }) => nodeLine(address, keys)),
  ];
}

function warnings({ key, failed, inUdp }: KeyMatch): string {
  const notes =
    key === null
      ? ["not derived from this ring's tags"]
      : Object.entries(failed).map(([reason, count]) => `${count} ${reason}`);
  if (inUdp) notes.push('in UDP');
  return notes.join(', ');
}

function printReport(output: TextOutput, file: string, report: KeyMatchReport): void {
  output.line(
    `${file}: ${grouped(report.packets)} ESP packets of ${report.spis.length} SPIs;` +
      ` a ring of ${report.ring.length} keys, profile ${report.profile}`,
  );
  output.line('');
  output.line([styled('Ring', 'bold')]);
  const ring = report.ring.map(({ tag, role, fingerprint, rotations }) => [
    String(tag),
    role,
    fingerprint,
    rotations === 0 ? 'nodes transmit with it' : '',
  ]);
  for (const line of table([numbers('tag'), words('role'), words('fingerprint'), remarks('')], ring)) output.line(line);
  if (report.spis.length > 0) {
    output.line('');
    output.line([styled('SPIs', 'bold')]);
    const columns = [
      words('SPI'),
      addresses('from'),
      addresses('to'),
      numbers('packets', { shorten: 'compact', keep: 3 }),
      numbers('decrypted', { shorten: 'compact', keep: 5, style: 'green' }),
      numbers('failed', { shorten: 'compact', style: 'red' }),
      numbers('tag'),
      words('role', { keep: 4 }),
      words('fingerprint', { keep: 1 }),
      words('form', { keep: 2 }),
      remarks('notes'),
    ];
    const rows = report.spis.map((row) => [
      row.spi,
      row.source,
      row.destination,
      row.packets,
      row.opened,
      Object.values(row.failed).reduce((sum, count) => sum + count, 0),
      ...(row.key === null
        ? ['-', '-', '-', '-']
        : [String(row.key.tag), row.key.role, row.key.fingerprint, row.key.spiForm]),
      warnings(row),
    ]);
    for (const line of table(columns, rows)) output.line(line);
  }
  output.line('');
  for (const line of conclusions(report)) output.line(line);
  for (const line of problemLines(report.problems)) output.line(line);
}

/** `vtep keys match FILE --ring FILE`. */
export const keysMatchCommand = declare({
  usage: ['FILE --ring FILE [OPTIONS]'],
  description: [
    'Finds the key of a ring that each SPI of a capture was derived from. A tag that yields the SPI is a hint (one in ' +
      '2^32 does so by chance); packets that decrypt with the key are proof.',
  ],
  operand: captureOperand(),
  options: {
    ring: option('--ring FILE', "the key ring: lines of Swarm's raft store, or vtep's YAML or JSON", file).need(),
    aead: aeadDeclared,
    port: portDeclared,
    json: flag('--json', 'print one JSON object'),
    strict: flag('--strict', 'exit 1 if there is a warning, or no ESP'),
  },
  examples: [
    ['vtep keys match wire.pcap --ring ring.yaml', 'which key each node transmits with'],
    ['vtep keys match wire.pcap --ring ring.yaml --strict > /dev/null', 'in a script: whether all packets decrypt'],
  ],
  async run(values, [path]) {
    const keys = await readRingOption(values);
    if (keys?.ring === undefined) throw new UsageError(`${values.ring}: not a key ring`);
    const survey = new Survey({ ...underlayDecoderOptions(values), ...keys.open(), checksums: false });
    if (!values.json) stopReadingOnInterrupt();
    const source = await openInput(path);
    await readInput(source, (batch) => survey.addBatch(batch));
    const report = matchKeys(survey.report(source), new RingKeys(keys.ring, hkdfSha256));
    keys.finish();
    const output = new TextOutput();
    if (values.json) output.json({ file: source.name, ...report });
    else printReport(output, source.name, report);
    output.flush();
    const wrong = report.spis.length === 0 || report.problems.length > 0;
    return values.strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
});
