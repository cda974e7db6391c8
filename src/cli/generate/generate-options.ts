/** Options of `vtep generate`. */
import {
  FAULT_NAMES,
  type GenerateOptions,
  parseSizes,
  TRAFFIC_KINDS,
  type TrafficKind,
} from '../../generate/index.js';
import { Profile } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { alternatives, didYouMean } from '../../text/suggestion.js';
import { MAX_WORKERS } from '../../workers/index.js';
import { aeadDeclared } from '../options/aead-option.js';
import { type Declared, flag, option, options, outputFile, type Values } from '../options/declared.js';
import {
  choice,
  decimal,
  duration,
  file,
  integer,
  probability,
  size,
  text,
  time,
  type ValueKind,
} from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

type Traffic = Readonly<Partial<Record<TrafficKind, number>>>;

/** `tcp,udp=3`. */
const traffic: ValueKind<Traffic> = {
  read(given, name) {
    const shares = given.split(',').map((part): [string, number] => {
      const match = /^([a-z]{1,10})(?:=(\d{1,4}))?$/.exec(part);
      if (match !== null && isKind(match[1])) return [match[1], Number(match.at(2) ?? 1)];
      const hint = match === null ? '' : didYouMean(match[1], TRAFFIC_KINDS);
      throw new UsageError(
        `${name} takes ${alternatives(TRAFFIC_KINDS)}, with shares such as tcp,udp=3, not ${inQuotes(part)}${hint}`,
      );
    });
    const twice = shares.find(([kind], i) => shares.findIndex(([other]) => other === kind) < i);
    if (twice !== undefined) throw new UsageError(`${name}: ${twice[0]} is named twice`);
    return Object.fromEntries(shares);
  },
};

function isKind(name: string): name is TrafficKind {
  return (TRAFFIC_KINDS as readonly string[]).includes(name);
}

const fault: ValueKind<string> = {
  choices: FAULT_NAMES,
  read(given, name) {
    if (FAULT_NAMES.includes(given)) return given;
    throw new UsageError(`${name}: no fault is called ${inQuotes(given)}${didYouMean(given, FAULT_NAMES)}`);
  },
};

const sizes: ValueKind<ReturnType<typeof parseSizes>> = { read: (given) => parseSizes(given) };

function chance(name: string, description: string): Declared<number> {
  return option(`--${name} P`, description, probability).or(0).under('Damage on the way, by chance (0 to 1)');
}

const SIZE = { lowest: 1, highest: 1e14 } as const;

