/** ESP leaves one node and never reaches the other, while other traffic does. */
import { captureName, counted, nodeText, secondsDifference, shown } from '../../capture/index.js';
import { listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { byPair, directionText, isEspBlocked, lostFlows } from './lost-flows.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const flows of byPair(lostFlows(evidence).filter(isEspBlocked))) {
    const [{ flow, match, lacks }] = flows;
    const receivers = listed(flows.map((each) => nodeText(evidence, each.flow.destination)));
    const arriving = match.flows.filter(({ matched }) => matched > 0);
    // A capture filter without ESP leaves all of it out.
    const takesEsp = lacks.traffic.some(({ esp }) => esp.count > 0);
    yield {
      severity: Severity.Error,
      certainty: takesEsp ? Certainty.Certain : Certainty.Likely,
      summary: `ESP ${directionText(evidence, flows)} is blocked on the way: it leaves one node and never arrives at the other, and other traffic does.`,
      subject: { nodes: [flow.source, flow.destination] },
      exhibits: [
        ...flows.map(({ has, lacks: other, lost }) =>
          shown(
            has,
            lost,
            `${counted(lost.count, 'ESP packet')} in ${captureName(has)}, none in ${captureName(other)}`,
          ),
        ),
        {
          text: `packets that both have: ${arriving
            .slice(0, 5)
            .map(({ kindName, matched, source }) => `${matched} of ${kindName} from ${source}`)
            .join(', ')}`,
          places: [{ file: lacks.file }],
        },
        { text: secondsDifference(match) },
      ],
      advice: [
        ...(takesEsp
          ? []
          : [`Make sure that ${captureName(lacks)} was captured with a filter that takes ESP: it has none at all.`]),
        'Open IP protocol 50 (ESP) between the nodes: in security groups of the cloud, in hardware firewalls, and in the rules of both nodes. A rule for UDP or TCP ports does not cover it.',
      ],
      commands: [
        `iptables -I INPUT -p esp -j ACCEPT   # on ${receivers}`,
        `nft add rule inet filter input meta l4proto esp accept   # where nft is used`,
      ],
      collect: ['iptables-save', 'nft list ruleset'],
    };
  }
}

export const espBlockedBetweenCaptures: Finding = {
  id: 'esp-blocked-between-captures',
  title: 'ESP is blocked between the nodes',
  severity: Severity.Error,
  looksAt: 'two captures of the same traffic',
  fires:
    'none of three or more ESP packets of a direction is in the other capture, which has other packets of that direction; certain if it has any ESP',
  means:
    'Encrypted networks use IP protocol 50, which many firewalls and clouds block by default. Gossip passes, so the swarm looks healthy, and encrypted networks do not work.',
  threads: ['moby/moby#26523', 'docker/for-linux#91', 'docker/docs#8640', 'docker/docs#11029', 'moby/moby#30727'],
  explains: ['lost-between-captures', 'one-sided-esp', 'one-sided-traffic', 'retransmission-storm', 'sequence-gaps'],
  find,
};
