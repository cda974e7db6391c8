/** What the findings about blocked packets have in common. */
import { aliases, nodesWith, nodeText, ownAddresses, tunnelAddresses } from '../../derived/nodes.js';
import { isInUse } from '../../derived/networks.js';
import { type PacketKind, RuleSet } from '../../derived/rule-walk.js';
import { underlayOf } from '../../derived/underlay.js';
import { exhibit } from '../../derived/wording.js';
import type { FirewallRule } from '../../evidence/firewall.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, type Severity } from '../../finding.js';

/** Packets that a node's firewall must let through. */
export interface Blocked {
  readonly protocol: 'udp' | 'tcp' | 'esp';
  /** 0 for protocols without ports. */
  readonly port: number;
  /** Whether answers make it part of a connection that is established. */
  readonly isReply: boolean;
}

/** A finding about packets that a firewall drops. */
export interface BlockedFinding extends Omit<Finding, 'looksAt' | 'fires' | 'find' | 'severity'> {
  /** What is blocked: `VXLAN`. */
  readonly what: string;
  readonly kindsOf: (node: NodeEvidence, evidence: Evidence) => readonly Blocked[];
  /** Whether what the node sends is checked, too. */
  readonly severity: Severity;
}

/** Makes a finding of rules that drop packets the overlay needs. */
export function blockedPackets(about: BlockedFinding): Finding {
  const { id, title, severity, means, threads, explains, what } = about;
  return {
    id,
    title,
    severity,
    looksAt: 'iptables-save or nft list ruleset',
    fires: `the rules of a node, walked in order, drop or reject ${what} from other nodes or to them, by a rule or by the policy of a chain`,
    means,
    threads,
    explains,
    find: (evidence) => findBlocked(evidence, about),
  };
}

function* findBlocked(evidence: Evidence, about: BlockedFinding): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Firewall)) {
    const rules = new RuleSet(node.rules);
    const own = ownAddresses(node);
    const local = tunnelAddresses(node);
    const peers = node.networks.filter(isInUse).flatMap((view) => view.peers);
    const others = evidence.nodes.filter((other) => other !== node).flatMap((other) => tunnelAddresses(other));
    const remote = [...new Set([...peers, ...others])].filter((address) => !own.has(address));
    const underlay = underlayOf(node);
    for (const kind of about.kindsOf(node, evidence)) {
      for (const hook of ['input', 'output'] as const) {
        const packet: PacketKind = {
          ...kind,
          hook,
          local,
          remote,
          device: underlay?.isCertain === true ? underlay.link.name : undefined,
        };
        const { outcome, rule } = rules.walk(packet);
        if (outcome === 'dropped' && rule !== undefined) yield diagnose(node, about, kind, hook, rule);
      }
    }
  }
}

function diagnose(
  node: NodeEvidence,
  { what, severity }: BlockedFinding,
  { protocol, port }: Blocked,
  hook: 'input' | 'output',
  rule: FirewallRule,
): Diagnosis {
  const name = port === 0 ? `IP protocol ${protocol === 'esp' ? '50' : protocol}` : `${protocol.toUpperCase()} ${port}`;
  const chain = `${rule.table} ${rule.chain}`;
  const counter = rule.packets > 0 && !rule.isPolicy ? `, ${rule.packets.toLocaleString('en-US')} packets so far` : '';
  return {
    severity,
    certainty: Certainty.Certain,
    summary: `The firewall of ${nodeText(node)} drops ${hook === 'input' ? 'incoming' : 'outgoing'} ${what} (${name})${rule.isPolicy ? `: no rule of ${chain} accepts it, and the policy is ${rule.verdict}` : ` by a rule in ${chain}`}.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`${rule.text}${counter}`, [rule])],
    advice: [
      `Let ${name} through ${hook === 'input' ? 'from' : 'to'} the other nodes, and make that permanent in the firewall's configuration.`,
    ],
    commands: [acceptCommand(rule, protocol, port, hook)],
  };
}

function acceptCommand(rule: FirewallRule, protocol: string, port: number, hook: 'input' | 'output'): string {
  const side = hook === 'input' ? ['-s', 'saddr'] : ['-d', 'daddr'];
  if (rule.family === 'inet') {
    const match = port === 0 ? `meta l4proto ${protocol}` : `${protocol} dport ${port}`;
    return `nft insert rule inet ${/^[\w-]+$/.test(rule.table) ? rule.table : 'filter'} ${hook} ip ${side[1]} NODE ${match} accept`;
  }
  const tool = rule.family === 'ipv6' ? 'ip6tables' : 'iptables';
  return `${tool} -I ${hook.toUpperCase()} ${side[0]} NODE -p ${protocol}${port === 0 ? '' : ` --dport ${port}`} -j ACCEPT`;
}
