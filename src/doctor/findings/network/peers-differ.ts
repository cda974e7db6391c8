import { certaintyOf } from '../../derived/moments.js';
import { isInUse, type Seen, viewsByNetwork } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Nodes disagree about who is on a network. */
export const peersDiffer: Finding = {
  id: 'peers-differ',
  title: 'Nodes disagree about the peers of a network',
  severity: Severity.Warning,
  looksAt: 'docker network inspect of two or more nodes',
  fires: 'two nodes that use a network list different peers for it',
  means:
    "Gossip hasn't reached everyone. A node that lacks a peer knows none of its endpoints: it drops frames to them, and its DNS doesn't have their tasks.",
  threads: ['moby/moby#40184', 'moby/moby#28931', 'moby/moby#47728'],
  explains: ['forwarding-entry-missing', 'one-sided-traffic', 'dns-timeouts', 'backend-not-a-task'],
  find: findDifferences,
};

function* findDifferences(evidence: Evidence): Generator<Diagnosis> {
  for (const views of viewsByNetwork(evidence)) {
    const used = views.filter(({ view }) => isInUse(view) && view.peers.length > 0);
    const all = new Set(used.flatMap(({ view }) => view.peers));
    const lacking = used.filter(({ view }) => new Set(view.peers).size < all.size);
    if (lacking.length === 0) continue;
    const other = used.find(({ view }) => lacking[0].view.peers.length < view.peers.length || view !== lacking[0].view);
    if (other === undefined) continue;
    // Peers come and go: inputs of different hours differ anyway.
    const certainty = certaintyOf(evidence, lacking[0], other);
    if (certainty !== undefined) yield diagnose(used, lacking, all, certainty);
  }
}

function diagnose(
  used: readonly Seen[],
  lacking: readonly Seen[],
  all: ReadonlySet<string>,
  certainty: Certainty,
): Diagnosis {
  const { name } = used[0].view;
  const texts = lacking.map(({ node, view }) => {
    const missing = [...all].filter((peer) => !view.peers.includes(peer));
    return `${nodeText(node)} lacks ${listed(missing)}`;
  });
  return {
    severity: Severity.Warning,
    certainty,
    summary: `Not all nodes have the same peers for network ${name}: ${listed(texts)}.`,
    subject: { nodes: aliases(...lacking.map(({ node }) => node)), ...vniOf(used) },
    exhibits: used.map((seen) => exhibit(`${nodeText(seen.node)}: peers ${listed(seen.view.peers)}`, [seen])),
    advice: [
      'Check that TCP and UDP 7946 pass between all nodes, in both directions.',
      `Restart the engine of ${listed(lacking.map(({ node }) => nodeText(node)))} if the difference stays.`,
    ],
    commands: [
      `docker network inspect --format '{{range .Peers}}{{println .IP}}{{end}}' ${shellWord(name)}`,
      'systemctl restart docker',
    ],
    ...(certainty === Certainty.Certain
      ? {}
      : { collect: [`docker network inspect ${shellWord(name)}   # on all nodes, at the same time`] }),
  };
}

/** The VNI of the network, if it has one subnet. */
function vniOf(views: readonly Seen[]): { readonly vni?: number } {
  const [vni, ...others] = views[0].view.vnis;
  return others.length > 0 ? {} : { vni };
}
