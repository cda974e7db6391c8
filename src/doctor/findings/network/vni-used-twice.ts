import { hasVnis } from '../../derived/networks.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { NetworkView } from '../../evidence/docker.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Networks that are shown. */
const MOST_SHOWN = 5;

/** Two networks of a node have the same VNI. */
export const vniUsedTwice: Finding = {
  id: 'vni-used-twice',
  title: 'Two networks have the same VNI',
  severity: Severity.Error,
  looksAt: 'docker network inspect of a node',
  fires: 'two networks in one output, with different ids, have a VNI in common',
  means:
    "A node can have one vxlan device per VNI: the second network doesn't start there, and what arrives for one may end up in the other.",
  threads: ['moby/moby#28559', 'moby/libnetwork#1765'],
  explains: ['vxlan-device-exists'],
  find: findShared,
};

function* findShared(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Networks)) {
    /** By file and VNI, and by id. */
    const byVni = new Map<string, Map<string, NetworkView>>();
    for (const view of node.networks) {
      if (!hasVnis(view) || view.id === '') continue;
      for (const vni of new Set(view.vnis)) {
        const key = `${view.place.file}\n${vni}`;
        const views = byVni.get(key) ?? new Map<string, NetworkView>();
        byVni.set(key, views);
        if (!views.has(view.id)) views.set(view.id, view);
      }
    }
    for (const [key, byId] of byVni) {
      if (byId.size < 2) continue;
      const views = [...byId.values()];
      const vni = Number(key.slice(key.lastIndexOf('\n') + 1));
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `VNI ${vni} is that of ${listed(views.map(({ name }) => name))} on ${nodeText(node)}.`,
        subject: { nodes: aliases(node), vni },
        exhibits: views.slice(0, MOST_SHOWN).map((view) => exhibit(`network ${view.name}, id ${view.id}`, [view])),
        advice: ['Remove one of the networks and create it again, without a VNI in its options.'],
        commands: ['docker network rm NETWORK', 'docker network create --driver overlay NETWORK'],
      };
    }
  }
}
