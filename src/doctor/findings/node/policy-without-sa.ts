import { isDockerPolicy } from '../../derived/associations.js';
import { withoutLength } from '../../derived/addresses.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** A policy names an SPI for which there is no SA. */
export const policyWithoutSa: Finding = {
  id: 'policy-without-sa',
  title: "A policy names an SA that doesn't exist",
  severity: Severity.Error,
  looksAt: 'ip xfrm state and ip xfrm policy of a node',
  fires: "The SPI of an outbound policy's template isn't that of an SA to the same peer.",
  means:
    'The kernel drops every packet that the policy selects (XfrmOutNoStates), or waits for an SA that Docker never negotiates.',
  threads: ['moby/moby#43359', 'moby/moby#30727'],
  explains: ['sa-acquire', 'xfrm-out-without-sa', 'one-sided-esp', 'one-sided-traffic'],
  find: findPolicies,
};

function* findPolicies(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState, InputKind.XfrmPolicy)) {
    for (const policy of node.policies) {
      const { spi } = policy;
      if (policy.direction !== 'out' || spi === undefined || spi === 0 || !isDockerPolicy(policy)) continue;
      const peer = withoutLength(policy.destination);
      if (node.sas.some((sa) => sa.spi === spi && sa.destination === peer)) continue;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `The policy of ${nodeText(node)} for ${peer} names SPI ${formatSpi(spi)}, and there is no such SA: the packets are dropped`,
        subject: { nodes: [...aliases(node), peer], spi },
        exhibits: [
          exhibit(`policy to ${peer} with SPI ${formatSpi(spi)}`, [policy]),
          exhibit(
            `SAs to ${peer}`,
            node.sas.filter(({ destination }) => destination === peer),
          ),
        ],
        advice: ['Restart the engine, which removes its SAs and policies and sets them up again.'],
        commands: ['journalctl -u docker --since -1h | grep -iE "xfrm|encrypt|spi"', 'systemctl restart docker'],
      };
    }
  }
}
