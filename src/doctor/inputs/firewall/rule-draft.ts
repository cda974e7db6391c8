/** A firewall rule while it is parsed. */
import type { FirewallRule } from '../../evidence/firewall.js';
import { keptText, placeIn, type Source } from '../source.js';

/** A rule whose fields are still to be filled. */
export type RuleDraft = { -readonly [Name in keyof FirewallRule]: FirewallRule[Name] } & {
  readonly conditions: string[];
};

/** Where a rule is. */
export interface ChainPlace {
  readonly family: FirewallRule['family'];
  readonly table: string;
  readonly chain: string;
  readonly hook: string;
  readonly backend?: 'legacy';
}

/** Chains that netfilter has in every table of iptables; others are a user's. */
const BUILT_IN: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

/** Hook of a chain of iptables: `input`; empty for a chain that others jump to. */
export function hookOf(chain: string): string {
  return BUILT_IN.has(chain) ? chain.toLowerCase() : '';
}

/** A rule that matches everything and does nothing. */
export function ruleDraft(source: Source, line: number, place: ChainPlace, text: string): RuleDraft {
  return {
    place: placeIn(source, line),
    ...place,
    protocol: '',
    destinationPorts: [],
    sourcePorts: [],
    source: '',
    destination: '',
    inDevice: '',
    outDevice: '',
    verdict: '',
    conditions: [],
    isPolicy: false,
    packets: -1,
    text: keptText(text),
  };
}

/** Targets of iptables that are extensions, not chains (iptables/extensions, kernel net/netfilter/xt_*). */
const TARGETS: ReadonlySet<string> = new Set(
  (
    'ACCEPT DROP REJECT RETURN QUEUE MASQUERADE MARK DNAT SNAT REDIRECT NETMAP LOG NFLOG ULOG NFQUEUE CONNMARK ' +
    'CONNSECMARK SECMARK TCPMSS TCPOPTSTRIP TOS DSCP ECN TTL HL CT NOTRACK CHECKSUM CLASSIFY SET TPROXY TRACE TEE ' +
    'HMARK AUDIT RATEEST SYNPROXY CLUSTERIP LED IDLETIMER'
  ).split(' '),
);

/** Verdict of a target of iptables. */
export function verdictOf(target: string): string {
  return TARGETS.has(target) ? target.toLowerCase() : `jump ${keptText(target)}`;
}
