import { networkOf } from '../../../derived/networks.js';
import { aliases, nodesWith, nodeText, startText } from '../../../derived/nodes.js';
import { comparableTables, forwardingRows } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import { type Evidence, InputKind } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** Docker's MACs: 02:42 and the four bytes of the IPv4 address. */
const DOCKER_MAC = /^02:42(?::[0-9a-f]{2}){4}$/;

/** An endpoint has a forwarding entry, and no neighbour entry. */
export const neighbourMissing: Finding = {
  id: 'neighbour-missing',
  title: 'A remote endpoint has no neighbour entry',
  severity: Severity.Error,
  looksAt: 'bridge fdb and ip neigh of a node',
  fires:
    'a permanent row of a vxlan device with a VTEP has a MAC that no neighbour of that device has, although others are there',
  means:
    "The vxlan device answers ARP for remote endpoints from its neighbours, and floods nothing. Nobody on this node can find out the endpoint's MAC, so nobody reaches it.",
  threads: ['moby/moby#52661', 'moby/moby#35922'],
  explains: ['one-sided-traffic', 'dns-timeouts'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Neighbours)) {
    const known = new Set(node.neighbours.map(({ mac }) => mac));
    const isComparable = comparableTables(node);
    const rows = forwardingRows(node).filter((row) => row.permanent && !known.has(row.mac) && isComparable(row));
    if (rows.length === 0) continue;
    const names = rows.map(({ mac }) => addressOfMac(mac) ?? mac);
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${startText(node)} has no neighbour entry for ${listed(names)}: ARP for ${rows.length === 1 ? 'it' : 'them'} isn't answered.`,
      subject: { nodes: aliases(node), endpoints: rows.flatMap(({ mac }) => addressOfMac(mac) ?? []) },
      exhibits: [
        exhibit(
          `rows without a neighbour: ${listed(rows.map(({ mac, destination }) => `${mac} dst ${destination}`))}`,
          rows,
        ),
      ],
      advice: [`On ${nodeText(node)}, enter the neighbours, and update the engine.`],
      commands: rows.slice(0, 5).map(({ mac, device }) => {
        const address = addressOfMac(mac);
        return inNamespace(
          address === undefined ? undefined : networkOf(node, address)?.id,
          `ip neigh replace ${address ?? 'ADDRESS'} lladdr ${shellWord(mac)} dev ${shellWord(device === '' ? 'vxlan0' : device)} nud permanent`,
        );
      }),
    };
  }
}

function addressOfMac(mac: string): string | undefined {
  if (!DOCKER_MAC.test(mac)) return undefined;
  return mac
    .split(':')
    .slice(2)
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}
