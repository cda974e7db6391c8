/**
 * What filters can ask for. Names are those of tshark where tshark has the field, so that a filter works in both; the overlay's own
 * have names of their own. All are answered from the index, without reading the capture again.
 */
import { DROP_REASONS, dropReasonName, Verdict } from '../../../src/dataplane/index.js';
import { IpProtocol, TcpFlag } from '../../../src/wire/index.js';
import type { IndexTables } from '../index/capture-index.js';
import { PacketMark, PacketProtocol } from '../index/packet-columns.js';
import {
  flowOf,
  idReader,
  type NumberReader,
  portReader,
  type Predicate,
  protocolReader,
  spiReader,
  vniReader,
} from './column-readers.js';

interface Described {
  readonly name: string;
  /** Other names of it. */
  readonly aliases?: readonly string[];
  /** For the list of completions. */
  readonly what: string;
}

/** True or false. */
export interface PresenceField extends Described {
  readonly kind: 'presence';
  readonly test: Predicate;
}

/** A number, or several, of which any may fit. */
export interface NumberField extends Described {
  readonly kind: 'number';
  readonly readers: (tables: IndexTables) => readonly NumberReader[];
  /** Values that the capture has, for completions. */
  readonly values?: (tables: IndexTables) => readonly string[];
}

/** One of a few names. */
export interface NameField extends Described {
  readonly kind: 'name';
  readonly numbers: ReadonlyMap<string, number>;
  readonly read: NumberReader;
}

/** Addresses: of the inner packet, of the outer one, or of both. */
export interface AddressField extends Described {
  readonly kind: 'address';
  /** 4 or 6; 0 for both. */
  readonly family: 0 | 4 | 6;
  readonly layer: 'inner' | 'outer' | 'any';
  readonly side: 'source' | 'destination' | 'any';
}

export type Field = PresenceField | NumberField | NameField | AddressField;

const marked =
  (bits: number): Predicate =>
  (part, i) =>
    (part.marks[i] & bits) !== 0;

const speaks =
  (...protocols: readonly PacketProtocol[]): Predicate =>
  (part, i) =>
    protocols.includes(part.protocol[i] as PacketProtocol);

const flagged =
  (bit: number): Predicate =>
  (part, i) =>
    part.protocol[i] === PacketProtocol.Tcp && (part.tcpFlags[i] & bit) !== 0;

const isVersion =
  (ipv6: boolean): Predicate =>
  (part, i) =>
    flowOf(part, i) >= 0 && ((part.marks[i] & PacketMark.Ipv6) !== 0) === ipv6;

function presence(name: string, what: string, test: Predicate, aliases: readonly string[] = []): PresenceField {
  return { kind: 'presence', name, aliases, what, test };
}

function number(
  name: string,
  what: string,
  readers: NumberField['readers'],
  more: Partial<Pick<NumberField, 'aliases' | 'values'>> = {},
): NumberField {
  return { kind: 'number', name, what, readers, ...more };
}

function ports(name: string, protocol: number): NumberField[] {
  const label = name.toUpperCase();
  return [
    number(`${name}.port`, `either port of ${label}`, (tables) => [
      portReader(tables, protocol, true),
      portReader(tables, protocol, false),
    ]),
    number(`${name}.srcport`, `source port of ${label}`, (tables) => [portReader(tables, protocol, true)]),
    number(`${name}.dstport`, `destination port of ${label}`, (tables) => [portReader(tables, protocol, false)]),
  ];
}

function addresses(
  prefix: string,
  what: string,
  family: AddressField['family'],
  layer: AddressField['layer'],
): AddressField[] {
  return [
    { kind: 'address', name: `${prefix}.addr`, what: `either ${what}`, family, layer, side: 'any' },
    { kind: 'address', name: `${prefix}.src`, what: `source ${what}`, family, layer, side: 'source' },
    { kind: 'address', name: `${prefix}.dst`, what: `destination ${what}`, family, layer, side: 'destination' },
  ];
}

const VERDICTS = new Map<string, number>(Object.entries(Verdict).map(([name, value]) => [name.toLowerCase(), value]));
const REASONS = new Map<string, number>(
  Array.from({ length: DROP_REASONS }, (_, reason) => [dropReasonName(reason), reason]),
);

