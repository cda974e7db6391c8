/** `vtep keys timeline`: shows a capture's SPIs over time. */
import { hkdfSha256 } from '../../aead/index.js';
import type { PacketSource } from '../../capture/index.js';
import {
  KeyTimeline,
  type KeyTimelineReport,
  RingKeys,
  type Rotation,
  type SpiKeyReport,
  type SpiSpan,
  type TimelineEntry,
} from '../../inspect/index.js';
import { openInput, readInput } from '../capture/capture-input.js';
import { declare } from '../command.js';
import { readEvents } from './events-option.js';
import { ExitCode } from '../exit-code.js';
import { aeadDeclared } from '../options/aead-option.js';
import { captureOperand, flag, option, options, type Values } from '../options/declared.js';
import { file, integer } from '../options/value-kinds.js';
import { portDeclared, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import type { KeysOption } from './key-files.js';
import { readRingOption } from '../options/keys-option.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { problemLines } from '../capture/problem-lines.js';
import { type Line, styled } from '../style.js';
import { addresses, grouped, numbers, remarks, table, words } from '../table.js';
import { shownTime } from '../time-text.js';
import { TextOutput } from '../text-output.js';

const OPTIONS = {
  ring: option('--ring FILE', 'key ring: names the key of each SPI, and decrypts packets', file),
  keys: options(
    '--keys FILE',
    "keys to decrypt ESP, as for inspect; a dump of ip -s xfrm state also gives the creation times of SAs (in the node's " +
      'local time, read as UTC)',
    file,
  ),
  aead: aeadDeclared,
  events: option('--events FILE', 'lines of UNIXSECONDS.FRACTION TEXT, merged into the timeline', file),
  gap: option('--gap SECONDS', 'report silences of an SPI longer than this', integer(1, 1e9)).or(5),
  every: option('--every SECONDS', 'rotation interval; Swarm rotates every 12 h', integer(1, 1e9)).or(43_200),
  port: portDeclared,
  json: flag('--json', 'print one JSON object'),
  strict: flag('--strict', 'exit 1 if there is a warning, or no ESP'),
};

const DURATIONS = [
  ['y', 31_557_600],
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

function duration(seconds: number): string {
  for (const [unit, length] of DURATIONS) {
    if (seconds >= 2 * length) return `${grouped(Math.floor(seconds / length))} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

function offsetOf(seconds: number): string {
  return `${seconds < 0 ? '-' : '+'}${Math.abs(seconds).toFixed(3)}`;
}

function keyName({ tag, role, spiForm }: SpiKeyReport): string {
  return `key ${tag}, ${role}${spiForm === 'short' ? ', by 4-byte addresses' : ''}`;
}

/** The text of an entry, without its time. */
function entryWords(entry: TimelineEntry, keyOf: (spi: string) => string): string {
  if (entry.kind === 'event') return `event: ${entry.words}`;
  if (entry.kind === 'unopened') {
    return `packets that no key decrypts: ${grouped(entry.packets)}, of ${grouped(entry.spis)} SPIs`;
  }
  const way = `${entry.source} -> ${entry.destination}`;
  switch (entry.kind) {
    case 'first':
      return `${way} first packet, SPI ${entry.spi}${keyOf(entry.spi)}`;
    case 'last':
      return `${way} last packet of ${entry.spi}`;
    case 'made':
      return `SA ${entry.spi} ${way} created (dump, local time)`;
    case 'silence':
      return `${way} silent on ${entry.spi} for ${entry.seconds.toFixed(3)} s`;
    case 'switch': {
      const { from, to, overlap, gapSeconds } = entry;
      const gap = gapSeconds ?? 0;
      const edge =
        overlap === null
          ? `${Math.abs(gap).toFixed(3)} s ${gap < 0 ? 'before' : 'after'} the last packet of the old`
          : `${grouped(overlap.packets)} packets of the old still arrive, for ${overlap.seconds.toFixed(3)} s`;
      return `${way} switches ${from} -> ${to}${keyOf(to)}, ${edge}`;
    }
  }
}

function entryLines(report: KeyTimelineReport): Line[] {
  const names = new Map<string, string>();
  for (const { source, destination, spis } of report.directions) {
    for (const { spi, key } of spis) {
      if (key !== null) names.set(`${source} ${destination} ${spi}`, ` (${keyName(key)})`);
    }
  }
  return table(
    [words('time', { keep: 1 }), numbers('offset'), words('event', { shorten: 'wrap', least: 44 })],
    report.entries.map((entry) => [
      // Dumps don't include a time zone.
      shownTime(entry.kind === 'made' ? entry.localTime : entry.time),
      offsetOf(entry.offset),
      entryWords(entry, (spi) =>
        'source' in entry ? (names.get(`${entry.source} ${entry.destination} ${spi}`) ?? '') : '',
      ),
    ]),
  ).slice(1);
}

function runsOutIn({ extended, runsOut }: SpiSpan): string {
  if (extended) return 'never (64 bits)';
  return runsOut === null ? '-' : duration(runsOut.seconds);
}

function warnings({ failed, inUdp, current, runsOut, sequenceRestarts }: SpiSpan): string {
  const notes = Object.entries(failed).map(([reason, count]) => `${count} ${reason}`);
  if (inUdp) notes.push('in UDP');
  if (sequenceRestarts > 0) notes.push(`sequence numbers restarted ${sequenceRestarts} times`);
  if (current && runsOut?.beforeRotation === true) notes.push('runs out before the next rotation');
  return notes.join(', ');
}

function spiLines({ directions }: KeyTimelineReport, withKeys: boolean, withRing: boolean): Line[] {
  const columns = [
    addresses('from'),
    addresses('to'),
    words('SPI'),
    numbers('first', { keep: 5 }),
    numbers('last', { keep: 4 }),
    numbers('packets', { shorten: 'compact' }),
    numbers('bytes', { shorten: 'compact', keep: 2 }),
    numbers('first seq', { keep: 1 }),
    numbers('last seq', { keep: 3 }),
    numbers('missing', { shorten: 'compact', keep: 8, style: 'yellow' }),
    numbers('seq/s', { keep: 2 }),
    numbers('runs out in', { keep: 7 }),
    ...(withKeys
      ? [
          numbers('decrypted', { shorten: 'compact', keep: 6, style: 'green' }),
          numbers('failed', { shorten: 'compact', keep: 9, style: 'red' }),
        ]
      : []),
    ...(withRing ? [words('key', { keep: 9 }), words('fingerprint', { keep: 1 })] : []),
    remarks('notes'),
  ];
  const rows = directions.flatMap(({ source, destination, spis }) =>
    spis.map((span) => [
      source,
      destination,
      span.spi,
      span.first === null ? '-' : offsetOf(span.first.offset),
      span.last === null ? '-' : offsetOf(span.last.offset),
      span.packets,
      span.bytes,
      span.firstSequence,
      span.lastSequence,
      span.missingSequences,
      span.sequenceRate === null ? '-' : span.sequenceRate.toFixed(1),
      runsOutIn(span),
      ...(withKeys ? [span.opened, Object.values(span.failed).reduce((sum, count) => sum + count, 0)] : []),
      ...(withRing ? (span.key === null ? ['-', '-'] : [keyName(span.key).slice(4), span.key.fingerprint]) : []),
      warnings(span),
    ]),
  );
  return table(columns, rows);
}

function rotationLine({ start, seconds, nodes, directions }: Rotation): string {
  const [first, ...others] = nodes;
  const head = `Rotation at ${offsetOf(start.offset)}: ${first.address} switches first`;
  if (others.length === 0) return `${head}, no other node in this capture`;
  const last = others[others.length - 1];
  return (
    `${head}, ${others.length === 1 ? '' : `${others.length} others follow, the last `}` +
    `${last.address} ${(last.at.offset - start.offset).toFixed(3)} s later;` +
    ` ${directions} directions within ${seconds.toFixed(3)} s`
  );
}

function printReport(output: TextOutput, file: string, report: KeyTimelineReport, keys: KeysOption | undefined): void {
  const { packets, spis, firstTime, durationSeconds, rotations, unlisted, problems } = report.summary;
  if (packets === 0) {
    output.line(`${file}: no ESP`);
    return;
  }
  output.line(
    `${file}: ${grouped(packets)} ESP packets of ${grouped(spis)} SPIs in ${grouped(report.directions.length)} directions,` +
      ` ${durationSeconds.toFixed(6)} s`,
  );
  output.line('');
  if (report.entries.length === 0) output.line('The capture has no timestamps');
  else
    output.line([styled(`Timeline${firstTime === null ? '' : `, in seconds from ${shownTime(firstTime)}`}`, 'bold')]);
  for (const line of entryLines(report)) output.line(line);
  output.line('');
  output.line([styled('SPIs', 'bold')]);
  for (const line of spiLines(report, keys !== undefined, keys?.ring !== undefined)) output.line(line);
  output.line('');
  for (const rotation of rotations) output.line(rotationLine(rotation));
  if (rotations.length === 0) output.line('No node switches to another SPI');
  if (unlisted.silences > 0) output.line(`${grouped(unlisted.silences)} more silences are not listed`);
  if (unlisted.returns > 0) output.line(`${grouped(unlisted.returns)} more switches back are not listed`);
  if (unlisted.made > 0)
    output.line(`${grouped(unlisted.made)} SAs of the dumps belong to other nodes and are not listed`);
  for (const line of problemLines(problems)) output.line(line);
}

function timelineOf(values: Values<typeof OPTIONS>, keys: KeysOption | undefined): KeyTimeline {
  return new KeyTimeline({
    ...underlayDecoderOptions(values),
    ...keys?.open(),
    ...(keys?.ring === undefined ? {} : { ring: new RingKeys(keys.ring, hkdfSha256) }),
    silence: values.gap,
    rotation: values.every,
  });
}

/** Adds the capture's notes to the problems: packets without a timestamp are missing from the timeline. */
function withNotes(report: KeyTimelineReport, { notes }: PacketSource): KeyTimelineReport {
  const odd = notes.map(({ count, message }) => ({ code: 'CAPTURE_ODD', severity: 'note', count, message }) as const);
  return { ...report, summary: { ...report.summary, problems: [...report.summary.problems, ...odd] } };
}

/** `vtep keys timeline FILE`. */
export const keysTimelineCommand = declare({
  usage: ['FILE [OPTIONS]'],
  description: [
    "Shows a capture's SPIs over time: when each node switches to a new one, overlaps and silences, and when the 32-bit " +
      'sequence numbers run out at the observed rate. Works without keys.',
  ],
  operand: captureOperand(),
  options: OPTIONS,
  examples: [
    ['vtep keys timeline wire.pcap', 'switches and silences, without any key'],
    [
      'vtep keys timeline wire.pcap --ring ring.yaml --events log.txt',
      'with the keys of each SPI, and your own events',
    ],
  ],
  async run(values, [path]) {
    const events = values.events === undefined ? [] : readEvents(values.events);
    const keys = await readRingOption(values);
    const timeline = timelineOf(values, keys);
    if (!values.json) stopReadingOnInterrupt();
    const source = await openInput(path);
    await readInput(source, (batch) => timeline.addBatch(batch));
    const report = withNotes(timeline.report({ made: keys?.made ?? [], events }), source);
    keys?.finish();
    const output = new TextOutput();
    if (values.json) output.json({ file: source.name, ...report });
    else printReport(output, source.name, report, keys);
    output.flush();
    const { packets, problems } = report.summary;
    const wrong = packets === 0 || problems.some(({ severity }) => severity === 'warning');
    return values.strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
});
