/** VXLAN leaves one node and never reaches the other, while other traffic does. */
import { captureName, counted, nodeText, secondsDifference, shown } from '../../capture/index.js';
import { listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { byPair, directionText, isVxlanBlocked, lostFlows } from './lost-flows.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const flows of byPair(lostFlows(evidence).filter(isVxlanBlocked))) {
    const [{ flow, match }] = flows;
    const receivers = listed(flows.map((each) => nodeText(evidence, each.flow.destination)));
    yield {
      severity: Severity.Error,
      certainty: Certainty.Likely,
      summary: `VXLAN ${directionText(evidence, flows)} leaves and never arrives, while other traffic does: a firewall blocks the port, or the hypervisor takes it.`,
      subject: { nodes: [flow.source, flow.destination] },
      exhibits: [
        ...flows.map(({ has, lacks, lost }) =>
          shown(
            has,
            lost,
            `${counted(lost.count, 'VXLAN packet')} in ${captureName(has)}, none in ${captureName(lacks)}`,
          ),
        ),
        { text: secondsDifference(match) },
      ],
      advice: [
        'Open UDP port 4789 between the nodes.',
        'If it is open: NSX and other hypervisor networks consume port 4789 for their own tunnels. Only a new swarm can have another data path port (docker swarm init --data-path-port 7789, after all nodes left); encrypted networks need an engine that has policies for it (moby/moby#45636).',
      ],
      commands: [
        `iptables -I INPUT -p udp --dport 4789 -j ACCEPT   # on ${receivers}`,
        `tcpdump -n -i any udp port 4789 and host ${flow.source}   # on ${nodeText(evidence, flow.destination)}: does it arrive?`,
      ],
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
    'none of three or more VXLAN packets of a direction is in the other capture, which has other packets of that direction',
  means:
    'Clear networks use UDP port 4789, as do the tunnels of some hypervisors, which then drop those of their guests.',
  threads: ['flannel-io/flannel#2388', 'moby/moby#45635'],
  explains: ['lost-between-captures', 'one-sided-traffic', 'retransmission-storm'],
  find,
};
