import { aliases, nodesWith, nodeText, startText } from '../../../derived/nodes.js';
import { networkOf } from '../../../derived/networks.js';
import { forwardingRows, remoteNeighbours } from '../../../derived/tunnel-tables.js';
import { exhibit, inNamespace, listed, shellWord } from '../../../derived/wording.js';
import { type Evidence, InputKind } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** An endpoint's forwarding entry was learned, where Docker should have entered it. */
export const forwardingEntryLearned: Finding = {
  id: 'forwarding-entry-learned',
  title: 'A forwarding entry is learned, not permanent',
  severity: Severity.Warning,
  looksAt: 'bridge fdb and ip neigh of a node',
  fires: 'a permanent neighbour of a vxlan device has a MAC whose only rows with a VTEP were learned from packets',
  means:
    'The engine entered the neighbour but not the forwarding entry. Traffic works while the remote endpoint sends, and stops when it has been silent for five minutes.',
  threads: ['moby/moby#52661', 'moby/moby#53663'],
  explains: ['one-sided-traffic', 'idle-connection-cut'],
  find: findLearned,
};

function* findLearned(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Fdb, InputKind.Neighbours)) {
    const addresses = new Map(remoteNeighbours(node).map(({ mac, address }) => [mac, address]));
    const rows = forwardingRows(node);
    const kept = new Set(rows.filter(({ learned }) => !learned).map(({ mac }) => mac));
    const learned = rows.filter((row) => row.learned && addresses.has(row.mac) && !kept.has(row.mac));
    if (learned.length === 0) continue;
    const endpoints = learned.map(({ mac }) => addresses.get(mac) ?? mac);
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Certain,
      summary: `${startText(node)} has only learned forwarding entries for ${listed(endpoints)}: they vanish when traffic pauses.`,
      subject: { nodes: aliases(node), endpoints },
      exhibits: [
        exhibit(`learned rows: ${listed(learned.map(({ mac, destination }) => `${mac} dst ${destination}`))}`, learned),
      ],
      advice: [`On ${nodeText(node)}, make the rows permanent, and update the engine.`],
      commands: learned
        .slice(0, 5)
        .map(({ mac, device, destination }) =>
          inNamespace(
            networkOf(node, addresses.get(mac) ?? '')?.id,
            `bridge fdb replace ${shellWord(mac)} dev ${shellWord(device === '' ? 'vxlan0' : device)} dst ${shellWord(destination)} self permanent`,
          ),
        ),
    };
  }
}
