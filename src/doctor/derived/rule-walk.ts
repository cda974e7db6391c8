/**
 * What a node's firewall does with a kind of packet: walks its chains as netfilter does. Where a rule has conditions that
 * only a real packet could decide, the answer is `unknown`, and never a guess.
 */
import type { FirewallRule } from '../evidence/firewall.js';
import { contains } from './addresses.js';

/** A kind of packet, as far as rules can tell it from others. */
export interface PacketKind {
  readonly hook: 'input' | 'output';
  /** `udp`, `tcp`, `esp`. */
  readonly protocol: string;
  /** Destination port; 0 for protocols without. */
  readonly port: number;
  /** Addresses of the other nodes; empty if unknown. */
  readonly remote: readonly string[];
  /** Addresses of this node; empty if unknown. */
  readonly local: readonly string[];
  /** Device that it passes; undefined if unknown. */
  readonly device: string | undefined;
  /** Whether a packet in the other direction makes it part of an established connection. */
  readonly isReply: boolean;
}

/** What becomes of it. */
export interface WalkResult {
  readonly outcome: 'accepted' | 'dropped' | 'unknown';
  /** The rule or policy that drops it. */
  readonly rule?: FirewallRule;
}

type Match = 'yes' | 'no' | 'maybe';
type Step = WalkResult | 'continue';

/** Chains that one walk enters, each at most this deep. */
const DEEPEST = 16;
/** Rules that one walk looks at. */
const MOST_RULES = 20_000;
/** Ranges longer than this are given by their ends and the ports of Swarm. */
const EXPANDED = 1024;
const ACCEPTED: WalkResult = { outcome: 'accepted' };
const UNKNOWN: WalkResult = { outcome: 'unknown' };

/** Rules grouped for walks. */
export class RuleSet {
  /** By file, namespace, family and table; then by chain. */
  readonly #tables = new Map<string, Map<string, FirewallRule[]>>();

  constructor(rules: readonly FirewallRule[]) {
    for (const rule of rules) {
      // The host's alone: containers have rules of their own.
      if (rule.place.namespace !== undefined) continue;
      const key = `${rule.place.file}\n${rule.family}\n${rule.table}\n${rule.backend ?? ''}`;
      const table = this.#tables.get(key) ?? new Map<string, FirewallRule[]>();
      this.#tables.set(key, table);
      const chain = table.get(rule.chain);
      if (chain === undefined) table.set(rule.chain, [rule]);
      else chain.push(rule);
    }
  }

  /** What becomes of a packet: the first chain that drops it decides. */
  walk(packet: PacketKind): WalkResult {
    const hooks = packet.hook === 'input' ? ['prerouting', 'input'] : ['output', 'postrouting'];
    const isIpv6 = packet.local.some((address) => address.includes(':'));
    let result = ACCEPTED;
    const budget = { rules: MOST_RULES };
    for (const table of this.#tables.values()) {
      for (const rules of table.values()) {
        const base = rules.find(({ hook }) => hook !== '');
        if (base === undefined || !hooks.includes(base.hook) || base.table === 'nat') continue;
        if (base.family === 'other' || base.family === (isIpv6 ? 'ipv4' : 'ipv6')) continue;
        const end = walkBase(rules, table, packet, budget);
        if (end.outcome === 'dropped') return end;
        if (end.outcome === 'unknown') result = UNKNOWN;
      }
    }
    return result;
  }
}

/** A base chain: its policy applies at the end. */
function walkBase(
  rules: readonly FirewallRule[],
  table: ReadonlyMap<string, readonly FirewallRule[]>,
  packet: PacketKind,
  budget: { rules: number },
): WalkResult {
  const end = walkChain(rules, table, packet, budget, 0);
  if (end !== 'continue') return end;
  const policy = rules.find(({ isPolicy }) => isPolicy);
  return policy?.verdict === 'drop' ? { outcome: 'dropped', rule: policy } : ACCEPTED;
}

function walkChain(
  rules: readonly FirewallRule[],
  table: ReadonlyMap<string, readonly FirewallRule[]>,
  packet: PacketKind,
  budget: { rules: number },
  depth: number,
): Step {
  let isUnsure = false;
  for (const rule of rules) {
    if (rule.isPolicy) continue;
    if (budget.rules-- <= 0) return UNKNOWN;
    const match = matchOf(rule, packet);
    if (match === 'no') continue;
    const step = effectOf(rule, table, packet, budget, depth);
    if (step === 'continue') continue;
    if (step === 'return') {
      if (match === 'yes') return isUnsure ? UNKNOWN : 'continue';
      isUnsure = true;
      continue;
    }
    // A rule that may or may not accept leaves open what the rules after it do; one that may drop does not.
    if (step.outcome === 'unknown' || (match === 'maybe' && step.outcome === 'accepted')) isUnsure = true;
    else if (match === 'maybe') continue;
    else if (step.outcome === 'accepted') return ACCEPTED;
    else return isUnsure ? UNKNOWN : step;
  }
  return isUnsure ? UNKNOWN : 'continue';
}

