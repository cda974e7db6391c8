import { withoutLength } from '../../../derived/addresses.js';
import { EndpointLocations } from '../../../derived/endpoint-location.js';
import { isInUse } from '../../../derived/networks.js';
import { aliases, nodesWith, nodeText, startText, ownAddresses } from '../../../derived/nodes.js';
import { certaintyOf } from '../../../derived/moments.js';
import { forwardingRows } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import type { NetworkView } from '../../../evidence/docker.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { FdbRow } from '../../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** A node sends an endpoint's frames to a node that doesn't have it. */
export const forwardingToWrongNode: Finding = {
  id: 'forwarding-to-wrong-node',
  title: "Frames are forwarded to a node that doesn't have the endpoint",
  severity: Severity.Error,
  looksAt: 'bridge fdb of a node, docker network inspect of the others',
  fires:
    'the FDB of one node sends a MAC to a VTEP, and another node, which has an endpoint with that MAC, has another address',
  means:
    'The entry is stale, or was made from wrong gossip. The node at that address drops the frames: the endpoint cannot be reached from there.',
  threads: [
    'moby/moby#31588',
    'moby/moby#49908',
    'moby/moby#32195',
    'moby/moby#35401',
    'moby/moby#29024',
    'moby/moby#47728',
  ],
  explains: ['endpoint-moved', 'one-sided-traffic', 'retransmission-storm', 'dns-timeouts'],
  find: findWrong,
};

interface Owner {
  readonly node: NodeEvidence;
  readonly view: NetworkView;
  readonly name: string;
  readonly address: string;
}

interface WrongRow {
  readonly row: FdbRow;
  readonly owner: Owner;
  readonly vtep: string | undefined;
  readonly certainty: Certainty;
}

function* findWrong(evidence: Evidence): Generator<Diagnosis> {
  const owners = ownersOf(evidence);
  const locations = new EndpointLocations(evidence);
  for (const node of nodesWith(evidence, InputKind.Fdb)) {
    const groups = new Map<string, WrongRow[]>();
    const rows = forwardingRows(node);
    const destinations = new Set(rows.map(({ destination }) => destination));
    for (const row of rows) {
      const owner = owners.get(row.mac);
      if (owner === undefined || owner.node === node) continue;
      const vtep = locations.of(owner.address);
      const certainty = judge(evidence, destinations, row, owner, vtep);
      if (certainty === undefined) continue;
      const key = `${row.destination}\n${owner.node.name}\n${owner.view.id}\n${vtep ?? ''}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [{ row, owner, vtep, certainty }]);
      else group.push({ row, owner, vtep, certainty });
    }
    for (const group of groups.values()) yield diagnose(node, group);
  }
}

/** The endpoints of all nodes by MAC; one that several nodes have is none's. */
function ownersOf(evidence: Evidence): ReadonlyMap<string, Owner> {
  const owners = new Map<string, Owner>();
  const shared = new Set<string>();
  for (const node of nodesWith(evidence, InputKind.Networks)) {
    for (const view of node.networks) {
      if (!isInUse(view)) continue;
      for (const { name, mac, ipv4, ipv6 } of view.endpoints) {
        if (mac === '') continue;
        if (owners.has(mac) && owners.get(mac)?.node !== node) shared.add(mac);
        owners.set(mac, { node, view, name, address: withoutLength(ipv4 === '' ? ipv6 : ipv4) });
      }
    }
  }
  for (const mac of shared) owners.delete(mac);
  return owners;
}

/** How certain it is that a row is wrong; undefined if it isn't. */
function judge(
  evidence: Evidence,
  destinations: ReadonlySet<string>,
  row: FdbRow,
  { node: owner, view }: Owner,
  vtep: string | undefined,
): Certainty | undefined {
  const own = ownAddresses(owner);
  if (row.destination === vtep || own.has(row.destination)) return undefined;
  const apart = certaintyOf(evidence, row, view);
  if (vtep !== undefined || own.size > 0) {
    // The data path's address may be one of those that are not known.
    return apart === Certainty.Certain ? Certainty.Likely : apart;
  }
  if (view.peers.length === 0 || view.peers.includes(row.destination)) return undefined;
  // Peers are the addresses of gossip, which may not be those of the data path.
  const others = view.peers.some((peer) => destinations.has(peer));
  return others ? apart : apart === undefined ? undefined : Certainty.Possible;
}

function diagnose(node: NodeEvidence, group: readonly WrongRow[]): Diagnosis {
  const [{ row, owner, vtep, certainty }] = group;
  const name = nodeText(owner.node);
  const where = vtep === undefined || name.includes(vtep) ? name : `${name} (${vtep})`;
  const addresses = group.map((one) => (one.owner.address === '' ? one.row.mac : one.owner.address));
  return {
    severity: Severity.Error,
    certainty,
    summary: `${startText(node)} sends frames for ${listed(addresses)} to ${row.destination}, but ${where} has ${group.length === 1 ? 'it' : 'them'}.`,
    subject: {
      nodes: [...aliases(node, owner.node), row.destination],
      endpoints: group.map((one) => one.owner.address).filter((address) => address !== ''),
    },
    exhibits: [
      exhibit(
        `FDB of ${nodeText(node)}: ${listed(group.map((one) => `${one.row.mac} dst ${one.row.destination}`))}`,
        group.map((one) => one.row),
      ),
      exhibit(
        `${name}: ${group.length === 1 ? 'endpoint' : 'endpoints'} ${listed(group.map((one) => one.owner.name))} on network ${owner.view.name}`,
        [owner.view],
      ),
    ],
    advice: [
      `On ${nodeText(node)}, point the entry to ${vtep ?? 'the node that has the endpoint'}.`,
      `If it comes back, check gossip (TCP and UDP 7946) between the two nodes, and restart the engine of ${nodeText(node)}.`,
    ],
    commands: group
      .slice(0, 5)
      .map((one) =>
        inNamespace(
          owner.view.id,
          `bridge fdb replace ${shellWord(one.row.mac)} dev ${shellWord(one.row.device === '' ? 'vxlan0' : one.row.device)} dst ${shellWord(vtep ?? 'VTEP')} self permanent`,
        ),
      ),
    ...(certainty === Certainty.Certain
      ? {}
      : {
          collect: [
            'ip -br addr   # on the node that has the endpoint',
            'bridge fdb; docker network inspect --verbose NETWORK   # on both nodes, at the same time',
          ],
        }),
  };
}
