import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import type { Placed } from '../../evidence/place.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** The inputs are of nodes of different swarms. */
export const swarmsDiffer: Finding = {
  id: 'swarms-differ',
  title: 'The nodes are in different swarms',
  severity: Severity.Error,
  looksAt: 'docker info of managers, docker network inspect of the ingress network',
  fires: "two nodes' docker info shows different cluster ids, or their ingress networks have different ids",
  means:
    'Each swarm has its own keys, networks and addresses, and no packet of a container gets from one to the other. Comparing nodes of two swarms shows differences that are no faults.',
  threads: ['moby/moby#30590'],
  explains: [
    'engine-versions-incompatible',
    'vxlan-port-mismatch',
    'spi-forms-differ',
    'sa-keys-differ',
    'sa-algorithms-differ',
    'node-behind-in-rotation',
    'peer-without-sas',
    'network-settings-differ',
    'peers-differ',
    'forwarding-to-wrong-node',
    'policy-port-mismatch',
    'gossip-wrong-keys',
    'rotation-missed',
  ],
  find: findSwarms,
};

/** What tells a node's swarm. */
interface Member extends Placed {
  readonly node: NodeEvidence;
  readonly id: string;
}

function* findSwarms({ nodes }: Evidence): Generator<Diagnosis> {
  const byCluster = nodes.flatMap((node): Member[] => {
    const engine = node.engines.find(({ cluster = '' }) => cluster !== '');
    return engine?.cluster === undefined ? [] : [{ node, id: engine.cluster, place: engine.place }];
  });
  const byIngress = nodes.flatMap((node): Member[] => {
    const view = node.networks.find(({ ingress, id }) => ingress && id !== '');
    return view === undefined ? [] : [{ node, id: view.id, place: view.place }];
  });
  if (swarmsOf(byCluster).length > 1) {
    yield diagnose(swarmsOf(byCluster), Certainty.Certain, 'cluster id');
  } else if (swarmsOf(byIngress).length > 1 && byCluster.length < 2) {
    // Someone may have made the ingress network anew between two outputs.
    yield diagnose(swarmsOf(byIngress), Certainty.Likely, 'id of the ingress network');
  }
}

function swarmsOf(members: readonly Member[]): readonly (readonly Member[])[] {
  const swarms = new Map<string, Member[]>();
  for (const member of members) {
    const known = swarms.get(member.id);
    if (known === undefined) swarms.set(member.id, [member]);
    else known.push(member);
  }
  return [...swarms.values()];
}

function diagnose(swarms: readonly (readonly Member[])[], certainty: Certainty, what: string): Diagnosis {
  const namesOf = (members: readonly Member[]): string => listed(members.map(({ node }) => nodeText(node)));
  return {
    severity: Severity.Error,
    certainty,
    summary: `${namesOf(swarms[0])} ${swarms[0].length === 1 ? "isn't" : "aren't"} in the same swarm as ${namesOf(swarms.slice(1).flat())}.`,
    subject: { nodes: aliases(...swarms.flat().map(({ node }) => node)) },
    exhibits: swarms.slice(0, 5).map((members) => exhibit(`${namesOf(members)}: ${what} ${members[0].id}`, members)),
    advice: [
      'If they are meant to be in two swarms, give doctor the files of one swarm at a time.',
      'Otherwise let the node that is in the wrong swarm leave it, and join the right one.',
    ],
    commands: [
      "docker info --format '{{.Swarm.Cluster.ID}}'   # on a manager",
      'docker swarm leave; docker swarm join --token TOKEN MANAGER:2377   # on the node in the wrong swarm',
    ],
    ...(certainty === Certainty.Certain
      ? {}
      : { collect: ['docker info; docker network inspect ingress   # on all nodes, at the same time'] }),
  };
}
