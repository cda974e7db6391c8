/** VXLAN leaves one node and never reaches the other, while other traffic does. */
import { counted, secondsDifference, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { byPair, directionText, isVxlanBlocked, lostFlows } from './lost-flows.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const flows of byPair(lostFlows(evidence).filter(isVxlanBlocked))) {
    const [{ flow, match }] = flows;
    yield {
      severity: Severity.Error,
      certainty: Certainty.Likely,
      summary: `VXLAN ${directionText(evidence, flows)} leaves and never arrives, while other traffic does: a firewall blocks the port, or the hypervisor takes it.`,
      subject: { nodes: [flow.source, flow.destination] },
      exhibits: [
        ...flows.map(({ has, lacks, lost }) =>
          shown(has, lost, `${counted(lost.count, 'VXLAN packet')} in ${has.file}, none in ${lacks.file}`),
        ),
        { text: secondsDifference(match) },
      ],
      advice: [
        'Open UDP port 4789 between the nodes.',
        'If it is open: NSX and other hypervisor networks consume port 4789 for their own tunnels. Create the swarm with another data path port; encrypted networks need an engine that has policies for it (moby/moby#45636).',
      ],
      commands: ['docker swarm init --data-path-port 7789', 'iptables -I INPUT -p udp --dport 4789 -j ACCEPT'],
      collect: ['iptables-save', 'nft list ruleset', 'ip -d link show type vxlan'],
    };
  }
}

export const vxlanPortTaken: Finding = {
  id: 'vxlan-port-taken',
  title: "VXLAN never arrives: its port is blocked, or the hypervisor's",
  severity: Severity.Error,
  looksAt: 'two captures of the same traffic',
  fires:
    'none of three or more VXLAN packets of a direction is in the other capture, which has other packets of the same nodes',
  means:
    'Clear networks use UDP port 4789, as do the tunnels of some hypervisors, which then drop those of their guests.',
  threads: ['flannel-io/flannel#2388', 'moby/moby#45635'],
  explains: ['lost-between-captures', 'one-sided-traffic', 'retransmission-storm'],
  find,
};
