import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import { Severity } from '../../finding.js';
import { blockedPackets } from './blocked-packets.js';

const VXLAN_PORT = 4789;

/** A firewall drops VXLAN. */
export const vxlanBlocked = blockedPackets({
  id: 'vxlan-blocked',
  title: 'A firewall drops VXLAN between the nodes',
  severity: Severity.Error,
  what: 'VXLAN',
  kindsOf: (node, evidence) => [{ protocol: 'udp', port: dataPathPort(node, evidence), isReply: false }],
  means:
    'No packet of a container gets to or from the node over an overlay network. Gossip and DNS work, so names resolve and connections time out. The packets of encrypted networks, too, pass the firewall as VXLAN once they are decrypted.',
  threads: ['moby/moby#26523', 'docker/for-linux#91', 'docker/docs#8640'],
  explains: ['one-sided-traffic', 'one-sided-esp', 'retransmission-storm', 'dns-timeouts', 'vtep-silent-peers'],
});

/** The port of the data path: it is the same on all nodes of a swarm. */
function dataPathPort(node: NodeEvidence, { nodes }: Evidence): number {
  const engines = [node, ...nodes].flatMap(({ engines: all }) => all);
  return engines.find(({ dataPathPort: port }) => port !== 0)?.dataPathPort ?? VXLAN_PORT;
}
