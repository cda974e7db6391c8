/** The options of `vtep capture`. */
import { overlayFilter } from '../../live/device/overlay-filter.js';
import { oneOf, type ParsedArguments, UsageError, wholeNumber } from '../arguments.js';
import { formatOf } from '../replay/frame-writer.js';
import { UNDERLAY_DECODER_HELP, UNDERLAY_DECODER_OPTIONS, portOption } from '../options/underlay-decoder-options.js';
import { sizeOption } from '../options/size-option.js';
import { spanOption } from '../options/time-words.js';

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

Captures packets of a device and shows them as tables (once a second on a
terminal, otherwise at the end), or writes the packets (-o) or the inner frames
(--decap -o) to a file. Stops on Ctrl-C, SIGTERM, --count or --for, and prints
the totals. Needs the cap package, and root or CAP_NET_RAW.

  --list             lists the devices; any stands for all of them
  --filter BPF       only packets that match this filter (man pcap-filter)
  --all              all packets. Default, without --filter: VXLAN, ESP, ESP in
                     UDP, and fragments that may belong to them, over IPv4 and
                     IPv6, also with one VLAN tag
  -o, --output OUT   output file; - is standard output
  --decap            writes the inner frames, like vtep decap
  --inspect          shows tables in addition to -o
  --packets          one line per packet instead of tables
  --format NAME      pcap (nanoseconds) or pcapng. Default: by OUT's extension
  --rotate-size N    starts a new file when one reaches N bytes (500000, 64M,
                     2G): wire.pcap becomes wire_00001_20261121170000.pcap and
                     so on; each appears when it is complete
  --rotate-every T   starts a new file at this interval (60, 10m, 1h)
  --files N          keeps only the N newest files
  --count N          stops after N packets
  --for T            stops after this time (30, 10m, 1h)
  --buffer MIB       kernel buffer. Default: 64. The kernel drops and counts
                     packets that don't fit. On a device with offloads each
                     packet takes 128 KiB, whatever its length
${UNDERLAY_DECODER_HELP}
  --no-checksums     don't verify checksums
  --rows N           maximum rows per printed table; 0 for all. Default: 20
  --json             one JSON object at the end
  --strict           exit 1 if the kernel dropped packets, or there is a warning

A packet's timestamp is the time when it was read from the kernel: cap provides
no other. Packets longer than 65,535 bytes are truncated. Kernel drops are
reported as unknown except on Linux with the koffi package. Exit 2 if the device
disappears or goes down; packets before that are kept.`;

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
 * Makes a plan from the arguments.
 * @throws UsageError for options that contradict each other
 */
export function capturePlan(parsed: ParsedArguments): CapturePlan {
  const { values } = parsed;
  const given = (name: string): boolean => values[name] !== undefined && values[name] !== false;
  const json = given('json');
  const decap = given('decap');
  const output = outputPlan(parsed, decap);
  if (given('filter') && given('all')) throw new UsageError('--filter and --all are mutually exclusive');
  if (decap && output === undefined) throw new UsageError('--decap needs an output file: -o OUT');
  if (decap && given('inspect')) {
    throw new UsageError('--decap and --inspect are mutually exclusive; capture to a file, then inspect that');
  }
  if (given('packets') && (output !== undefined || json || given('inspect'))) {
    throw new UsageError("--packets can't be combined with -o, --inspect or --json");
  }
  const survey = given('packets') ? 'packets' : output === undefined || given('inspect') ? 'tables' : undefined;
  if (output?.path === '-' && (json || survey !== undefined)) {
    throw new UsageError('-o - and tables or --json both use standard output; name a file');
  }
  if (survey === undefined && !decap) {
    for (const name of ['keys', 'vni', 'reserved', 'esp-sa', 'aead']) {
      if (given(name))
        throw new UsageError(`--${name} needs tables, --packets or --decap; -o alone keeps packets unchanged`);
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
  if (files !== undefined && !rotates) throw new UsageError('--files needs --rotate-size or --rotate-every');
  const word = oneOf(parsed, 'format', ['pcap', 'pcapng']);
  if (typeof path !== 'string' || path === '') {
    if (rotates || word !== undefined || path === '') throw new UsageError('--rotate-* and --format need -o OUT');
    return undefined;
  }
  if (!rotates) return { path, format: formatOf(path, word), rotation: undefined };
  if (path === '-') throw new UsageError("standard output can't be rotated; --rotate-* needs a file");
  const format = formatOf(path, word);
  if (decap && format === 'pcapng') {
    throw new UsageError(
      '--decap rotates only pcap, since pcapng interfaces would restart in each file; name OUT.pcap',
    );
  }
  const rotation = {
    ...(size === undefined ? {} : { size }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(files === undefined ? {} : { files }),
  };
  return { path, format, rotation };
}
