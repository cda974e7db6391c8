import { hasVnis, type Seen, viewsByNetwork } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** The same network has other settings on another node. */
export const networkSettingsDiffer: Finding = {
  id: 'network-settings-differ',
  title: 'A network has different settings on two nodes',
  severity: Severity.Error,
  looksAt: 'docker network inspect of two or more nodes, ip -d link',
  fires:
    'two nodes show different VNIs, encryption, MTU options or subnets for one network, or different MTUs of its vxlan devices',
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
    const used = views.filter(({ view }) => hasVnis(view));
    const different = SETTINGS.filter(({ of }) => {
      // A node without the input has no value, rather than a different one.
      return new Set(used.map(of).filter((value) => value !== '')).size > 1;
    });
    if (different.length > 0) yield diagnose(used, different);
  }
}

function diagnose(views: readonly Seen[], settings: readonly Setting[]): Diagnosis {
  const { name: network } = views[0].view;
  const texts = settings.map(({ name, of }) => {
    const known = views.filter((seen) => of(seen) !== '');
    return `${name} (${listed(known.map((seen) => `${of(seen)} on ${nodeText(seen.node)}`))})`;
  });
  return {
    severity: Severity.Error,
    // Without ids, two networks of the same name may be meant.
    certainty: views.every(({ view }) => view.id !== '') ? Certainty.Certain : Certainty.Likely,
    summary: `Network ${network} differs between nodes in its ${listed(texts)}.`,
    subject: { nodes: aliases(...views.map(({ node }) => node)) },
    exhibits: views.map((seen) => {
      const values = settings.map(({ name, of }) => `${name} ${of(seen) === '' ? 'unknown' : of(seen)}`);
      return exhibit(`${nodeText(seen.node)}: ${values.join(', ')}`, [seen]);
    }),
    advice: [
      'Remove the network and create it again: its settings cannot be changed.',
      'If a node keeps the old ones, stop the tasks of the network there and restart its engine.',
    ],
    commands: [
      `docker network inspect ${shellWord(network)}   # on each node`,
      `docker network rm ${shellWord(network)}`,
    ],
  };
}
