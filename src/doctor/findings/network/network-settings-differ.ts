import { isInUse, type Seen, viewsByNetwork } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** The same network has other settings on another node. */
export const networkSettingsDiffer: Finding = {
  id: 'network-settings-differ',
  title: 'A network has different settings on two nodes',
  severity: Severity.Error,
  looksAt: 'docker network inspect of two or more nodes, ip -d link',
  fires:
    'Two nodes that use a network show different VNIs, encryption, MTU options or subnets for it, or different MTUs of its vxlan devices.',
  means:
    "Nodes with different VNIs don't hear each other; one that encrypts drops what another sends unencrypted; with different MTUs, large packets are lost in one direction.",
  threads: ['moby/moby#28559', 'moby/moby#33133'],
  explains: ['clear-vxlan-on-encrypted-network', 'one-sided-traffic', 'one-sided-esp', 'mtu-too-big'],
  find: findDifferences,
};

interface Setting {
  readonly name: string;
  readonly of: (view: Seen) => string;
}

const SETTINGS: readonly Setting[] = [
  { name: 'VNI', of: ({ view }) => view.vnis.join(', ') },
  { name: 'encryption', of: ({ view }) => (view.encrypted ? 'encrypted' : 'not encrypted') },
  { name: 'MTU option', of: ({ view }) => (view.driverMtu === undefined ? 'none' : `${view.driverMtu}`) },
  { name: 'subnets', of: ({ view }) => [...view.subnets].sort().join(', ') },
  { name: 'MTU of the vxlan device', of: deviceMtu },
];

function deviceMtu({ node, view }: Seen): string {
  const mtus = node.links
    .filter(({ vxlan }) => vxlan !== undefined && view.vnis.includes(vxlan.vni))
    .map(({ mtu }) => mtu);
  return [...new Set(mtus)].sort((a, b) => a - b).join(', ');
}

function* findDifferences(evidence: Evidence): Generator<Diagnosis> {
  for (const views of viewsByNetwork(evidence)) {
    const used = views.filter(({ view }) => isInUse(view));
    for (const setting of SETTINGS) {
      // A node without the input has no value, rather than a different one.
      const known = used.filter((seen) => setting.of(seen) !== '');
      const values = new Set(known.map(setting.of));
      if (values.size > 1) yield diagnose(known, setting);
    }
  }
}

function diagnose(views: readonly Seen[], { name, of }: Setting): Diagnosis {
  const network = views[0].view.name;
  return {
    severity: Severity.Error,
    // Without ids, two networks of the same name may be meant.
    certainty: views.every(({ view }) => view.id !== '') ? Certainty.Certain : Certainty.Likely,
    summary: `Network ${network} differs in its ${name}: ${listed(views.map((seen) => `${of(seen)} on ${nodeText(seen.node)}`))}`,
    subject: { nodes: aliases(...views.map(({ node }) => node)) },
    exhibits: views.map((seen) => exhibit(`${nodeText(seen.node)}: ${of(seen)}`, [seen])),
    advice: [
      'Remove the network and create it again: its settings cannot be changed.',
      'If a node keeps the old ones, stop the tasks of the network there and restart its engine.',
    ],
    commands: ['docker network inspect NETWORK   # on each node', 'docker network rm NETWORK'],
  };
}
