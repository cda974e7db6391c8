import { isDockerPolicy, outboundSas } from '../../derived/associations.js';
import { withoutLength } from '../../derived/addresses.js';
import { aliases, nodesWith, nodeText, startText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** There is an SA for a peer, but no policy that uses it. */
export const policyMissing: Finding = {
  id: 'policy-missing',
  title: 'An SA has no policy that uses it',
  severity: Severity.Error,
  looksAt: 'ip xfrm state and ip xfrm policy of a node',
  fires: 'a node has an SA to a peer, and no outbound policy to that peer',
  means:
    'Without a policy the kernel encrypts nothing. Packets of encrypted networks leave for the peer unencrypted, and the peer drops them.',
  threads: ['moby/moby#30766', 'moby/moby#45635'],
  explains: ['clear-vxlan-on-encrypted-network', 'one-sided-esp', 'one-sided-traffic'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState, InputKind.XfrmPolicy)) {
    // Policies of another program select by other rules.
    if (node.policies.some((policy) => policy.direction === 'out' && !isDockerPolicy(policy))) continue;
    const selected = new Set(
      node.policies.filter(({ direction }) => direction === 'out').map(({ destination }) => withoutLength(destination)),
    );
    const sas = outboundSas(node).filter(({ destination }) => !selected.has(destination));
    if (sas.length === 0) continue;
    const peers = [...new Set(sas.map(({ destination }) => destination))];
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${startText(node)} has SAs for ${listed(peers)} but no policy: packets of encrypted networks go there unencrypted.`,
      subject: { nodes: [...aliases(node), ...peers] },
      exhibits: [
        exhibit(`SAs to ${listed(peers)}`, sas),
        exhibit(`policies for ${selected.size === 0 ? 'no peer' : listed([...selected])}`, node.policies),
      ],
      advice: [
        `Restart the engine of ${nodeText(node)}, which removes its SAs and policies and sets them up again.`,
        'If policies vanish again, look for another program that flushes them, such as an IKE daemon.',
      ],
      commands: ['systemctl restart docker', 'ip xfrm policy'],
    };
  }
}
