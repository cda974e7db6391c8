/** Two different packets with the same nonce under one SPI. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const { source, destination, spi, nonceReused, opened, restarts, count } of capture.spis) {
      if (nonceReused.count === 0) continue;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      const name = formatSpi(spi);
      // Without encryption, inner headers are where AES-GCM has its IV, and most of them are the same.
      const isOdd = opened === 0 && restarts.count === 0 && nonceReused.count > count / 2;
      yield {
        severity: Severity.Error,
        certainty: opened > 0 ? Certainty.Certain : isOdd ? Certainty.Possible : Certainty.Likely,
        summary: `${from} reuses nonces of SPI ${name} to ${to}: whoever records the packets can read parts of them and forge others.`,
        subject: { nodes: [source, destination], spi },
        exhibits: [
          shown(capture, nonceReused, `${counted(nonceReused.count, 'packet')} with the nonce of a different packet`),
          ...(restarts.count > 0
            ? [shown(capture, restarts, 'the sequence numbers start over: the SA was recreated with the same key')]
            : []),
        ],
        advice: [
          ...(isOdd
            ? ['If the SAs have another cipher than AES-GCM, or none (ESP-NULL), nothing follows from this.']
            : []),
          'Treat what was sent as disclosed, and give the networks new keys: Swarm does at its next rotation, within 12 hours.',
          'An SA that is restored or recreated with the same key starts its counter over; a virtual machine that is cloned or reset to a snapshot does, too.',
        ],
        commands: [`ip -s xfrm state   # on ${from}`],
        collect: ['ip -s xfrm state', 'journalctl -u docker'],
      };
    }
  }
}

export const nonceReuse: Finding = {
  id: 'nonce-reuse',
  title: 'Nonces are reused under one key',
  severity: Severity.Error,
  looksAt: 'captures: the IVs of ESP packets by SPI, the first 524,288 of them',
  fires: 'two different packets of an SPI have the same IV, and their sizes allow AES-GCM',
  means:
    'With AES-GCM, two packets under one nonce reveal the XOR of their contents and the key of the authentication (NIST SP 800-38D, appendix A).',
  threads: [],
  explains: ['replayed-packets'],
  find: perSubject(find),
};
