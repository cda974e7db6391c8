import { isAddress } from '../../derived/addresses.js';
import { isInUse } from '../../derived/networks.js';
import { aliases, nodesWith, nodeText, startText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A node's address isn't the one that the network's peers have for it. */
export const nodeNotAmongPeers: Finding = {
  id: 'node-not-among-peers',
  title: "A node's address isn't among the peers of a network that it uses",
  severity: Severity.Warning,
  looksAt: 'docker info and docker network inspect of a node',
  fires: 'a node uses a network whose peers, as the node itself lists them, lack the address that docker info shows',
  means:
    'The node advertises another address in gossip than it has in the swarm, for example because its address changed. Others send to the old one.',
  threads: ['moby/moby#34763', 'moby/moby#53004'],
  explains: ['outer-source-not-vtep', 'one-sided-traffic', 'sa-for-wrong-address'],
  find: findAddresses,
};

function* findAddresses(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Engine, InputKind.Networks)) {
    // Inputs whose node is unknown may be of two nodes.
    const engine = node.name === '' ? undefined : node.engines.find(({ nodeAddress }) => isAddress(nodeAddress));
    if (engine === undefined) continue;
    const views = node.networks.filter(
      (view) => isInUse(view) && view.peers.length > 0 && !view.peers.includes(engine.nodeAddress),
    );
    if (views.length === 0) continue;
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Likely,
      summary: `${startText(node)} has the address ${engine.nodeAddress}, which isn't among the peers of ${listed(views.map(({ name }) => name))}.`,
      subject: { nodes: aliases(node) },
      exhibits: [
        exhibit(`docker info: node address ${engine.nodeAddress}`, [engine]),
        exhibit(`peers: ${listed(views.flatMap(({ peers }) => peers))}`, views),
      ],
      advice: [
        `Restart the engine of ${nodeText(node)}, so that it advertises its present address; or let the node leave and join with --advertise-addr.`,
      ],
      commands: ['systemctl restart docker', 'docker info --format "{{.Swarm.NodeAddr}}"'],
    };
  }
}
