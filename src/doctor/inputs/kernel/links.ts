/** Devices of `ip link` and `ip addr`, with or without `-d`, `-s`, `-o` and `-br`. */
import { type PastedLine, pastedLines, withoutWraps } from '../../../text/pasted-text.js';
import type { Link } from '../../evidence/kernel.js';
import { addressOf, macOf, prefixOf } from '../address-text.js';
import { type JsonObject, listOf, numberOf, objectOf, stringOf } from '../json-values.js';
import { keptText, placeIn, type Source } from '../source.js';
import { briefLinkOf, isBriefLink } from './brief-links.js';

/** Kinds that begin a line of details (iproute2, ip/iplink_*.c). */
const KINDS = new Set(
  (
    'vxlan veth bridge wireguard dummy vlan macvlan macvtap ipvlan ipvtap bond team tun tap vti vti6 xfrm geneve gre ' +
    'gretap ip6gre ip6gretap ipip sit ip6tnl erspan ip6erspan vrf ifb bareudp macsec netkit nlmon vcan openvswitch'
  ).split(' '),
);
const HEAD = /^\d{1,10}: ([^\s:@]{1,64})(?:@[^\s:]{1,64})?: <([A-Z0-9_,-]{0,200})>(.*)$/;
/** With `-o`, each address is on a line of its own. */
const ADDRESS_LINE = /^\d{1,10}:\s+([^\s:@]{1,64})\s+(inet6?\s.*)$/;
const BEGINS =
  /^(?:\d{1,10}:\s|link\/|inet6?\s|valid_lft|RX(?: errors)?:|TX(?: errors)?:|bridge_slave|altname|alias|vf \d|\d+\s+\d+\s)/;
const WORDS = new Set(
  (
    'mtu qdisc master state mode DEFAULT group default qlen brd link-netnsid link-netns promiscuity allmulti minmtu maxmtu ' +
    'id local remote dev srcport dstport nolearning learning proxy noproxy rsc l2miss l3miss ttl auto ageing udpcsum ' +
    'noudpcsum noudp6zerocsumtx udp6zerocsumtx noudp6zerocsumrx udp6zerocsumrx scope global host link addrgenmode ' +
    'numtxqueues numrxqueues gso_max_size gso_max_segs tso_max_size tso_max_segs gro_max_size'
  ).split(' '),
);

type Draft = { -readonly [Name in keyof Link]: Link[Name] } & { readonly addresses: string[] };
type Counters = NonNullable<Link['counters']>;

function linesOf(text: string): Generator<PastedLine, void> {
  return withoutWraps(pastedLines(text), {
    begins: (line) => BEGINS.test(line) || isBriefLink(line) || KINDS.has(line.split(/\s/, 1)[0]),
    isWord: (word) => WORDS.has(word),
  });
}

/** The devices of a source. Those of an output that shows addresses only have an MTU of 0. */
export function* parseLinks(source: Source): Generator<Link, void> {
  let current: Draft | undefined;
  /** The line of column names before a line of counters. */
  let columns = '';
  for (const { number, text } of linesOf(source.text)) {
    const brief = briefLinkOf(source, number, text);
    if (brief !== undefined) {
      if (current !== undefined) yield current;
      current = undefined;
      yield brief;
      continue;
    }
    const head = HEAD.exec(text);
    const only = head === null ? ADDRESS_LINE.exec(text) : null;
    if (head !== null) {
      if (current !== undefined) yield current;
      current = linkOf(source, number, head);
      columns = '';
    } else if (only !== null) {
      if (current?.name !== only[1]) {
        if (current !== undefined) yield current;
        current = draftOf(source, number, only[1]);
      }
      takeDetail(current, only[2]);
    } else if (current !== undefined) {
      if (/^[RT]X(?: errors)?:/.test(text)) columns = text;
      else if (columns !== '' && /^\d/.test(text)) {
        current.counters = countersOf(current.counters, columns, text);
        columns = '';
      } else takeDetail(current, text);
    }
  }
  if (current !== undefined) yield current;
}

function draftOf(source: Source, line: number, name: string): Draft {
  return {
    place: placeIn(source, line),
    name: keptText(name),
    mtu: 0,
    up: false,
    kind: '',
    mac: '',
    master: '',
    vxlan: undefined,
    addresses: [],
    counters: undefined,
  };
}

function linkOf(source: Source, line: number, [, name, flags, rest]: RegExpExecArray): Draft {
  const link = draftOf(source, line, name);
  link.up = flags.split(',').includes('UP');
  const words = rest.trim().split(/\s+/);
  link.mtu = numberAfter(words, 'mtu') ?? 0;
  link.master = keptText(after(words, 'master') ?? '');
  return link;
}

