import { hasVnis, viewsByNetwork } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A network is shown by nodes that don't use it. */
export const networkNotInUse: Finding = {
  id: 'network-not-in-use',
  title: "A network isn't in use on the nodes that were inspected",
  severity: Severity.Note,
  looksAt: 'docker network inspect',
  fires: 'no output of a network shows its VNI',
  means:
    'A node sets up a network when it gets a task on it. Until then it shows neither VNIs nor peers nor endpoints, and nothing is wrong with that.',
  threads: ['moby/moby#24186', 'moby/moby#36620', 'moby/moby#48116'],
  explains: [],
  find: findUnused,
};

function* findUnused(evidence: Evidence): Generator<Diagnosis> {
  const unused = viewsByNetwork(evidence).filter((views) => !views.some(({ view }) => hasVnis(view) || view.classic));
  if (unused.length === 0) return;
  const views = unused.map(([first]) => first);
  const nodes = [...new Set(unused.flat().map(({ node }) => node))];
  const names = views.map(({ view }) => view.name);
  yield {
    severity: Severity.Note,
    certainty: Certainty.Certain,
    summary: `${names.length === 1 ? 'Network' : 'Networks'} ${listed(names)} ${names.length === 1 ? "isn't" : "aren't"} in use on ${listed(nodes.map(nodeText))}: the VNI isn't known there.`,
    subject: { nodes: aliases(...nodes) },
    exhibits: [exhibit('networks without a VNI', views)],
    advice: ['Nothing is wrong. Inspect the network on a node that runs a task of it.'],
    collect: [
      `docker network inspect --verbose ${names.slice(0, 5).map(shellWord).join(' ')}   # on a node with a task`,
    ],
  };
}
