/** The words of `vtep capture`, and what they ask for. */
import { overlayFilter } from '../live/overlay-filter.js';
import { oneOf, type ParsedArguments, UsageError, wholeNumber } from './arguments.js';
import { formatOf } from './frame-writer.js';
import { UNDERLAY_DECODER_HELP, UNDERLAY_DECODER_OPTIONS, portOption } from './underlay-decoder-options.js';
import { sizeOption } from './size-option.js';
import { spanOption } from './time-words.js';

const DAY = 86_400;
const MIB = 1 << 20;

/** For parseWords. */
export const CAPTURE_OPTIONS = {
  ...UNDERLAY_DECODER_OPTIONS,
  list: { type: 'boolean' },
  filter: { type: 'string' },
  all: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  format: { type: 'string' },
  'rotate-size': { type: 'string' },
  'rotate-every': { type: 'string' },
  files: { type: 'string' },
  decap: { type: 'boolean' },
  inspect: { type: 'boolean' },
  packets: { type: 'boolean' },
  count: { type: 'string' },
  for: { type: 'string' },
  buffer: { type: 'string' },
  'no-checksums': { type: 'boolean' },
  rows: { type: 'string' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
} as const;

export const CAPTURE_HELP = `vtep capture DEVICE [OPTIONS]
vtep capture --list [--json]

Packets of a device, as they come: what they hold as tables (shown once a second on a terminal, at the end elsewhere),
the packets themselves in a file (-o), or the inner frames (--decap -o). It ends by Ctrl-C or SIGTERM, --count or --for,
with all sums. Needs the package cap, and root or CAP_NET_RAW.

  --list             the devices there are; any is all of them at once
  --filter BPF       only packets that this filter of libpcap lets through (man pcap-filter)
  --all              all packets; if neither is said, those of an overlay: VXLAN, ESP, ESP in UDP, and fragments that may
                     be of them, over IPv4 and IPv6, also under one VLAN tag
  -o, --output OUT   where packets go; - is standard output
  --decap            the inner frames go there, as vtep decap gives them
  --inspect          tables beside -o, too
  --packets          a line for each packet instead of tables
  --format WORD      pcap (nanoseconds) or pcapng; by OUT's ending if not said
  --rotate-size N    a new file as soon as one has N bytes (500000, 64M, 2G): wire.pcap becomes
                     wire_00001_20261121170000.pcap and so on; each appears when it is whole
  --rotate-every T   a new file after each span of time (60, 10m, 1h)
  --files N          keeps the N newest of them
  --count N          ends after N packets
  --for T            ends after a span of time (30, 10m, 1h)
  --buffer MIB       what the kernel holds of packets that weren't taken yet; 64. What doesn't fit it drops, and counts;
                     of a device with offloads each packet takes 128 KiB, however short it is
${UNDERLAY_DECODER_HELP}
  --no-checksums     tables without checksums
  --rows N           rows of a printed table at the most; 20, 0 for all
  --json             one JSON object at the end
  --strict           exit 1 if the kernel dropped packets, or there is a warning

A packet's time is when it was taken from the kernel: cap hands on no other. Packets of more than 65,535 bytes are cut.
Where the kernel's drops can't be known (not Linux, or without the package koffi) they are said to be unknown.
Exit 2 if the device goes away or down; what came before it is kept.`;

/** Where packets or frames go. */
export interface CaptureOutputPlan {
  readonly path: string;
  readonly format: 'pcap' | 'pcapng';
  /** When to go on in a new file; undefined for one file. */
  readonly rotation: { readonly size?: number; readonly seconds?: number; readonly files?: number } | undefined;
}

/** What a call asks for. */
export interface CapturePlan {
  readonly filters: readonly string[];
  /** What is said of the filter. */
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
 * Makes a plan of a call's words.
 * @throws UsageError for those that don't go together
 */
export function capturePlan(parsed: ParsedArguments): CapturePlan {
  const { values } = parsed;
  const given = (name: string): boolean => values[name] !== undefined && values[name] !== false;
  const json = given('json');
  const decap = given('decap');
  const output = outputPlan(parsed, decap);
  if (given('filter') && given('all')) throw new UsageError('--filter and --all exclude each other');
  if (decap && output === undefined) throw new UsageError('--decap needs -o OUT, where the frames go');
  if (decap && given('inspect')) {
    throw new UsageError('--decap and --inspect exclude each other; capture to a file, and inspect that');
  }
  if (given('packets') && (output !== undefined || json || given('inspect'))) {
    throw new UsageError('--packets goes without -o, --inspect and --json');
  }
  const survey = given('packets') ? 'packets' : output === undefined || given('inspect') ? 'tables' : undefined;
  if (output?.path === '-' && (json || survey !== undefined)) {
    throw new UsageError('-o - and tables or --json both want standard output; name a file');
  }
  if (survey === undefined && !decap) {
    for (const name of ['keys', 'vni', 'reserved', 'esp-sa', 'aead']) {
      if (given(name))
        throw new UsageError(`--${name} goes with tables, --packets or --decap; -o alone keeps packets as they are`);
    }
  }
  const port = portOption(parsed);
  const named = values['filter'];
  const ready = port === undefined ? {} : { port };
  const filters =
    typeof named === 'string'
      ? [named]
      : given('all')
        ? ['']
        : [overlayFilter(ready), overlayFilter({ ...ready, vlan: false })];
  return {
    filters,
    filterName: typeof named === 'string' ? named : given('all') ? 'all packets' : 'overlay',
    output,
    decap,
    survey,
    count: wholeNumber(parsed, 'count', 1, Number.MAX_SAFE_INTEGER) ?? Infinity,
    duration: spanOption(parsed, 'for', 0.001, 365 * DAY),
    bufferBytes: (wholeNumber(parsed, 'buffer', 1, 2047) ?? 64) * MIB,
    json,
  };
}

function outputPlan(parsed: ParsedArguments, decap: boolean): CaptureOutputPlan | undefined {
  const path = parsed.values['output'];
  const size = sizeOption(parsed, 'rotate-size', 1000, 1e15);
  const seconds = spanOption(parsed, 'rotate-every', 1, 365 * DAY);
  const files = wholeNumber(parsed, 'files', 1, 1e6);
  const rotates = size !== undefined || seconds !== undefined;
  if (files !== undefined && !rotates) throw new UsageError('--files goes with --rotate-size or --rotate-every');
  const word = oneOf(parsed, 'format', ['pcap', 'pcapng']);
  if (typeof path !== 'string' || path === '') {
    if (rotates || word !== undefined || path === '') throw new UsageError('--rotate-... and --format need -o OUT');
    return undefined;
  }
  if (!rotates) return { path, format: formatOf(path, word), rotation: undefined };
  if (path === '-') throw new UsageError('standard output is one file; name one with --rotate-...');
  const format = formatOf(path, word);
  if (decap && format === 'pcapng') {
    throw new UsageError('--decap rotates pcap only, since interfaces of pcapng would begin anew; name OUT.pcap');
  }
  const rotation = {
    ...(size === undefined ? {} : { size }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(files === undefined ? {} : { files }),
  };
  return { path, format, rotation };
}
