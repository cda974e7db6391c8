/** Rules of `iptables -L`, with or without `-v` and `--line-numbers`, and of its IPv6 twin. */
import { pastedLines } from '../../../text/pasted-text.js';
import type { FirewallRule } from '../../evidence/firewall.js';
import { keptText, type Source } from '../source.js';
import { tableWith } from './iptables-save.js';
import { portsOf, protocolOf } from './ports.js';
import { hookOf, ruleDraft, type RuleDraft, verdictOf } from './rule-draft.js';
import { vniOfBpf, vniOfU32 } from './vni-match.js';

const CHAIN = /^Chain (\S{1,64}) \((?:policy ([^\s)]{1,32})(?: (\d{1,20}[KMGT]?) packets)?|\d+ references)/;
/** The column `opt`, which tells where the others are: a rule without a target has one column less. */
const OPTIONS: ReadonlySet<string> = new Set(['--', '-f', '!f', '----']);
const PREFIX = /^!?(?:(?=\S*[.:])[0-9a-f.:]{2,45}(?:\/\d{1,3})?|anywhere)$/i;
const MAX_COLUMNS = 9;
const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const ANYWHERE: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0', 'anywhere']);

/** A chain's line. */
interface Chain {
  readonly name: string;
  readonly line: number;
  readonly table: string;
}

/** The rules and policies of a source. */
export function* parseIptablesList(source: Source): Generator<FirewallRule, void> {
  const chains = chainsOf(source);
  let at = -1;
  let columns: readonly string[] = [];
  // `ip6tables -L` prints IPv6 prefixes, but a chain without rules prints none.
  const isIpv6 = /\bip6tables/.test(source.command);
  for (const { number, text } of pastedLines(source.text)) {
    const chain = CHAIN.exec(text);
    if (chain !== null) {
      at++;
      columns = [];
      const [, , policy, packets] = chain;
      if (chain.at(2) === undefined) continue;
      const draft = draftIn(source, chains[at], number, text, isIpv6);
      draft.isPolicy = true;
      draft.verdict = verdictOf(policy);
      if (chain.at(3) !== undefined) draft.packets = countOf(packets);
      yield draft;
    } else if (/^(?:num |pkts |target )/.test(text)) {
      columns = text.split(/\s+/);
    } else if (at >= 0 && columns.length > 0) {
      const draft = draftIn(source, chains[at], number, text, isIpv6);
      if (takeColumns(draft, text, columns)) yield draft;
    }
  }
}

function draftIn(source: Source, { name, table }: Chain, line: number, text: string, isIpv6: boolean): RuleDraft {
  const family = isIpv6 ? 'ipv6' : 'ipv4';
  return ruleDraft(source, line, { family, table, chain: keptText(name), hook: hookOf(name) }, text);
}

/** The chains, with their tables: the output doesn't name them, but each has its own set of chains with a policy. */
function chainsOf(source: Source): Chain[] {
  const named = /(?:-t|--table)[ =]?(\w{1,16})/.exec(source.command)?.[1];
  const found: { name: string; line: number; table: string }[] = [];
  let first = 0;
  let own = new Set<string>();
  const end = (): void => {
    for (let i = first; i < found.length; i++) found[i].table = named ?? tableWith(own);
    first = found.length;
    own = new Set();
  };
  for (const { number, text } of pastedLines(source.text)) {
    const chain = CHAIN.exec(text);
    if (chain === null) continue;
    const [, name] = chain;
    if (chain.at(2) !== undefined) {
      if (own.has(name)) end();
      own.add(name);
    }
    found.push({ name, line: number, table: '' });
  }
  end();
  return found;
}

function countOf(text: string): number {
  const match = /^(\d{1,20})([KMGT]?)$/.exec(text);
  return match === null ? -1 : Number(match[1]) * (match[2] === '' ? 1 : UNITS[match[2]]);
}

/** Fills a rule from its columns; returns false if the line is none. */
function takeColumns(draft: RuleDraft, text: string, columns: readonly string[]): boolean {
  const words = text.slice(0, 2000).split(/\s+/);
  const isVerbose = columns.includes('pkts');
  const before = (columns[0] === 'num' ? 1 : 0) + (isVerbose ? 2 : 0);
  const devices = isVerbose ? 2 : 0;
  const opt = words.findIndex((word, i) => i < MAX_COLUMNS && OPTIONS.has(word));
  // ip6tables leaves the column empty.
  const first = opt >= 0 ? opt + 1 + devices : words.findIndex((word, i) => i < MAX_COLUMNS && PREFIX.test(word));
  const protocol = opt >= 0 ? opt - 1 : first - devices - 1;
  if (protocol < before || words.length < first + 2) return false;
  if (isVerbose) draft.packets = countOf(words[before - 2]);
  draft.verdict = protocol > before ? verdictOf(words[before]) : '';
  takeNegatable(draft, 'protocol', protocolOf(words[protocol]), '-p');
  if (isVerbose) {
    const [inDevice, outDevice] = [words[first - 2], words[first - 1]];
    takeNegatable(draft, 'inDevice', inDevice === '*' ? '' : inDevice, '-i');
    takeNegatable(draft, 'outDevice', outDevice === '*' ? '' : outDevice, '-o');
  }
  const [from, to] = [words[first], words[first + 1]];
  takeNegatable(draft, 'source', ANYWHERE.has(from) ? '' : from, '-s');
  takeNegatable(draft, 'destination', ANYWHERE.has(to) ? '' : to, '-d');
  if (from.includes(':') || to.includes(':')) draft.family = 'ipv6';
  takeMatches(draft, words.slice(first + 2).join(' '));
  return true;
}

/** Takes a column, which begins with an exclamation mark if it is what must not match. */
function takeNegatable(
  draft: RuleDraft,
  field: 'protocol' | 'inDevice' | 'outDevice' | 'source' | 'destination',
  value: string,
  option: string,
): void {
  if (value.startsWith('!')) draft.conditions.push(keptText(`! ${option} ${value.slice(1)}`));
  else draft[field] = keptText(value);
}

/** What targets print about themselves. */
const OF_TARGET =
  /^(?:reject-with|to:|MARK (?:set|xset|and|or)|CONNMARK|LOG flags|masq ports|TCPMSS|CT |nflog|TOS|DSCP|random)/;

/** Takes the matches at the end of a rule. */
function takeMatches(draft: RuleDraft, text: string): void {
  const vni = vniOfU32(text) ?? (text.includes('match bpf') ? vniOfBpf(text.replace(/^.*match bpf /, '')) : undefined);
  if (vni !== undefined) draft.vnis = [vni];
  let rest = text.replace(/\/\*.{0,300}?\*\//g, ' ').trim();
  rest = rest.replace(/\b(dpts?|spts?):([\d:]{1,11})/g, (whole, name: string, ports: string) => {
    return takePorts(draft, name.startsWith('d'), ports) ? ' ' : whole;
  });
  rest = rest.replace(/\bmultiport (d|s)ports ([\d,:]{1,200})/g, (whole, side: string, ports: string) => {
    return takePorts(draft, side === 'd', ports) ? ' ' : whole;
  });
  rest = rest.replace(/^\s*(?:tcp|udp|sctp|dccp)\b/, '').trim();
  if (rest !== '' && !OF_TARGET.test(rest)) draft.conditions.push(keptText(rest));
}

function takePorts(draft: RuleDraft, isDestination: boolean, text: string): boolean {
  const ports = portsOf(text);
  if (ports === undefined) return false;
  if (isDestination) draft.destinationPorts = ports;
  else draft.sourcePorts = ports;
  return true;
}
