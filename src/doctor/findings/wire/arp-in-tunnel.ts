/** ARP, broadcast and multicast cross a tunnel, which they don't in a Swarm network. */
import {
  capturesOf,
  counted,
  type FloodedFrames,
  networkText,
  nodeText,
  perSubject,
  shown,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Whether Docker manages the network, as an input shows. */
function isSwarm({ nodes }: Evidence, vni: number): boolean {
  return nodes.some(({ networks }) => networks.some(({ vnis }) => vnis.includes(vni)));
}

function byNetwork(rows: readonly FloodedFrames[]): Map<number, FloodedFrames[]> {
  const networks = new Map<number, FloodedFrames[]>();
  for (const row of rows) networks.set(row.vni, [...(networks.get(row.vni) ?? []), row]);
  return networks;
}

function diagnosisOf(evidence: Evidence, capture: CaptureEvidence, vni: number, rows: FloodedFrames[]): Diagnosis {
  const swarm = isSwarm(evidence, vni);
  const arp = rows.some(({ kind }) => kind === 'ARP');
  const network = networkText(evidence, vni);
  return {
    severity: swarm ? Severity.Warning : Severity.Note,
    certainty: Certainty.Certain,
    summary: swarm
      ? `${arp ? 'ARP' : 'Flooded frames'} cross${arp ? 'es' : ''} the tunnels of ${network}: a node lacks neighbour entries, or something else sends into the network.`
      : `${arp ? 'ARP' : 'Flooded frames'} cross${arp ? 'es' : ''} the tunnels of ${network}: a learning overlay, not one of a Swarm.`,
    subject: { vni },
    exhibits: rows
      .slice(0, 8)
      .map((row) =>
        shown(capture, row, `${counted(row.count, `${row.kind} frame`)} from ${nodeText(evidence, row.source)}`),
      ),
    advice: swarm
      ? [
          'A node of a Swarm answers ARP from its neighbour entries and floods nothing. Compare the entries of the sending node with the endpoints of the network.',
        ]
      : ['Nothing is wrong if the VTEPs learn by flooding.'],
    ...(swarm ? { collect: ['ip -d link show type vxlan', 'ip neigh', 'bridge fdb show'] } : {}),
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const [vni, rows] of byNetwork(capture.flooded)) yield diagnosisOf(evidence, capture, vni, rows);
  }
}

export const arpInTunnel: Finding = {
  id: 'arp-in-tunnel',
  title: 'ARP or flooded frames cross the tunnels',
  severity: Severity.Warning,
  looksAt:
    'captures: inner ARP, broadcast and multicast frames; docker network inspect, to know the networks of a Swarm',
  fires: 'a warning for a network that an input shows to be of a Swarm, otherwise a note',
  means:
    'In a Swarm, each node has neighbour and forwarding entries of all endpoints, so nothing is asked or flooded. An entry that is missing shows as ARP that nobody answers.',
  threads: [],
  explains: [],
  find: perSubject(find),
};
