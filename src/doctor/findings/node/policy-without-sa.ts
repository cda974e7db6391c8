import { isDockerPolicy } from '../../derived/associations.js';
import { withoutLength } from '../../derived/addresses.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import type { XfrmPolicy } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** A policy names an SPI for which there is no SA. */
export const policyWithoutSa: Finding = {
  id: 'policy-without-sa',
  title: "A policy names an SA that doesn't exist",
  severity: Severity.Error,
  looksAt: 'ip xfrm state and ip xfrm policy of a node',
  fires: "the SPI of an outbound policy's template isn't that of an SA to the same peer",
  means:
    'The kernel drops every packet that the policy selects (XfrmOutNoStates), or waits for an SA that Docker never negotiates.',
  threads: ['moby/moby#43359', 'moby/moby#30727'],
  explains: ['sa-acquire', 'xfrm-out-without-sa', 'one-sided-esp', 'one-sided-traffic'],
  find: findPolicies,
};

function* findPolicies(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState, InputKind.XfrmPolicy)) {
    const known = new Set(node.sas.map(({ spi, destination }) => `${spi} ${destination}`));
    const policies = node.policies.filter((policy) => {
      const { spi, direction, destination } = policy;
      if (direction !== 'out' || spi === undefined || spi === 0 || !isDockerPolicy(policy)) return false;
      return !known.has(`${spi} ${withoutLength(destination)}`);
    });
    if (policies.length > 0) yield diagnose(node, policies);
  }
}

function diagnose(node: NodeEvidence, policies: readonly XfrmPolicy[]): Diagnosis {
  const peers = new Set(policies.map(({ destination }) => withoutLength(destination)));
  const spis = policies.flatMap(({ spi }) => spi ?? []);
  const texts = policies.map(({ destination, spi }) => `SPI ${formatSpi(spi ?? 0)} for ${withoutLength(destination)}`);
  const sas = node.sas.filter(({ destination }) => peers.has(destination));
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `Policies of ${nodeText(node)} name ${listed(texts)}, and there is no such SA: the packets are dropped.`,
    subject: { nodes: [...aliases(node), ...peers], ...(spis.length === 1 ? { spi: spis[0] } : {}) },
    exhibits: [
      exhibit(`policies for ${listed([...peers])}`, policies),
      exhibit(
        sas.length === 0
          ? 'no SAs to these peers'
          : `SAs to these peers: ${listed(sas.map(({ spi }) => formatSpi(spi)))}`,
        sas,
      ),
    ],
    advice: [
      `See in the log of the engine of ${nodeText(node)} why the SAs are missing: the kernel may have refused them, because it lacks ESP or AES-GCM.`,
      'If it has both, restart the engine, which removes its SAs and policies and sets them up again.',
    ],
    commands: [
      'journalctl -u docker --since -1h | grep -iE "xfrm|encrypt|spi"',
      'modprobe esp4 && grep -A1 "rfc4106(gcm(aes))" /proc/crypto',
      'systemctl restart docker',
    ],
  };
}