/** All fields, in the order in which the page lists them. */
export const FIELDS: readonly Field[] = [
  number('vni', 'VXLAN network identifier', (tables) => [vniReader(tables)], {
    aliases: ['vxlan.vni'],
    values: ({ networks }) => networks.map(String),
  }),
  number('esp.spi', 'SPI of ESP', (tables) => [spiReader(tables)], {
    values: ({ sas }) => [...new Set(sas.map(({ spi }) => `0x${(spi >>> 0).toString(16).padStart(8, '0')}`))],
  }),
  number('esp.sequence', 'sequence number of ESP', () => [
    (part, i) => ((part.marks[i] & PacketMark.Encrypted) === 0 ? Number.NaN : part.sequence[i]),
  ]),
  ...addresses('ip', 'IPv4 address, inner or outer', 4, 'any'),
  ...addresses('ipv6', 'IPv6 address, inner or outer', 6, 'any'),
  ...addresses('inner', 'address of the container’s packet', 0, 'inner'),
  ...addresses('outer', 'address of the node’s packet', 0, 'outer'),
  ...ports('tcp', IpProtocol.Tcp),
  ...ports('udp', IpProtocol.Udp),
  number('port', 'any port of TCP or UDP', (tables) => [portReader(tables, 0, true), portReader(tables, 0, false)]),
  number('ip.proto', 'IP protocol number', (tables) => [protocolReader(tables)]),
  presence('tcp.flags.syn', 'SYN is set', flagged(TcpFlag.Syn)),
  presence('tcp.flags.ack', 'ACK is set', flagged(TcpFlag.Ack)),
  presence('tcp.flags.fin', 'FIN is set', flagged(TcpFlag.Fin)),
  presence('tcp.flags.reset', 'RST is set', flagged(TcpFlag.Rst), ['tcp.flags.rst']),
  presence('tcp.flags.push', 'PSH is set', flagged(TcpFlag.Psh), ['tcp.flags.psh']),
  presence('arp', 'ARP', speaks(PacketProtocol.Arp)),
  presence('ip', 'an IPv4 packet', isVersion(false)),
  presence('ipv6', 'an IPv6 packet', isVersion(true)),
  presence('icmp', 'ICMP', speaks(PacketProtocol.Icmp)),
  presence('icmpv6', 'ICMPv6', speaks(PacketProtocol.Icmpv6)),
  presence('tcp', 'TCP', speaks(PacketProtocol.Tcp)),
  presence('udp', 'UDP', speaks(PacketProtocol.Udp, PacketProtocol.Dns)),
  presence('dns', 'DNS', speaks(PacketProtocol.Dns)),
  presence('gossip', 'gossip of the swarm, port 7946', speaks(PacketProtocol.Gossip)),
  presence('vxlan', 'a frame in VXLAN', (part, i) => part.inner[i] > 0),
  presence('esp', 'ESP, decrypted or not', marked(PacketMark.Encrypted)),
  presence('decrypted', 'ESP that a key decrypted', marked(PacketMark.Opened)),
  presence('udpencap', 'ESP in UDP', marked(PacketMark.EspInUdp)),
  presence('fragment', 'a fragment, or what fragments made', marked(PacketMark.Fragment | PacketMark.Reassembled)),
  presence('truncated', 'only its beginning was captured', marked(PacketMark.Truncated)),
  presence('checksum.bad', 'a wrong checksum', marked(PacketMark.BadChecksum)),
  presence('group', 'broadcast or multicast', marked(PacketMark.Group)),
  presence('dropped', 'a receiver drops it', (part, i) => part.verdict[i] === Verdict.Dropped),
  { kind: 'name', name: 'verdict', what: 'what the packet is', numbers: VERDICTS, read: (part, i) => part.verdict[i] },
  {
    kind: 'name',
    name: 'drop.reason',
    what: 'why it is dropped',
    numbers: REASONS,
    read: (part, i) => (part.verdict[i] === Verdict.Dropped ? part.reason[i] : Number.NaN),
  },
  number('frame.number', 'number of the packet, from 1', () => [(_part, _i, row) => row + 1]),
  number('frame.time_relative', 'seconds since the first packet', () => [(part, i) => part.time[i] / 1e9]),
  number('frame.len', 'bytes on the wire', () => [(part, i) => part.length[i]]),
  number('frame.cap_len', 'captured bytes', () => [(part, i) => part.captured[i]]),
  number('frame.interface_id', 'interface', () => [(part, i) => part.interface[i]]),
  number('inner.len', 'bytes of the inner frame', () => [
    (part, i) => (part.inner[i] === 0 ? Number.NaN : part.inner[i]),
  ]),
  number('file', 'file, from 1 in the order in which they were opened', () => [(part, i) => part.file[i] + 1]),
  number('flow', 'number of the flow, as in the view of flows', () => [
    (part, i) => {
      const flow = flowOf(part, i);
      return flow < 0 ? Number.NaN : flow;
    },
  ]),
  number('tunnel', 'direction between two nodes, as on the map', () => [idReader('tunnel')]),
  number('sa', 'SA, as in the view of keys', () => [idReader('sa')]),
];

const BY_NAME = new Map<string, Field>(
  FIELDS.flatMap((field) => [field.name, ...(field.aliases ?? [])].map((name): [string, Field] => [name, field])),
);

/** The names of all fields, with their aliases. */
export const FIELD_NAMES: readonly string[] = [...BY_NAME.keys()];

/** The field with a name. */
export function fieldNamed(name: string): Field | undefined {
  return BY_NAME.get(name.toLowerCase());
}
