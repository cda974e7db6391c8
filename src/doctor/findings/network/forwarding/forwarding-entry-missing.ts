import { aliases, nodesWith, nodeText, startText } from '../../../derived/nodes.js';
import { networkOf } from '../../../derived/networks.js';
import { EndpointLocations } from '../../../derived/endpoint-location.js';
import { comparableTables, forwardingRows, remoteNeighbours } from '../../../derived/tunnel-tables.js';
import { counted, exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { NeighbourRow } from '../../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** An endpoint has a neighbour entry, and no forwarding entry. */
export const forwardingEntryMissing: Finding = {
  id: 'forwarding-entry-missing',
  title: 'A remote endpoint has no forwarding entry',
  severity: Severity.Error,
  looksAt: 'bridge fdb and ip neigh of a node',
  fires:
    'a permanent neighbour of a vxlan device has a MAC for which the FDB of that device has no VTEP (no `dst ... self` row)',
  means:
    "ARP for the endpoint is answered, but frames to it are dropped: the vxlan device doesn't know which node to send them to. The container is healthy, and can't be reached from this node.",
  threads: ['moby/moby#52661', 'moby/moby#53663', 'moby/moby#35807', 'moby/moby#50236'],
  explains: ['one-sided-traffic', 'retransmission-storm', 'dns-timeouts'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Neighbours)) {
    const forwarded = new Set(forwardingRows(node).map(({ mac }) => mac));
    const isComparable = comparableTables(node);
    const missing = remoteNeighbours(node).filter((row) => !forwarded.has(row.mac) && isComparable(row));
    if (missing.length > 0) yield diagnose(evidence, node, missing);
  }
}

function diagnose(evidence: Evidence, node: NodeEvidence, missing: readonly NeighbourRow[]): Diagnosis {
  const addresses = missing.map(({ address }) => address);
  const locations = new EndpointLocations(evidence);
  const macs = new Set(missing.map(({ mac }) => mac));
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `${startText(node)} has no forwarding entry for ${listed(addresses)}: frames to ${missing.length === 1 ? 'it' : 'them'} are dropped.`,
    subject: { nodes: aliases(node), endpoints: addresses },
    exhibits: [
      exhibit(
        `${counted(missing.length, 'permanent neighbour')} whose MAC has no row with \`dst\` and \`self\`: ${listed(missing.map(({ mac }) => mac))}`,
        missing,
      ),
      exhibit(
        'rows of these MACs in the FDB',
        node.fdb.filter(({ mac }) => macs.has(mac)),
      ),
    ],
    advice: [
      `On ${nodeText(node)}, enter the rows that are missing, with the address of the node that runs the endpoint.`,
      'Update the engine: 29.x loses them when a learned row is in the way.',
    ],
    commands: missing.slice(0, 5).map(({ mac, device, address }) => {
      const vtep = locations.of(address) ?? 'VTEP';
      const command = `bridge fdb replace ${shellWord(mac)} dev ${shellWord(device === '' ? 'vxlan0' : device)} dst ${shellWord(vtep)} self permanent`;
      return inNamespace(networkOf(node, address)?.id, command);
    }),
  };
}
