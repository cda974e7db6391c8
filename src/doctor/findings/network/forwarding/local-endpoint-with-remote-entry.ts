import { withoutLength } from '../../../derived/addresses.js';
import { isInUse } from '../../../derived/networks.js';
import { certaintyOf } from '../../../derived/moments.js';
import { aliases, nodesWith, nodeText, ownAddresses } from '../../../derived/nodes.js';
import { forwardingRows } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import type { NetworkView } from '../../../evidence/docker.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { FdbRow } from '../../../evidence/kernel.js';
import { type Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** A container of the node has an entry that sends its frames to another node. */
export const localEndpointWithRemoteEntry: Finding = {
  id: 'local-endpoint-with-remote-entry',
  title: "A local container's MAC is forwarded to another node",
  severity: Severity.Error,
  looksAt: 'bridge fdb and docker network inspect of a node',
  fires: 'a MAC of an endpoint on the node has a row with a VTEP in the FDB of the same node',
  means:
    'The entry was left behind when the endpoint moved here. Containers on this node look for the address elsewhere, and frames for it may leave the node and be lost.',
  threads: [
    'moby/libnetwork#1902',
    'moby/libnetwork#1903',
    'moby/libnetwork#1904',
    'moby/libnetwork#1905',
    'moby/moby#47728',
  ],
  explains: ['endpoint-moved', 'one-sided-traffic', 'forwarding-entry-duplicated', 'address-duplicated'],
  find: findLocal,
};

function* findLocal(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Networks)) {
    const rows = new Map(forwardingRows(node).map((row) => [row.mac, row]));
    const own = ownAddresses(node);
    for (const view of node.networks) {
      if (!isInUse(view)) continue;
      const remote = view.endpoints.filter(({ mac }) => rows.has(mac));
      // Inputs whose node is unknown may be of two nodes: then all endpoints of one are remote for the other.
      if (node.name === '' && remote.length === view.endpoints.length) continue;
      const found = remote.flatMap(({ mac, name, ipv4 }): Local[] => {
        const row = rows.get(mac);
        if (row === undefined || own.has(row.destination)) return [];
        return [{ row, name, address: withoutLength(ipv4) }];
      });
      const certainty = found.length === 0 ? undefined : certaintyOf(evidence, found[0].row, view);
      if (certainty !== undefined) yield diagnose(node, view, found, certainty);
    }
  }
}

/** An endpoint, and the row that sends its frames away. */
interface Local {
  readonly row: FdbRow;
  readonly name: string;
  /** Empty if it has none. */
  readonly address: string;
}

function diagnose(node: NodeEvidence, view: NetworkView, found: readonly Local[], certainty: Certainty): Diagnosis {
  const [{ row, name, address }] = found;
  const isOne = found.length === 1;
  const what = isOne
    ? `${address === '' ? row.mac : address} (${name}) runs`
    : `${listed(found.map((one) => (one.address === '' ? one.row.mac : one.address)))} run`;
  return {
    severity: Severity.Error,
    certainty,
    summary: `${what} on ${nodeText(node)}, whose FDB sends ${isOne ? 'its' : 'their'} frames to ${listed(found.map((one) => one.row.destination))}.`,
    subject: {
      nodes: [...new Set([...aliases(node), ...found.map((one) => one.row.destination)])],
      endpoints: found.map((one) => one.address).filter((one) => one !== ''),
    },
    exhibits: [
      exhibit(
        `FDB: ${listed(found.map((one) => `${one.row.mac} dst ${one.row.destination}`))}`,
        found.map((one) => one.row),
      ),
      exhibit(
        `${isOne ? 'endpoint' : 'endpoints'} ${listed(found.map((one) => one.name))} on network ${view.name} of the same node`,
        [view],
      ),
    ],
    advice: [`On ${nodeText(node)}, remove the entries and the neighbours, and update the engine.`],
    commands: found.slice(0, 3).flatMap((one) => {
      const device = shellWord(one.row.device === '' ? 'vxlan0' : one.row.device);
      const row = `bridge fdb del ${shellWord(one.row.mac)} dev ${device} dst ${shellWord(one.row.destination)} self`;
      const neighbour = `ip neigh del ${shellWord(one.address)} dev ${device}`;
      return [row, ...(one.address === '' ? [] : [neighbour])].map((command) => inNamespace(view.id, command));
    }),
  };
}
