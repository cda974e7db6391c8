/** The report of `demo`, on one screen. */
import type { SurveyReport } from '../inspect/index.js';
import type { ObservedTopology } from '../replay/index.js';
import { formatMac } from '../wire/index.js';
import type { ReplayRun } from './replay/replay-report.js';
import { shellLines } from './shell-lines.js';
import { outputScreen } from './streams.js';
import { type Line, styled } from './style.js';
import { addresses, type Cell, compact, grouped, numbers, table, words } from './table.js';

/** Rows per table: the report fits one screen. */
const ROWS = 6;
const GROUP = 'ff:ff:ff:ff:ff:ff';

/** What a demonstration has found. */
export interface Demonstration {
  readonly path: string;
  readonly keyPaths: readonly string[];
  readonly report: SurveyReport;
  /** The endpoints and what they send to each other. */
  readonly observed: ObservedTopology;
  /** The clear replay, and the encrypted one. */
  readonly runs: readonly ReplayRun[];
}

/** The report as lines. */
export function demoLines({ path, keyPaths, report, observed, runs }: Demonstration): Line[] {
  return [
    ...captureLines(path, keyPaths, report),
    '',
    [styled('Networks', 'bold')],
    ...networkLines(report),
    '',
    [styled('Nodes', 'bold')],
    ...nodeLines(report),
    '',
    [styled('Who talks to whom', 'bold')],
    ...talkLines(talksOf(report, observed), report.durationSeconds),
    '',
    ...planeLines(runs),
    '',
    [styled('Try next', 'bold')],
    ...nextLines(path, keyPaths),
  ];
}

function captureLines(path: string, keyPaths: readonly string[], report: SurveyReport): Line[] {
  const { packets, durationSeconds, tunnels, accounting, otherTraffic, frames } = report;
  const nodes = new Set(tunnels.flatMap(({ source, destination }) => [source, destination])).size;
  const opened = report.networks.reduce((sum, { encrypted }) => sum + encrypted, 0);
  const how = opened === 0 ? '' : opened === frames ? ', all encrypted' : `, ${grouped(opened)} of them encrypted`;
  const by = opened === 0 ? '' : `, decrypted with ${keyPaths.join(' and ')}`;
  const others = otherTraffic.slice(0, 3).map(({ name, packets: count }) => `${name} ${grouped(count)}`);
  const rest =
    others.length === 0 ? '' : `. Other packets: ${others.join(', ')}${otherTraffic.length > 3 ? ', ...' : ''}`;
  return [
    [styled(path, 'bold')],
    `  ${grouped(packets)} packets between ${grouped(nodes)} nodes in ${durationSeconds.toFixed(1)} s.` +
      ` ${grouped(accounting.inFrames)} carry containers' frames${how}${by}${rest}`,
  ];
}

