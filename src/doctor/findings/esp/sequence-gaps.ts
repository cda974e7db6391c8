/** ESP sequence numbers are missing. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shareText, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Missing numbers, and their share, from which it is loss that is felt. */
const ENOUGH = 10;
const SHARE = 0.01;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const { source, destination, spi, missing, count, gaps } of capture.spis) {
      if (missing === 0) continue;
      const all = count + missing;
      const isMuch = missing >= ENOUGH && missing >= SHARE * all;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      yield {
        severity: isMuch ? Severity.Warning : Severity.Note,
        certainty: Certainty.Possible,
        summary: `${counted(missing, 'sequence number')} of SPI ${formatSpi(spi)} from ${from} to ${to} ${missing === 1 ? 'is' : 'are'} missing (${shareText(missing, all)}): lost before the capture, or not captured.`,
        subject: { nodes: [source, destination], spi },
        exhibits: [shown(capture, gaps, `${counted(gaps.count, 'gap')}, shown by the packets after them`)],
        advice: [
          'Compare with a capture at the sender: if it has the packets, they are lost between the two. If tcpdump reports packets dropped by the kernel, the capture lost them.',
        ],
        commands: ['tcpdump -B 65536 -s 0 -i DEVICE -w FILE esp'],
        collect: [`timeout 60 tcpdump -B 65536 -s 0 -i DEVICE -w FILE esp   # on ${from}`],
      };
    }
  }
}

export const sequenceGaps: Finding = {
  id: 'sequence-gaps',
  title: 'ESP sequence numbers are missing',
  severity: Severity.Warning,
  looksAt: 'captures: ESP sequence numbers',
  fires: 'a number between the first and the last is missing: a warning from ten and 1 % on, otherwise a note',
  means: 'Each ESP packet has the next number, so a missing one is a packet that did not get here.',
  threads: ['moby/moby#26523'],
  explains: [],
  find: perSubject(find),
};
