/** ESP whose integrity check fails. */
import { capturesOf, counted, nodeText, perSubject, shareText, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const WRONG_ICV = 'XfrmInStateProtoError_Icv';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const trace of capture.spis) {
      const wrong = trace.failures.find(({ reason }) => reason === WRONG_ICV);
      if (wrong === undefined) continue;
      const { source, destination, spi, opened, count } = trace;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      const name = `0x${spi.toString(16).padStart(8, '0')}`;
      const isKey = opened === 0;
      yield {
        severity: isKey ? Severity.Error : Severity.Warning,
        certainty: isKey ? Certainty.Likely : Certainty.Certain,
        summary: isKey
          ? `The key for SPI ${name} doesn't fit what ${from} sends to ${to}: every ICV is wrong.`
          : `${counted(wrong.count, 'packet')} of SPI ${name} from ${from} to ${to} (${shareText(wrong.count, count)}) have a wrong ICV: damaged, or forged.`,
        subject: { nodes: [source, destination], spi },
        exhibits: [shown(capture, wrong, `${counted(wrong.count, 'wrong ICV')} of ${counted(count, 'packet')}`)],
        advice: isKey
          ? [
              `If the key is that of ${to}, the nodes have different keys: compare them by their fingerprints, and rotate the keys, or restart the engine of the node that is alone with its own.`,
              'If it is not, take the keys from the node that receives.',
              'A wrong ICV length (64 bits in Docker, 128 elsewhere) looks the same, and so do extended sequence numbers with keys from esp_sa, which cannot say that an SA has them.',
            ]
          : ['Look for the link or the device that damages packets, or for someone who sends what he should not.'],
        commands: ['ip -s xfrm state', 'cat /proc/net/xfrm_stat'],
        collect: ['ip -s xfrm state'],
      };
    }
  }
}

export const icvInvalid: Finding = {
  id: 'icv-invalid',
  title: 'ESP fails its integrity check',
  severity: Severity.Error,
  looksAt: 'captures, decrypted with the keys given',
  fires: 'a packet whose SPI has a key has a wrong ICV: an error if none of the SPI opens, a warning if others do',
  means:
    'The receiver drops such packets (XfrmInStateProtoError). If all are, sender and receiver have different keys.',
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: ['one-sided-esp', 'one-sided-traffic', 'sequence-gaps'],
  find: perSubject(find),
};
