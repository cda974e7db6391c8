/** The options of `vtep capture`. */
import { overlayFilter } from '../../live/index.js';
import { flag, option, type Values } from '../options/declared.js';
import { portOption, UNDERLAY_DECODER_OPTIONS } from '../options/underlay-decoder-options.js';
import { choice, duration, file, integer, size, text } from '../options/value-kinds.js';
import { formatOf } from './output-format.js';
import { UsageError } from '../usage-error.js';
import { DEFAULT_ROWS } from './survey-tables.js';

const DAY = 86_400;
const MIB = 1 << 20;

const OPTIONS = {
  filter: option('--filter BPF', 'only packets that match this filter (man pcap-filter)', text),
  all: flag(
    '--all',
    'all packets; without it and --filter, only VXLAN, ESP, ESP in UDP, and fragments that may belong to them, over ' +
      'IPv4 and IPv6, also with one VLAN tag',
  ).conflicts('filter'),
  output: option('-o, --output OUT', 'output file; - is standard output', file),
  decap: flag('--decap', 'write the inner frames, like vtep decap'),
  inspect: flag('--inspect', 'show tables in addition to -o'),
  packets: flag('--packets', 'print one line per packet instead of tables').conflicts(['output', 'inspect', 'json']),
  format: option('--format NAME', 'file format, with nanoseconds', choice('pcap', 'pcapng')).otherwise(
    "by OUT's extension",
  ),
  rotateSize: option(
    '--rotate-size N',
    'start a new file when one reaches N bytes (500000, 64M, 2G): wire.pcap becomes wire_00001_20261121170000.pcap ' +
      'and so on; each appears when it is complete',
    size(1000, 1e15),
  ),
  rotateEvery: option('--rotate-every T', 'start a new file at this interval (60, 10m, 1h)', duration(1, 365 * DAY)),
  files: option('--files N', 'keep only the N newest files', integer(1, 1e6)),
  count: option('--count N', 'stop after N packets', integer(1, Number.MAX_SAFE_INTEGER)),
  for: option('--for T', 'stop after this time (30, 10m, 1h)', duration(0.001, 365 * DAY)),
  buffer: option(
    '--buffer MIB',
    "kernel buffer; the kernel drops and counts packets that don't fit. On a device with offloads each packet takes " +
      '128 KiB, whatever its length',
    integer(1, 2047),
  ).or(64),
  ...UNDERLAY_DECODER_OPTIONS,
  checksums: flag('--no-checksums', "don't verify checksums"),
  rows: option('--rows N', 'maximum rows per printed table; 0 for all', integer(0, 1e9)).or(DEFAULT_ROWS),
  strict: flag('--strict', 'exit 1 if the kernel dropped packets, or there is a warning'),
};

/** The options. */
export const CAPTURE_OPTIONS = {
  list: flag('--list', 'list the devices').conflicts(Object.keys(OPTIONS)),
  ...OPTIONS,
  json: flag('--json', 'print one JSON object at the end'),
};

/** Their values. */
export type CaptureValues = Values<typeof CAPTURE_OPTIONS>;

/** The output for packets or frames. */
export interface CaptureOutputPlan {
  readonly path: string;
  readonly format: 'pcap' | 'pcapng';
  /** When to start a new file; undefined for a single file. */
  readonly rotation: { readonly size?: number; readonly seconds?: number; readonly files?: number } | undefined;
}

/** What the arguments ask for. */
export interface CapturePlan {
  readonly filters: readonly string[];
  /** The filter's name in reports. */
  readonly filterName: string;
  readonly output: CaptureOutputPlan | undefined;
  readonly decap: boolean;
  readonly survey: 'tables' | 'packets' | undefined;
  readonly count: number;
  /** Seconds. */
  readonly duration: number | undefined;
  readonly bufferBytes: number;
  readonly json: boolean;
}

/**
 * Makes a plan from the options.
 * @throws UsageError for options that contradict each other
 */
export function capturePlan(values: CaptureValues): CapturePlan {
  const { json, decap, inspect, packets, filter, all } = values;
  const output = outputPlan(values);
  if (decap && output === undefined) throw new UsageError('--decap needs an output file: -o OUT');
  if (decap && inspect) {
    throw new UsageError('--decap and --inspect are mutually exclusive; capture to a file, then inspect that');
  }
  const survey = packets ? 'packets' : output === undefined || inspect ? 'tables' : undefined;
  if (output?.path === '-' && (json || survey !== undefined)) {
    throw new UsageError('-o - and tables or --json both use standard output; name a file');
  }
  if (survey === undefined && !decap) {
    const { keys, vni, reserved, aead, espSa } = values;
    const needless = { keys: keys.length > 0 ? keys : undefined, vni, reserved, aead, 'esp-sa': espSa };
    for (const [name, value] of Object.entries(needless)) {
      if (value === undefined) continue;
      throw new UsageError(`--${name} needs tables, --packets or --decap; -o alone keeps packets unchanged`);
    }
  }
  const port = portOption(values.port);
  const ready = port === undefined ? {} : { port };
  const filters =
    filter !== undefined ? [filter] : all ? [''] : [overlayFilter(ready), overlayFilter({ ...ready, vlan: false })];
  return {
    filters,
    filterName: filter ?? (all ? 'all packets' : 'overlay'),
    output,
    decap,
    survey,
    count: values.count ?? Infinity,
    duration: values.for,
    bufferBytes: values.buffer * MIB,
    json,
  };
}

function outputPlan(values: CaptureValues): CaptureOutputPlan | undefined {
  const { output: path, rotateSize, rotateEvery, files, format: named, decap } = values;
  const rotates = rotateSize !== undefined || rotateEvery !== undefined;
  if (files !== undefined && !rotates) throw new UsageError('--files needs --rotate-size or --rotate-every');
  if (path === undefined) {
    if (rotates || named !== undefined) throw new UsageError('--rotate-* and --format need -o OUT');
    return undefined;
  }
  if (!rotates) return { path, format: formatOf(path, named), rotation: undefined };
  if (path === '-') throw new UsageError("standard output can't be rotated; --rotate-* needs a file");
  const format = formatOf(path, named);
  if (decap && format === 'pcapng') {
    throw new UsageError(
      '--decap rotates only pcap, since pcapng interfaces would restart in each file; name OUT.pcap',
    );
  }
  const rotation = {
    ...(rotateSize === undefined ? {} : { size: rotateSize }),
    ...(rotateEvery === undefined ? {} : { seconds: rotateEvery }),
    ...(files === undefined ? {} : { files }),
  };
  return { path, format, rotation };
}
