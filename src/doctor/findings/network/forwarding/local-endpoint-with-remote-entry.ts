import { withoutLength } from '../../../derived/addresses.js';
import { isInUse } from '../../../derived/networks.js';
import { certaintyOf } from '../../../derived/moments.js';
import { aliases, nodesWith, nodeText, ownAddresses } from '../../../derived/nodes.js';
import { forwardingRows } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, shellWord } from '../../../derived/wording.js';
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
  fires: 'A MAC of an endpoint on the node has a row with a VTEP in the FDB of the same node.',
  means:
    'The entry was left behind when the endpoint moved here. Neighbours on this node are told the address is elsewhere, and frames for it may leave the node and be lost.',
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
      for (const { mac, name, ipv4 } of remote) {
        const row = rows.get(mac);
        if (row === undefined || own.has(row.destination)) continue;
        const certainty = certaintyOf(evidence, row, view);
        if (certainty !== undefined) yield diagnose(node, view, row, name, withoutLength(ipv4), certainty);
      }
    }
  }
}

function diagnose(
  node: NodeEvidence,
  view: NetworkView,
  row: FdbRow,
  name: string,
  address: string,
  certainty: Certainty,
): Diagnosis {
  const device = shellWord(row.device === '' ? 'vxlan0' : row.device);
  return {
    severity: Severity.Error,
    certainty,
    summary: `${address === '' ? row.mac : address} (${name}) runs on ${nodeText(node)}, whose FDB sends its frames to ${row.destination}`,
    subject: { nodes: [...aliases(node), row.destination], ...(address === '' ? {} : { endpoints: [address] }) },
    exhibits: [
      exhibit(`FDB: ${row.mac} dst ${row.destination}`, [row]),
      exhibit(`endpoint ${name} with this MAC on network ${view.name} of the same node`, [view]),
    ],
    advice: ['Remove the entry and the neighbour, and update the engine.'],
    commands: [
      inNamespace(view.id, `bridge fdb del ${shellWord(row.mac)} dev ${device} dst ${shellWord(row.destination)} self`),
      ...(address === '' ? [] : [inNamespace(view.id, `ip neigh del ${shellWord(address)} dev ${device}`)]),
    ],
  };
}
