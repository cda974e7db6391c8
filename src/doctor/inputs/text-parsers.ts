/** The parser of each kind of text output. */
import { InputKind } from '../evidence/evidence.js';
import { type DatedEngine, parseEngines } from './docker/engine.js';
import { type DatedLine, parseLog } from './docker/log.js';
import { parseConntrack } from './firewall/conntrack.js';
import { parseIptablesList } from './firewall/iptables-list.js';
import { parseIptablesSave } from './firewall/iptables-save.js';
import { parseIpvsTimeouts, parseVirtualServers } from './firewall/ipvs.js';
import { parseNftRuleset } from './firewall/nft-ruleset.js';
import { parseLinks } from './kernel/links.js';
import { parseOffloads } from './kernel/offloads.js';
import { parseFdb, parseNeighbours } from './kernel/tables.js';
import { parseXfrmPolicies } from './kernel/xfrm-policy.js';
import { parseXfrmCounters } from './kernel/xfrm-stat.js';
import { parseXfrmSas } from './kernel/xfrm-state.js';
import type { Fact, FactName } from './node-facts.js';
import type { Source } from './source.js';

/** Takes the facts of an output. */
export interface FactSink {
  add<Name extends FactName>(name: Name, facts: Iterable<Fact<Name>>): void;
  /** When the output was made, in seconds since 1970, if it says so. */
  at(seconds: number | undefined): void;
  /** The host that the output names. */
  from(host: string): void;
}

/** Key lines of `ip xfrm state` whose key isn't masked. */
const KEY = /\s(?:aead|enc|auth|auth-trunc) \S{1,80} 0x[0-9a-f]{32}/i;

/**
 * Parses a text output.
 * @returns false if doctor has no parser for its kind
 */
export function parseText(kind: InputKind, source: Source, sink: FactSink): boolean {
  switch (kind) {
    case InputKind.XfrmState:
      sink.add('sas', parseXfrmSas(source));
      return true;
    case InputKind.XfrmPolicy:
      sink.add('policies', parseXfrmPolicies(source));
      return true;
    case InputKind.XfrmStat:
      sink.add('xfrmCounters', parseXfrmCounters(source));
      return true;
    case InputKind.Fdb:
      sink.add('fdb', parseFdb(source));
      return true;
    case InputKind.Neighbours:
      sink.add('neighbours', parseNeighbours(source));
      return true;
    case InputKind.Link:
      sink.add('links', parseLinks(source));
      return true;
    case InputKind.Offloads:
      sink.add('offloads', parseOffloads(source));
      return true;
    case InputKind.Firewall:
      sink.add('rules', parseIptablesSave(source));
      sink.add('rules', parseIptablesList(source));
      sink.add('nftRules', parseNftRuleset(source));
      return true;
    case InputKind.Conntrack:
      sink.add('connections', parseConntrack(source));
      return true;
    case InputKind.Ipvs:
      sink.add('virtualServers', parseVirtualServers(source));
      sink.add('ipvsTimeouts', parseIpvsTimeouts(source));
      return true;
    case InputKind.Engine:
      sink.add('engines', enginesOf(parseEngines(source), sink));
      return true;
    case InputKind.Log:
      sink.add('log', linesOf(parseLog(source), sink));
      return true;
    default:
      return false;
  }
}

/** Whether a dump has keys that captures can be opened with. */
export function hasKeys(source: Source): boolean {
  return KEY.test(source.text);
}

function* enginesOf(engines: Iterable<DatedEngine>, sink: FactSink): Generator<Fact<'engines'>, void> {
  for (const { engine, seconds } of engines) {
    sink.at(seconds);
    if (engine.name !== '') sink.from(engine.name);
    yield engine;
  }
}

function* linesOf(lines: Iterable<DatedLine>, sink: FactSink): Generator<Fact<'log'>, void> {
  // A log was made after its last line.
  let last: number | undefined;
  for (const { line, seconds } of lines) {
    last = seconds ?? last;
    yield line;
  }
  sink.at(last);
}
