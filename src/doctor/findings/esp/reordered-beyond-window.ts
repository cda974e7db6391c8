/** ESP packets that are too late for the receiver's replay window. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import type { Occurrence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Packets are counted as late from here on; larger windows take some of them. */
const SMALLEST = 32;
const OUTSIDE = 'XfrmInStateSeqError_Outside';

/** The receiver's window, if its SA is in an input; 0 is none. */
function windowOf({ nodes }: Evidence, { spi, destination }: SpiTrace): number | undefined {
  for (const { sas } of nodes) {
    const sa = sas.find((each) => each.spi === spi && each.destination === destination);
    if (sa !== undefined) return sa.replayWindow;
  }
  return undefined;
}

function severityOf(window: number | undefined, mostLate: number, failed: boolean): Severity | undefined {
  if (failed) return Severity.Error;
  if (window === undefined) return Severity.Note;
  return window > 0 && mostLate >= window ? Severity.Error : undefined;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const trace of capture.spis) {
      const failed = trace.failures.find(({ reason }) => reason === OUTSIDE);
      const late: Occurrence = failed ?? trace.late;
      const window = windowOf(evidence, trace);
      const severity = severityOf(window, trace.mostLate, failed !== undefined);
      if (late.count === 0 || severity === undefined) continue;
      const { source, destination, spi } = trace;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      const what = `${counted(late.count, 'packet')} of SPI ${formatSpi(spi)} from ${from} to ${to}`;
      yield {
        severity,
        // The order of the capture need not be that in which the receiver gets the packets.
        certainty: severity === Severity.Error ? Certainty.Likely : Certainty.Possible,
        summary:
          severity === Severity.Error
            ? `${failed === undefined && window !== SMALLEST ? 'Some of ' : ''}${what} arrive too late for the replay window${window === undefined ? '' : ` of ${window}`}: the receiver drops them.`
            : `${what} arrive 32 places late or more, which a small replay window doesn't take. Docker's SAs have none.`,
        subject: { nodes: [source, destination], spi },
        exhibits: [
          shown(
            capture,
            late,
            trace.mostLate > 0 ? `up to ${trace.mostLate} numbers below the highest` : 'below the window',
          ),
        ],
        advice: [
          'Something reorders packets: paths that are balanced packet by packet, or several queues. Use a larger window, or balance by flow.',
        ],
        commands: [`ip -s xfrm state   # on ${to}`, `cat /proc/net/xfrm_stat   # on ${to}`],
        collect: [`ip -s xfrm state   # on ${to}`],
      };
    }
  }
}

export const reorderedBeyondWindow: Finding = {
  id: 'reordered-beyond-window',
  title: 'ESP packets are too late for the replay window',
  severity: Severity.Error,
  looksAt: 'captures: ESP sequence numbers; ip xfrm state: the replay window of the receiver',
  fires:
    'an error if a packet is below the window of the SA, as the keys or ip xfrm state have it; a note if the window is unknown and a packet is 32 places late',
  means: 'A receiver with a window drops what is older than the window (XfrmInStateSeqError), though nothing was lost.',
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: ['retransmission-storm', 'sequence-gaps'],
  find: perSubject(find),
};
