/** Frames come from another address than the VTEP that they should come from. */
import {
  capturesOf,
  counted,
  type EndpointHome,
  networkText,
  nodeText,
  perSubject,
  shown,
} from '../../capture/index.js';
import { isOfOtherCluster, networkId } from '../../derived/networks.js';
import { inNamespace } from '../../derived/wording.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { FdbRow } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/**
 * Entries of all nodes that name another VTEP for an endpoint, in its network as far as they tell.
 * @param rows those of its MAC address
 */
function contradicting(rows: readonly FdbRow[], { vni, vtep }: EndpointHome): FdbRow[] {
  const same = rows.filter((row) => row.vni === undefined || row.vni === vni);
  // Of two networks with the same MAC addresses, which happens with Docker's, one entry fits.
  return same.some(({ destination }) => destination === vtep) ? [] : same;
}

function* ofTables(evidence: Evidence, capture: CaptureEvidence): Generator<Diagnosis> {
  const rows = new Map<string, FdbRow[]>();
  for (const row of evidence.nodes.flatMap(({ fdb }) => fdb)) {
    if (row.destination === '' || row.learned) continue;
    const of = rows.get(row.mac);
    if (of === undefined) rows.set(row.mac, [row]);
    else of.push(row);
  }
  // Tables of another cluster have the same MAC addresses, and other nodes.
  const vteps = new Set(capture.frames.flatMap(({ source, destination }) => [source, destination]));
  if (![...rows.values()].flat().some(({ destination }) => vteps.has(destination))) return;
  const places = new Map<string, Set<string>>();
  for (const { vni, mac, vtep } of capture.homes) {
    const key = `${vni} ${mac}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, new Set([vtep]));
    else known.add(vtep);
  }
  for (const home of capture.homes) {
    const found = contradicting(rows.get(home.mac) ?? [], home);
    if (found.length === 0) continue;
    const [{ destination }] = found;
    // It moved while the capture ran, and the entries are of before or after.
    if (places.get(`${home.vni} ${home.mac}`)?.has(destination) === true) continue;
    const who = `${home.address} (${home.mac}) in ${networkText(evidence, home.vni)}`;
    yield {
      severity: Severity.Error,
      // The entries may be of another time than the capture.
      certainty: Certainty.Likely,
      summary: `Frames of ${who} come from ${nodeText(evidence, home.vtep)}, but forwarding entries have it at ${nodeText(evidence, destination)}: Linux drops them.`,
      subject: { nodes: [home.vtep, destination], vni: home.vni, endpoints: [home.address] },
      exhibits: [
        shown(capture, { ...home, count: 1 }, `a frame of ${home.mac} from ${home.vtep}`),
        {
          text: `entries for ${home.mac} with dst ${destination}`,
          places: found.slice(0, 5).map(({ place }) => place),
        },
      ],
      advice: [
        `If ${home.vtep} and ${destination} are the same node, make the advertised address the source of its route to the others.`,
        'If they are two nodes, the entry is stale: replace it, on each node that has it. If other entries of a node are wrong, too, drain it and restart its engine.',
      ],
      commands: [
        `ip route get ${destination}   # on ${nodeText(evidence, home.vtep)}`,
        inNamespace(
          networkId(evidence, home.vni),
          `bridge fdb replace ${home.mac} dev vxlan0 dst ${home.vtep} self permanent`,
        ),
      ],
      collect: ['ip addr', 'ip route', 'bridge fdb show', 'docker info'],
    };
  }
}

function* ofPeers(evidence: Evidence, capture: CaptureEvidence): Generator<Diagnosis> {
  const networks = evidence.nodes.flatMap((node) => node.networks);
  for (const row of capture.frames) {
    const views = networks.filter(({ vnis, peers }) => vnis.includes(row.vni) && peers.length > 0);
    if (views.length === 0 || views.some(({ peers }) => peers.includes(row.source))) continue;
    // Another cluster has the same VNIs, and other nodes.
    if (isOfOtherCluster(evidence, row.vni, row.destination)) continue;
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Likely,
      summary: `Frames of ${networkText(evidence, row.vni)} come from ${nodeText(evidence, row.source)}, which docker network inspect doesn't name as a peer.`,
      subject: { nodes: [row.source], vni: row.vni },
      exhibits: [
        shown(capture, row, `${counted(row.count, 'frame')} from ${row.source} to ${row.destination}`),
        { text: 'the peers of the network', places: views.slice(0, 5).map(({ place }) => place) },
      ],
      advice: [
        'Either the node sends from another address than it advertises, or the others have not heard of it: compare its advertised address with the source of its routes, and look at the gossip.',
      ],
      collect: ['docker info', 'ip addr', 'ip route', 'docker network inspect NETWORK'],
    };
  }
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const found = [...ofTables(evidence, capture)];
    yield* found;
    if (found.length === 0) yield* ofPeers(evidence, capture);
  }
}

export const outerSourceNotVtep: Finding = {
  id: 'outer-source-not-vtep',
  title: 'Frames come from another address than their VTEP',
  severity: Severity.Error,
  looksAt: 'captures: outer source and inner MAC addresses; bridge fdb: VTEPs; docker network inspect: peers',
  fires:
    'an error if a forwarding entry that was not learned has the MAC address of a frame at another VTEP; a warning if the source is not a peer of the network',
  means:
    'Linux drops frames whose source MAC address a permanent entry has at another VTEP (VXLAN_ENTRY_EXISTS), so that nobody can take over an address.',
  threads: ['moby/moby#53004', 'moby/moby#34763'],
  explains: ['one-sided-traffic', 'endpoint-moved'],
  find: perSubject(find),
};
