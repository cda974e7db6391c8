import { distinctSas } from '../../derived/associations.js';
import { aliases, nodesWith, startText } from '../../derived/nodes.js';
import { counted, exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** An SA counted packets with a wrong ICV. */
export const saIntegrityErrors: Finding = {
  id: 'sa-integrity-errors',
  title: 'An SA dropped packets whose ICV was wrong',
  severity: Severity.Error,
  looksAt: 'ip -s xfrm state',
  fires: "the `failed` counter of an SA's statistics isn't 0",
  means:
    'Packets arrived that were sealed with another key, or changed on the way. If all fail, the two ends have different keys; if a few ' +
    'do, something on the way alters packets.',
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: ['icv-invalid', 'xfrm-integrity-counted'],
  find: findErrors,
};

function* findErrors(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    for (const sa of distinctSas(node)) {
      if (sa.integrityErrors <= 0) continue;
      // Only packets that were opened are counted as the SA's.
      const isAll = sa.packets === 0;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${startText(node)} dropped ${counted(sa.integrityErrors, 'packet')} of SA ${formatSpi(sa.spi)} from ${sa.source} because of a wrong ICV${isAll ? ', and opened none' : ''}.`,
        subject: { nodes: [...new Set([...aliases(node), sa.source])], spi: sa.spi },
        exhibits: [
          exhibit(`failed ${sa.integrityErrors}${sa.packets < 0 ? '' : `, ${counted(sa.packets, 'packet')} opened`}`, [
            sa,
          ]),
        ],
        advice: isAll
          ? [
              "The key of the sender is another one: compare both ends' SAs, and restart the engine of the node that is behind.",
            ]
          : ['Look for what changes packets on the way: a middlebox, or a faulty network card.'],
        collect: ['ip -s xfrm state   # on both nodes', `tcpdump -w esp.pcap -c 1000 'ip proto 50'   # on both nodes`],
      };
    }
  }
}