function after(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words.at(at + 1);
}

function numberAfter(words: readonly string[], name: string): number | undefined {
  const text = after(words, name);
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function takeDetail(link: Draft, text: string): void {
  const words = text.split(/\s+/);
  const [first] = words;
  if (first.startsWith('link/')) {
    link.mac = macOf(words.at(1) ?? '') ?? '';
  } else if (first === 'inet' || first === 'inet6') {
    const address = prefixOf(words.at(1) ?? '');
    if (address !== undefined) link.addresses.push(address);
  } else if (KINDS.has(first)) {
    link.kind = first;
    if (first === 'vxlan') link.vxlan = vxlanOf(words);
  }
}

function vxlanOf(words: readonly string[]): NonNullable<Link['vxlan']> {
  const flag = (name: string): boolean | undefined =>
    words.includes(`no${name}`) ? false : words.includes(name) ? true : undefined;
  // Learning is on, and the others are off, unless the output has the word: it is printed only where it differs.
  return {
    vni: numberAfter(words, 'id') ?? 0,
    port: numberAfter(words, 'dstport') ?? 0,
    local: addressOf(after(words, 'local') ?? '') ?? '',
    device: keptText(after(words, 'dev') ?? ''),
    learning: flag('learning') ?? true,
    proxy: flag('proxy') ?? false,
    l2miss: flag('l2miss') ?? false,
    l3miss: flag('l3miss') ?? false,
  };
}

function countersOf(before: Counters | undefined, columns: string, text: string): Counters {
  const names = columns
    .replace(/^([RT]X)(?: errors)?:/, '')
    .trim()
    .split(/\s+/);
  const values = text.split(/\s+/).map(Number);
  const counters = before ?? { rxErrors: 0, rxDropped: 0, txErrors: 0, txDropped: 0 };
  // The lines of `-s -s` have other columns.
  if (!names.includes('dropped')) return counters;
  const valueOf = (name: string): number => values.at(names.indexOf(name)) ?? 0;
  const [errors, dropped] = [valueOf('errors'), valueOf('dropped')];
  return columns.startsWith('RX')
    ? { ...counters, rxErrors: errors, rxDropped: dropped }
    : { ...counters, txErrors: errors, txDropped: dropped };
}

/** The device of an object of `ip -j link` or `ip -j addr`; undefined if it is something else. */
export function linkOfJson(source: Source, object: JsonObject, line: number): Link | undefined {
  const { ifname, mtu, flags, master, address, operstate } = object;
  // With -br, there is no MTU.
  const isLink =
    typeof mtu === 'number' || (typeof operstate === 'string' && ('flags' in object || 'addr_info' in object));
  if (typeof ifname !== 'string' || !isLink) return undefined;
  const info = objectOf(object['linkinfo']);
  const data = objectOf(info['info_data']);
  const kind = stringOf(info['info_kind']);
  return {
    place: placeIn(source, line),
    name: keptText(ifname),
    mtu: numberOf(mtu),
    up: Array.isArray(flags) ? flags.includes('UP') : operstate === 'UP',
    kind: keptText(kind),
    mac: macOf(stringOf(address)) ?? '',
    master: keptText(stringOf(master)),
    vxlan: kind === 'vxlan' ? vxlanOfJson(data) : undefined,
    addresses: addressesOf(object['addr_info']),
    counters: jsonCounters(objectOf(object['stats64'])),
  };
}

function vxlanOfJson(data: JsonObject): NonNullable<Link['vxlan']> {
  const flag = (name: string): boolean | undefined => {
    const value = data[name];
    return typeof value === 'boolean' ? value : undefined;
  };
  return {
    vni: numberOf(data['id']),
    port: numberOf(data['port']),
    local: addressOf(stringOf(data['local'] ?? data['local6'])) ?? '',
    device: keptText(stringOf(data['link'])),
    learning: flag('learning'),
    proxy: flag('proxy'),
    l2miss: flag('l2miss'),
    l3miss: flag('l3miss'),
  };
}

function addressesOf(list: unknown): string[] {
  return listOf(list).flatMap((entry) => {
    const { local, prefixlen } = objectOf(entry);
    return prefixOf(`${stringOf(local)}/${numberOf(prefixlen)}`) ?? [];
  });
}

function jsonCounters(stats: JsonObject): Counters | undefined {
  if (!('rx' in stats) || !('tx' in stats)) return undefined;
  const [rx, tx] = [objectOf(stats['rx']), objectOf(stats['tx'])];
  return {
    rxErrors: numberOf(rx['errors']),
    rxDropped: numberOf(rx['dropped']),
    txErrors: numberOf(tx['errors']),
    txDropped: numberOf(tx['dropped']),
  };
}
