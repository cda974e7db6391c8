import { encryptedNetworks } from '../../derived/networks.js';
import { InputKind, type Evidence, type NodeEvidence } from '../../evidence/evidence.js';
import { Severity } from '../../finding.js';
import { type Blocked, blockedPackets } from './blocked-packets.js';

/** A firewall drops ESP. */
export const espBlocked = blockedPackets({
  id: 'esp-blocked',
  title: 'A firewall drops ESP between the nodes',
  severity: Severity.Error,
  what: 'ESP',
  kindsOf,
  means:
    'Encrypted networks carry nothing to or from the node, while gossip and unencrypted networks work: they are UDP, and ESP is IP protocol 50.',
  threads: ['moby/moby#26523', 'moby/moby#30766', 'docker/for-linux#91', 'docker/docs#8640', 'docker/docs#11029'],
  explains: ['one-sided-esp', 'one-sided-traffic', 'retransmission-storm', 'vtep-silent-peers'],
});

/** ESP matters where it is used: on a node that encrypts, or whose networks are not known while those of another one do. */
function kindsOf(node: NodeEvidence, { nodes }: Evidence): readonly Blocked[] {
  const usesEsp =
    node.sas.some(({ protocol }) => protocol === 'esp') ||
    encryptedNetworks(node).length > 0 ||
    node.captures.some(({ survey }) => survey.esp.length > 0) ||
    (!node.has.has(InputKind.Networks) && nodes.some((other) => encryptedNetworks(other).length > 0));
  return usesEsp ? [{ protocol: 'esp', port: 0, isReply: true }] : [];
}
