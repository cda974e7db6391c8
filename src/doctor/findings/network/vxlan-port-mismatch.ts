import { allViews, hasVnis } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import type { Placed } from '../../evidence/place.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** The vxlan devices of a swarm use different ports. */
export const vxlanPortMismatch: Finding = {
  id: 'vxlan-port-mismatch',
  title: 'The vxlan devices have different ports',
  severity: Severity.Error,
  looksAt: 'ip -d link, docker info and docker network inspect of one or more nodes',
  fires:
    "a vxlan device of one of Docker's networks has another destination port than the data path port of docker info, or than another node's",
  means:
    'VXLAN for another port reaches no vxlan device: the node answers with ICMP port unreachable, and the network carries nothing.',
  threads: ['moby/moby#45635', 'moby/moby#33416', 'moby/moby#38030'],
  explains: ['wrong-port', 'one-sided-traffic'],
  find: findPorts,
};

interface Port extends Placed {
  readonly node: NodeEvidence;
  readonly port: number;
  readonly source: string;
}

function* findPorts(evidence: Evidence): Generator<Diagnosis> {
  // Devices of other programs, such as flannel's, have their own ports.
  const vnis = new Set(allViews(evidence).flatMap(({ view }) => (hasVnis(view) ? view.vnis : [])));
  const ports: Port[] = [];
  for (const node of evidence.nodes) {
    for (const { dataPathPort, place } of node.engines) {
      if (dataPathPort !== 0) ports.push({ node, port: dataPathPort, source: 'docker info', place });
    }
    for (const { name, vxlan, place } of node.links) {
      if (vxlan === undefined || vxlan.port === 0 || !vnis.has(vxlan.vni)) continue;
      ports.push({ node, port: vxlan.port, source: `device ${name}, VNI ${vxlan.vni}`, place });
    }
  }
  const different = [...new Set(ports.map(({ port }) => port))];
  if (different.length < 2) return;
  const first = different.flatMap((port) => ports.find((one) => one.port === port) ?? []);
  yield {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `VXLAN has different ports: ${listed(first.map(({ node, port, source }) => `${port} on ${nodeText(node)} (${source})`))}.`,
    subject: { nodes: aliases(...first.map(({ node }) => node)) },
    exhibits: first.map((one) => exhibit(`${nodeText(one.node)}: port ${one.port}, ${one.source}`, [one])),
    advice: [
      'The data path port is set when a swarm is created, and is the same on all nodes: a node with another one was in another swarm, or has a stale device.',
      'Restart the engine of that node, or let it leave and join again.',
    ],
    commands: ['docker info --format "{{.Swarm.Cluster.DataPathPort}}"', 'docker swarm init --data-path-port PORT'],
  };
}