/** Per second of the capture, with three digits. */
function rate(count: number, seconds: number): string {
  if (!(seconds > 0)) return '-';
  const value = count / seconds;
  return value >= 999.5 ? compact(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function networkLines({ networks, durationSeconds }: SurveyReport): Line[] {
  const columns = [
    numbers('VNI'),
    numbers('endpoints', { keep: 1 }),
    numbers('frames'),
    numbers('encrypted'),
    numbers('bytes', { shorten: 'compact' }),
    numbers('frames/s'),
    numbers('bit/s'),
  ];
  const rows = networks
    .slice(0, ROWS)
    .map(({ vni, endpoints, frames, encrypted, bytes }): Cell[] => [
      String(vni),
      endpoints,
      frames,
      encrypted === frames ? styled('all', 'green') : encrypted,
      bytes,
      rate(frames, durationSeconds),
      rate(8 * bytes, durationSeconds),
    ]);
  return withRest(table(columns, rows), networks.length);
}

/** Each node with its endpoints. */
function nodeLines({ tunnels, endpoints }: SurveyReport): Line[] {
  const nodes = new Set(tunnels.flatMap(({ source, destination }) => [source, destination]));
  const columns = [addresses('node'), numbers('endpoints'), words('', { shorten: 'wrap' })];
  const rows = [...nodes].slice(0, ROWS).map((node): Cell[] => {
    const here = endpoints.filter(({ vtep }) => vtep === node).map(({ ip, mac }) => ip ?? mac);
    return [node, here.length, here.slice(0, ROWS).join(', ') + (here.length > ROWS ? ', ...' : '')];
  });
  return withRest(table(columns, rows), nodes.size);
}

/** What was sent in one direction. */
interface Sent {
  frames: number;
  bytes: number;
}

/** The traffic between two endpoints. */
interface Talk {
  readonly vni: number;
  readonly from: string;
  readonly to: string;
  readonly there: Sent;
  readonly back: Sent;
}

/** The pairs of endpoints, most bytes first. Endpoints are named by address, or by MAC if they have none. */
function talksOf({ endpoints }: SurveyReport, observed: ObservedTopology): Talk[] {
  const names = new Map(endpoints.map(({ vni, mac, ip }) => [`${vni} ${mac}`, ip ?? mac]));
  const nameOf = (vni: number, mac: string): string => names.get(`${vni} ${mac}`) ?? (mac === GROUP ? 'all' : mac);
  const found = new Map<string, Talk>();
  for (const { vni, source, destination, frames, bytes } of observed.conversations()) {
    const [from, to] = [source, destination].map((mac) => nameOf(vni, formatMac(mac, 0)));
    const other = found.get(`${vni} ${to} ${from}`);
    if (other === undefined) {
      found.set(`${vni} ${from} ${to}`, { vni, from, to, there: { frames, bytes }, back: { frames: 0, bytes: 0 } });
    } else {
      other.back.frames += frames;
      other.back.bytes += bytes;
    }
  }
  const total = ({ there, back }: Talk): number => there.bytes + back.bytes;
  return [...found.values()].sort((a, b) => total(b) - total(a));
}

function talkLines(talks: readonly Talk[], seconds: number): Line[] {
  const columns = [
    numbers('VNI'),
    addresses('from'),
    addresses('to'),
    numbers('frames'),
    numbers('bytes', { shorten: 'compact', keep: 2 }),
    numbers('back'),
    numbers('bytes', { shorten: 'compact', keep: 1 }),
    numbers('bit/s'),
  ];
  const rows = talks.slice(0, ROWS).map(({ vni, from, to, there, back }): Cell[] => {
    const both = rate(8 * (there.bytes + back.bytes), seconds);
    return [String(vni), from, to, there.frames, there.bytes, back.frames, back.bytes, both];
  });
  return withRest(table(columns, rows), talks.length);
}

function withRest(lines: readonly Line[], count: number): Line[] {
  return count > ROWS ? [...lines, `  ... and ${grouped(count - ROWS)} more`] : [...lines];
}

function planeLines(runs: readonly ReplayRun[]): Line[] {
  const whole = runs.every(({ result }) => result.frames === result.exact && result.frames > 0);
  const title = "Each frame through vtep's data plane and back";
  const verdict = whole
    ? styled('byte for byte as it was sent', 'green')
    : styled('not all as they were sent (vtep replay shows why)', 'red');
  const columns = [
    words(''),
    numbers('frames'),
    numbers('intact', { style: 'green' }),
    numbers('wire packets'),
    numbers('wire bytes', { shorten: 'compact', keep: 2 }),
    numbers('overhead'),
    words('cipher', { keep: 1 }),
  ];
  const rows = runs.map(({ result, encrypted, cipher }): Cell[] => {
    const { frameBytes, bytes, packets } = result.wire;
    return [
      encrypted ? 'encrypted' : 'clear',
      result.frames,
      result.exact,
      packets,
      bytes,
      frameBytes === 0 ? '-' : `${((100 * (bytes - frameBytes)) / frameBytes).toFixed(1)} %`,
      cipher ?? '-',
    ];
  });
  return [[styled(title, 'bold'), ': ', verdict], ...table(columns, rows)];
}

/** How the user calls vtep: in a checkout with npm, elsewhere as a command. */
function program(): string {
  const { npm_lifecycle_event: script, npm_package_name: name } = process.env;
  if (script === undefined) return 'vtep';
  return name === 'vtep' ? 'npm run -s vtep --' : 'npx vtep';
}

/** Commands to continue with, as the user types them. */
function nextLines(path: string, keyPaths: readonly string[]): string[] {
  const vtep = program();
  const keys = keyPaths.map((file) => ` --keys ${file}`).join('');
  const calls = [
    `${vtep} inspect ${path}${keys}`,
    `${vtep} inspect ${path}${keys} --flows`,
    `${vtep} decap ${path}${keys} -o - | tshark -r -`,
  ];
  return calls.flatMap((call) => shellLines(call, outputScreen().columns));
}
