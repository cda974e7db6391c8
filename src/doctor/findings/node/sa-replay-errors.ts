import { distinctSas } from '../../derived/associations.js';
import { aliases, nodesWith, startText } from '../../derived/nodes.js';
import { counted, exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** Window up to which reordering is the likely cause of errors, in packets. */
const SMALL = 64;

/** An SA counted packets that it took for replays. */
export const saReplayErrors: Finding = {
  id: 'sa-replay-errors',
  title: 'An SA dropped packets as replays',
  severity: Severity.Warning,
  looksAt: 'ip -s xfrm state',
  fires: "the `replay` or `replay-window` counter of an SA's statistics isn't 0",
  means:
    "Packets arrived twice, or later than the window allows, or the sender's counter started again. Docker's SAs have no window, so " +
    'these SAs are not, or not unchanged, those of Docker.',
  threads: ['rancher/rancher#9377', 'libreswan/libreswan#2188'],
  explains: ['reordered-beyond-window', 'replayed-packets', 'xfrm-sequence-counted'],
  find: findErrors,
};

function* findErrors(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    for (const sa of distinctSas(node)) {
      if (sa.replayErrors <= 0) continue;
      const isSmall = sa.replayWindow > 0 && sa.replayWindow <= SMALL;
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${startText(node)} dropped ${counted(sa.replayErrors, 'packet')} of SA ${formatSpi(sa.spi)} from ${sa.source} as replays, with a window of ${counted(sa.replayWindow, 'packet')}.`,
        subject: { nodes: [...new Set([...aliases(node), sa.source])], spi: sa.spi },
        exhibits: [exhibit(`${counted(sa.replayErrors, 'replay error')}, window ${sa.replayWindow}`, [sa])],
        advice: [
          isSmall
            ? 'Make the window larger than packets are reordered by: 1024 suits paths with several queues or links.'
            : 'Find out what sends packets twice: a mirror port, a bond, or a sender restored from a snapshot.',
        ],
        collect: [`tcpdump -w esp.pcap -c 10000 'ip proto 50'`],
      };
    }
  }
}
