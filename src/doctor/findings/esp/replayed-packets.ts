/** Duplicate ESP packets. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shareText, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Share of repetitions among packets from which everything was recorded twice: nearly half. */
const ALL_TWICE = 0.45;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const { source, destination, spi, count, repeated, samePackets } of capture.spis) {
      const worst = repeated.count >= samePackets.count ? repeated : samePackets;
      if (worst.count === 0) continue;
      const isTwice = worst.count >= ALL_TWICE * count && worst.count > 2;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      const name = formatSpi(spi);
      yield {
        severity: isTwice ? Severity.Note : Severity.Warning,
        certainty: isTwice ? Certainty.Likely : Certainty.Possible,
        summary: isTwice
          ? `Every packet of SPI ${name} from ${from} to ${to} is in the capture twice: it was taken on two devices.`
          : `${counted(worst.count, 'packet')} of SPI ${name} from ${from} to ${to} (${shareText(worst.count, count)}) repeat the number of another one: duplicated on the way, or replayed.`,
        subject: { nodes: [source, destination], spi },
        exhibits: [
          shown(
            capture,
            worst,
            `${counted(worst.count, 'repetition')}${samePackets.count > 0 ? `, ${samePackets.count} the same to the last byte` : ''}`,
          ),
        ],
        advice: isTwice
          ? ['Capture on one device instead of any.']
          : [
              "Docker's SAs have no replay window, so that repetitions are delivered. Look for a loop or a mirror port that injects packets; if there is none, somebody replays them.",
            ],
        commands: [`ip -s xfrm state   # on ${to}`],
        collect: [`timeout 60 tcpdump -s 0 -i DEVICE -w FILE esp   # on ${from}`],
      };
    }
  }
}

export const replayedPackets: Finding = {
  id: 'replayed-packets',
  title: 'ESP packets are duplicated or replayed',
  severity: Severity.Warning,
  looksAt: 'captures: ESP sequence numbers and IVs',
  fires:
    'packets have the number of another packet of their SPI; a note if nearly all do, since they were captured twice',
  means: 'A packet that is delivered twice can repeat an action. A replay window drops it; Docker has none.',
  threads: ['rancher/rancher#9377'],
  explains: [],
  find: perSubject(find),
};
