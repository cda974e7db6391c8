import { outboundSas } from '../../derived/associations.js';
import { encryptedNetworks } from '../../derived/networks.js';
import { aliases, nodesWith, nodeText, startText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import type { NetworkView } from '../../evidence/docker.js';
import type { FirewallRule } from '../../evidence/firewall.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Tables that Docker makes with nftables. */
const DOCKER_TABLE = /^docker-/;
/** Chains that Docker makes on the host; those for DNS are a container's. */
const DOCKER_CHAIN = /^docker(?!_(?:output|postrouting))/i;

/** The rules that mark packets of an encrypted network, or that refuse unencrypted ones, are missing. */
export const encryptionRulesMissing: Finding = {
  id: 'encryption-rules-missing',
  title: "Docker's rules for an encrypted network are missing",
  severity: Severity.Error,
  looksAt: 'iptables-save or nft list ruleset, docker network inspect, ip xfrm state',
  fires:
    "a node uses an encrypted network with other nodes, and its host's rules, among which are Docker's, have none for the VNI that marks outgoing packets, or none that drops unencrypted ones",
  means:
    'Without the mark no policy applies, and packets leave unencrypted. Without the drop the node accepts unencrypted packets that anyone may have sent (CVE-2023-28840).',
  threads: ['moby/moby#43382', 'moby/moby#45686', 'moby/moby#30766'],
  explains: ['clear-vxlan-on-encrypted-network', 'one-sided-esp', 'one-sided-traffic'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Firewall, InputKind.Networks)) {
    const rules = node.rules.filter(({ place }) => place.namespace === undefined);
    if (node.name === '' || !rules.some(isDockers) || rules.some(isOpaque)) continue;
    const ofVnis = rules.filter(({ vnis }) => vnis !== undefined);
    for (const view of encryptedNetworks(node)) {
      // Old engines made the rules when there was a second node.
      if (new Set(view.peers).size < 2 && outboundSas(node).length === 0) continue;
      const own = ofVnis.filter(({ vnis }) => vnis !== undefined && view.vnis.some((vni) => vnis.includes(vni)));
      const isMarked = own.some(({ verdict }) => verdict === 'mark');
      const isGuarded = own.some(({ verdict }) => verdict === 'drop');
      if (!isMarked || !isGuarded) yield diagnose(node, view, rules, isMarked);
    }
  }
}

function isDockers({ chain, verdict, table }: FirewallRule): boolean {
  return (
    DOCKER_CHAIN.test(chain) || /^jump docker(?!_(?:output|postrouting))/i.test(verdict) || DOCKER_TABLE.test(table)
  );
}

/** Whether a rule may be one of Docker's for a VNI whose number isn't shown, as nft shows rules of iptables. */
function isOpaque({ vnis, conditions }: FirewallRule): boolean {
  return vnis === undefined && conditions.some((condition) => /\bu32\b|\bbpf\b|@th,96,24/.test(condition));
}

function diagnose(node: NodeEvidence, view: NetworkView, rules: readonly FirewallRule[], isMarked: boolean): Diagnosis {
  const [vni] = view.vnis;
  return {
    severity: Severity.Error,
    certainty: Certainty.Likely,
    summary: isMarked
      ? `${startText(node)} accepts unencrypted packets of the encrypted network ${view.name} (VNI ${vni}): no rule drops them.`
      : `${startText(node)} sends packets of the encrypted network ${view.name} (VNI ${vni}) unencrypted: no rule marks them.`,
    subject: { nodes: aliases(node), vni },
    exhibits: [
      exhibit(`network ${view.name} is encrypted`, [view]),
      exhibit(
        isMarked ? `no rule that drops VNI ${vni} without IPsec` : `no rule that marks VNI ${vni}`,
        rules.filter((rule) => rule.vnis !== undefined || isDockers(rule)),
      ),
    ],
    ...adviceOn(node, rules),
  };
}

/** What to do. Engines have made the rules with nftables since they can, where they are told to (`--firewall-backend`). */
function adviceOn(
  node: NodeEvidence,
  rules: readonly FirewallRule[],
): Pick<Diagnosis, 'advice' | 'commands' | 'collect'> {
  const restart = `If another program flushed the rules of ${nodeText(node)}, restart its engine afterwards.`;
  const log = `journalctl -u docker --since -1h | grep -iE "nft|iptables|xfrm|encrypt"`;
  if (rules.some(({ table }) => DOCKER_TABLE.test(table))) {
    return {
      advice: [`See in the log of the engine of ${nodeText(node)} why it made no rules.`, restart],
      commands: ['nft list table ip docker-overlay', log, 'systemctl restart docker'],
      collect: ['nft list ruleset   # on the host, as root'],
    };
  }
  return {
    advice: [
      `Check that the kernel of ${nodeText(node)} has xt_bpf or xt_u32, and see in the log of its engine why it made no rules.`,
      restart,
    ],
    commands: ['modprobe xt_bpf || modprobe xt_u32', log, 'systemctl restart docker'],
    collect: ['iptables-save -c   # on the host, as root'],
  };
}
