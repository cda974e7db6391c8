import { aliases, nodesWith, nodeText, startText } from '../../../derived/nodes.js';
import { forwardingRows, remoteNeighbours } from '../../../derived/tunnel-tables.js';
import { exhibit, listed } from '../../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { Placed } from '../../../evidence/place.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** A MAC is sent to two nodes, or an address has two MACs. */
export const forwardingEntryDuplicated: Finding = {
  id: 'forwarding-entry-duplicated',
  title: 'The tables have two entries for one endpoint',
  severity: Severity.Error,
  looksAt: 'bridge fdb, ip neigh',
  fires: 'one output has a MAC with two VTEPs, or a permanent neighbour with two MACs',
  means:
    'One of the entries is stale. Which of them is used is a matter of order, so the endpoint may be reachable from one node and not from another.',
  threads: ['moby/moby#32195', 'moby/moby#35401', 'moby/moby#49908', 'moby/moby#47728'],
  explains: ['endpoint-moved'],
  find: findDuplicates,
};

function* findDuplicates(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb)) {
    yield* twice(
      node,
      forwardingRows(node),
      ({ mac }) => mac,
      ({ destination }) => destination,
      'VTEPs',
    );
  }
  for (const node of nodesWith(evidence, InputKind.Neighbours)) {
    yield* twice(
      node,
      remoteNeighbours(node),
      ({ address }) => address,
      ({ mac }) => mac,
      'MACs',
    );
  }
}

interface Row extends Placed {
  readonly device: string;
}

function* twice<T extends Row>(
  node: NodeEvidence,
  rows: readonly T[],
  keyOf: (row: T) => string,
  valueOf: (row: T) => string,
  what: string,
): Generator<Diagnosis> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    // Two outputs may be of different times.
    const key = `${row.place.file}\n${row.place.namespace ?? ''}\n${row.device}\n${keyOf(row)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  for (const group of groups.values()) {
    const values = [...new Set(group.map(valueOf))];
    if (values.length < 2) continue;
    const key = keyOf(group[0]);
    yield {
      severity: Severity.Error,
      certainty: Certainty.Likely,
      summary: `${startText(node)} has ${values.length} ${what} for ${key}: ${listed(values)}.`,
      subject: { nodes: aliases(node), ...(what === 'MACs' ? { endpoints: [key] } : {}) },
      exhibits: [exhibit(`entries for ${key}`, group)],
      advice: [`Find out which node has the endpoint, and remove the other entry on ${nodeText(node)}.`],
      commands: ['docker network inspect --verbose NETWORK'],
      collect: ['docker network inspect --verbose NETWORK   # on each of these nodes'],
    };
  }
}
