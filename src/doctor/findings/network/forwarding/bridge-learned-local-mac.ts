import { withoutLength } from '../../../derived/addresses.js';
import { isInUse } from '../../../derived/networks.js';
import { aliases, nodesWith, nodeText } from '../../../derived/nodes.js';
import { certaintyOf } from '../../../derived/moments.js';
import { isTunnelDevice } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import { type Evidence, InputKind } from '../../../evidence/evidence.js';
import { type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** The bridge believes that a local container is behind the vxlan device. */
export const bridgeLearnedLocalMac: Finding = {
  id: 'bridge-learned-local-mac',
  title: "The bridge learned a local container's MAC at the vxlan device",
  severity: Severity.Error,
  looksAt: 'bridge fdb and docker network inspect of a node',
  fires: 'the bridge has learned the MAC of an endpoint on the node at the port of the vxlan device',
  means:
    "A frame with the container's MAC came in through the tunnel, such as a reflected one. The bridge now sends the container's frames into the tunnel, where they are lost, until the container sends something itself.",
  threads: ['moby/moby#34957', 'moby/libnetwork#1952'],
  explains: ['one-sided-traffic', 'endpoint-moved', 'duplicate-address'],
  find: findLearned,
};

function* findLearned(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Networks)) {
    const learned = node.fdb.filter(
      ({ device, destination, permanent, self, mac }) =>
        destination === '' && !permanent && !self && device !== '' && mac !== '' && isTunnelDevice(node, device),
    );
    const macs = new Set(learned.map(({ mac }) => mac));
    for (const view of node.networks) {
      if (!isInUse(view)) continue;
      const local = view.endpoints.filter(({ mac }) => macs.has(mac));
      // Inputs whose node is unknown may be of two nodes: the bridge of one learns the other's endpoints there.
      if (local.length === 0 || (node.name === '' && local.length === view.endpoints.length)) continue;
      const own = new Set(local.map(({ mac }) => mac));
      const rows = learned.filter(({ mac }) => own.has(mac));
      const certainty = certaintyOf(evidence, rows[0], view);
      if (certainty === undefined) continue;
      const device = shellWord(rows[0].device);
      yield {
        severity: Severity.Error,
        certainty,
        summary: `The bridge of network ${view.name} on ${nodeText(node)} looks for its own ${listed(local.map(({ name }) => name))} behind ${rows[0].device}.`,
        subject: {
          nodes: aliases(node),
          endpoints: local.map(({ ipv4 }) => withoutLength(ipv4)).filter((one) => one !== ''),
        },
        exhibits: [
          exhibit(`learned at ${rows[0].device}: ${listed(rows.map(({ mac }) => mac))}`, rows),
          exhibit(`endpoints of ${view.name} on the node`, [view]),
        ],
        advice: [
          `On ${nodeText(node)}, switch learning off at the vxlan device, which needs none, and remove the row.`,
          'Restart the container: it announces itself when it starts.',
        ],
        commands: [
          inNamespace(view.id, `bridge link set dev ${device} learning off`),
          ...rows
            .slice(0, 4)
            .map(({ mac }) => inNamespace(view.id, `bridge fdb del ${shellWord(mac)} dev ${device} master`)),
        ],
      };
    }
  }
}