/** The options. */
export const OPTIONS = {
  output: outputFile(),
  format: option('--format NAME', 'file format', choice('pcap', 'pcapng')).otherwise('by the name of OUT; else pcap'),
  beside: option(
    '--beside BASE',
    'begin of the names of files with its keys and its network: BASE.esp_sa, BASE.xfrm.sh, BASE.yaml and ' +
      'BASE.networks.json (mode 0600)',
    file,
  ).otherwise("OUT's name without .pcap, if it is encrypted and OUT is a file"),
  seed: option('--seed N', 'the same seed and options give the same bytes', integer(0, 0xffffffff)).or(1),
  workers: option('--workers N', 'threads; the bytes are the same', integer(1, MAX_WORKERS)).or(1),
  aead: aeadDeclared,
  json: flag('--json', 'print what was generated, and which packets show which fault, as one JSON object'),

  packets: option('--packets N', 'packets, at most, beside those of faults', integer(1, 1e12)).under('Amount'),
  rate: option('--rate N', 'packets per second', decimal(0.001, 1e9)).otherwise('1000').under('Amount'),
  duration: option('--duration TIME', 'time from the first packet to the last', duration(0.001, 1e9))
    .otherwise('10s')
    .under('Amount'),
  bytes: option('--bytes SIZE', 'size of the file, about', size(SIZE.lowest, SIZE.highest)).under('Amount'),
  start: option('--start TIME', 'time of the first packet', time).otherwise('2026-01-01').under('Amount'),

  traffic: option('--traffic LIST', `kinds of traffic, with shares: ${TRAFFIC_KINDS.join(', ')}`, traffic)
    .otherwise('tcp,udp,icmp,dns')
    .under('Traffic'),
  size: option('--size SIZES', 'sizes of inner IP packets: imix, 1400, 64-1450 or 64:7,576:4,1450:1', sizes)
    .otherwise('imix')
    .under('Traffic'),
  flows: option('--flows N', 'flows', integer(1, 100_000)).or(20).under('Traffic'),
  retransmissions: option('--retransmissions P', 'share of TCP bursts that lose a segment', probability)
    .or(0)
    .under('Traffic'),

  nodes: option('--nodes N', 'nodes', integer(2, 1000)).or(2).under('Network'),
  networks: option('--networks N', 'overlay networks, each with a VNI', integer(1, 4000)).or(1).under('Network'),
  endpoints: option('--endpoints N', 'containers per network', integer(2, 200))
    .otherwise('twice as many as nodes')
    .under('Network'),
  encrypted: flag('--encrypted', 'ESP around VXLAN on all networks').under('Network'),
  profile: option('--profile NAME', 'how SAs follow from keys', choice(Profile.Swarm, Profile.Strict))
    .or(Profile.Swarm)
    .under('Network'),
  rotations: option('--rotations N', 'key rotations during the capture', integer(0, 60)).or(0).under('Network'),
  ipv6: flag('--ipv6', 'containers have IPv6 addresses').under('Network'),
  underlayIpv6: flag('--underlay-ipv6', 'nodes have IPv6 addresses').under('Network'),
  vlan: option('--vlan ID', 'VLAN of the underlay', integer(1, 4094)).under('Network'),
  innerVlan: option('--inner-vlan ID', 'VLAN of the inner frames', integer(1, 4094)).under('Network'),
  port: option('--port N', 'UDP port of VXLAN', integer(1, 65_535)).or(4789).under('Network'),
  mtu: option('--mtu N', 'MTU of the underlay; larger packets are fragmented', integer(576, 65_535))
    .or(1500)
    .under('Network'),
  innerMtu: option('--inner-mtu N', 'MTU of the containers', integer(128, 65_000))
    .otherwise('what fits into --mtu')
    .under('Network'),

  fault: options('--fault NAME', 'a fault, between nodes of its own; may be repeated', fault).under('Faults'),
  seenBy: option('--seen-by NODE', 'capture only what this node sends and receives', text)
    .otherwise('all packets')
    .under('Faults'),
  snaplen: option('--snaplen N', 'bytes captured of each packet', integer(16, 262_144)).or(262_144).under('Faults'),

  loss: chance('loss', 'a packet is lost'),
  reorder: chance('reorder', 'it comes three packets later'),
  duplicates: chance('duplicates', 'it is duplicated, one copy after the other'),
  badIcv: chance('bad-icv', 'a bit of its ICV is flipped, or of its payload if it is clear'),
  replays: chance('replays', 'it comes again 100 packets later'),
  truncation: chance('truncation', 'only its first 96 bytes are captured'),
};

export type GenerateValues = Values<typeof OPTIONS>;

/** The options of the library. */
export function optionsOf(values: GenerateValues): GenerateOptions {
  const { loss, reorder, duplicates, badIcv, replays, truncation, output, size: drawn, fault: faults } = values;
  const format = values.format ?? (output.endsWith('.pcapng') ? 'pcapng' : 'pcap');
  const { seed, nodes, networks, flows, encrypted, profile, rotations, ipv6, underlayIpv6, port, mtu } = values;
  return {
    seed,
    nodes,
    networks,
    flows,
    encrypted,
    profile,
    rotations,
    ipv6,
    underlayIpv6,
    port,
    mtu,
    format,
    faults,
    retransmissions: values.retransmissions,
    snaplen: values.snaplen,
    impairments: { loss, reorder, duplicates, badIcv, replays, truncation },
    ...given('endpoints', values.endpoints),
    ...given('traffic', values.traffic),
    ...given('sizes', drawn),
    ...given('vlan', values.vlan),
    ...given('innerVlan', values.innerVlan),
    ...given('innerMtu', values.innerMtu),
    ...given('packets', values.packets),
    ...given('rate', values.rate),
    ...given('duration', values.duration),
    ...given('bytes', values.bytes),
    ...given('start', values.start === undefined ? undefined : Math.floor(values.start)),
    ...given('seenBy', values.seenBy),
  };
}

/** An option of the library, if it was given. */
function given<const K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: V };
}
