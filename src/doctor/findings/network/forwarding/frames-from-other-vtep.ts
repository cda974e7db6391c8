import { aliases, nodesWith, startText, ownAddresses } from '../../../derived/nodes.js';
import { forwardingRows } from '../../../derived/tunnel-tables.js';
import { counted, exhibit } from '../../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { FdbRow } from '../../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import type { SurveyReport } from '../../../../inspect/index.js';

/** Frames come from another VTEP than the one that the table has for their MAC. */
export const framesFromOtherVtep: Finding = {
  id: 'frames-from-other-vtep',
  title: 'Frames come from another VTEP than the forwarding table says',
  severity: Severity.Error,
  looksAt: 'bridge fdb of a node, a capture of it',
  fires: "a capture of a node holds frames whose source MAC has a permanent row with another VTEP in the node's FDB",
  means:
    'Linux drops such frames (drop reason VXLAN_ENTRY_EXISTS). The sender has several addresses, and its packets leave with one that it does not advertise; or the row is stale.',
  threads: ['moby/moby#53004', 'moby/moby#47389'],
  explains: ['outer-source-not-vtep', 'endpoint-moved', 'one-sided-traffic', 'retransmission-storm'],
  find: findFrames,
};

type SeenEndpoint = SurveyReport['endpoints'][number];

interface Wrong {
  readonly row: FdbRow;
  readonly endpoint: SeenEndpoint;
  readonly file: string;
}

function* findFrames(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Capture)) {
    // Inputs whose node is unknown may be of two nodes.
    if (node.name === '') continue;
    const groups = new Map<string, Wrong[]>();
    for (const wrong of wrongSources(node)) {
      const key = `${wrong.row.destination}\n${wrong.endpoint.vtep}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [wrong]);
      else group.push(wrong);
    }
    for (const group of groups.values()) yield diagnose(node, group);
  }
}

function* wrongSources(node: NodeEvidence): Generator<Wrong> {
  const rows = new Map(forwardingRows(node).flatMap((row) => (row.permanent ? [[row.mac, row]] : [])));
  const own = ownAddresses(node);
  for (const { file, survey } of node.captures) {
    for (const endpoint of survey.endpoints) {
      const row = rows.get(endpoint.mac);
      if (row === undefined || endpoint.sentFrames === 0 || endpoint.moves > 0 || own.has(endpoint.vtep)) continue;
      if (row.vni !== undefined && row.vni !== endpoint.vni) continue;
      if (endpoint.vtep !== '' && endpoint.vtep !== row.destination) yield { row, endpoint, file };
    }
  }
}

function diagnose(node: NodeEvidence, group: readonly Wrong[]): Diagnosis {
  const [{ row, endpoint, file }] = group;
  const frames = group.reduce((sum, one) => sum + one.endpoint.sentFrames, 0);
  const vnis = new Set(group.map((one) => one.endpoint.vni));
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `${startText(node)} drops frames of ${counted(group.length, 'endpoint')} from ${endpoint.vtep}: its FDB has ${group.length === 1 ? 'it' : 'them'} at ${row.destination}.`,
    subject: {
      nodes: [...aliases(node), endpoint.vtep, row.destination],
      ...(vnis.size === 1 ? { vni: endpoint.vni } : {}),
      endpoints: group.flatMap((one) => one.endpoint.ip ?? []),
    },
    exhibits: [
      exhibit(
        `${counted(frames, 'frame')} of ${endpoint.ip ?? endpoint.mac}${group.length === 1 ? '' : ' and others'} from ${endpoint.vtep}`,
        [{ place: { file } }],
      ),
      exhibit(
        `FDB: ${row.mac} dst ${row.destination}`,
        group.map((one) => one.row),
      ),
    ],
    advice: [
      `If ${endpoint.vtep} and ${row.destination} are the same node, make the advertised address the source of its route to the others, or advertise the other one.`,
      'If they are two nodes, the row is stale: point it to the node that has the endpoint.',
    ],
    commands: [
      `ip route get ${[...ownAddresses(node)].at(0) ?? 'OTHER-NODE'}   # on the sender: which source address?`,
      'docker swarm join --advertise-addr INTERFACE --data-path-addr INTERFACE --token TOKEN MANAGER:2377',
    ],
  };
}