/** What a rule does with a packet that matches it. */
function effectOf(
  rule: FirewallRule,
  table: ReadonlyMap<string, readonly FirewallRule[]>,
  packet: PacketKind,
  budget: { rules: number },
  depth: number,
): Step | 'return' {
  switch (rule.verdict) {
    case 'accept':
      return ACCEPTED;
    case 'drop':
    case 'reject':
      return { outcome: 'dropped', rule };
    case 'return':
      return 'return';
    case 'nfqueue':
    case 'queue':
      return UNKNOWN;
    default: {
      if (!rule.verdict.startsWith('jump ')) return 'continue';
      if (depth >= DEEPEST) return UNKNOWN;
      const chain = table.get(rule.verdict.slice('jump '.length));
      // A chain without rules is in no output.
      return chain === undefined ? 'continue' : walkChain(chain, table, packet, budget, depth + 1);
    }
  }
}

/** Whether a rule matches the packet. */
export function matchOf(rule: FirewallRule, packet: PacketKind): Match {
  const from = packet.hook === 'input' ? packet.remote : packet.local;
  const to = packet.hook === 'input' ? packet.local : packet.remote;
  const [passed, other] = packet.hook === 'input' ? [rule.inDevice, rule.outDevice] : [rule.outDevice, rule.inDevice];
  const parts: Match[] = [
    rule.protocol === '' || rule.protocol === packet.protocol ? 'yes' : 'no',
    portMatch(rule.destinationPorts, packet),
    // The source ports of VXLAN and of TCP are any.
    rule.sourcePorts.length === 0 ? 'yes' : packet.protocol === 'esp' ? 'no' : 'maybe',
    prefixMatch(rule.source, from),
    prefixMatch(rule.destination, to),
    deviceMatch(passed, packet.device),
    other === '' ? 'yes' : 'no',
    ...rule.conditions.map((condition) => conditionMatch(condition, packet)),
    // Docker's rules for encrypted networks match some VNIs only.
    rule.vnis === undefined ? 'yes' : 'maybe',
  ];
  return parts.includes('no') ? 'no' : parts.includes('maybe') ? 'maybe' : 'yes';
}

function portMatch(ports: readonly number[], { protocol, port }: PacketKind): Match {
  if (ports.length === 0) return 'yes';
  if (protocol === 'esp') return 'no';
  if (ports.includes(port)) return 'yes';
  const first = ports[0];
  const last = ports[ports.length - 1];
  return ports.length < EXPANDED && last - first >= EXPANDED && port > first && port < last ? 'maybe' : 'no';
}

function prefixMatch(prefix: string, addresses: readonly string[]): Match {
  if (prefix === '' || prefix === '0.0.0.0/0' || prefix === '::/0') return 'yes';
  if (addresses.length === 0) return 'maybe';
  const count = addresses.filter((address) => contains(prefix, address)).length;
  return count === 0 ? 'no' : count === addresses.length ? 'yes' : 'maybe';
}

function deviceMatch(name: string, device: string | undefined): Match {
  if (name === '') return 'yes';
  if (name === 'lo') return 'no';
  if (device === undefined) return 'maybe';
  const pattern = /[+*]$/.test(name) ? name.slice(0, -1) : undefined;
  return (pattern === undefined ? name === device : device.startsWith(pattern)) ? 'yes' : 'no';
}

/** A connection state is all that can be judged without a packet. */
function conditionMatch(condition: string, { isReply }: PacketKind): Match {
  const text = condition.toLowerCase();
  if (text.includes('!')) return 'maybe';
  const isState = /^(?:-m (?:conntrack|state) --(?:ct)?state|ct state) ([a-z, {}]+)$/.exec(text);
  if (isState === null) return 'maybe';
  const states = isState[1].split(/[,\s{}]+/).filter((state) => state !== '');
  if (states.includes('new') && states.includes('established')) return 'yes';
  if (states.every((state) => state === 'invalid')) return 'no';
  if (isReply) return 'maybe';
  return states.includes('new') ? 'yes' : 'no';
}
