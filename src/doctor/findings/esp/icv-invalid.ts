/** ESP whose integrity check fails. */
import { capturesOf, counted, nodeText, perSubject, shareText, shown, type SpiTrace } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { formatSpi } from '../../../ipsec/index.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const WRONG_ICV = 'XfrmInStateProtoError_Icv';

/**
 * Whether an input says if the SA has extended sequence numbers, and how long its ICV is: a key ring or a dump of SAs does, esp_sa
 * doesn't.
 */
function isFormKnown({ nodes }: Evidence, { key, spi, destination }: SpiTrace): boolean {
  return key !== null || nodes.some(({ sas }) => sas.some((sa) => sa.spi === spi && sa.destination === destination));
}

/** Nothing of the SPI opens. */
function ofKey(evidence: Evidence, trace: SpiTrace, name: string): Omit<Diagnosis, 'subject' | 'exhibits'> {
  const [from, to] = [nodeText(evidence, trace.source), nodeText(evidence, trace.destination)];
  const collect = ['ip -s xfrm state   # on both nodes'];
  if (!isFormKnown(evidence, trace)) {
    return {
      severity: Severity.Warning,
      certainty: Certainty.Possible,
      summary: `Nothing of SPI ${name} from ${from} to ${to} opens with its key in esp_sa: the key is another one, or the SA has extended sequence numbers or another ICV length.`,
      advice: [
        `esp_sa cannot say that an SA has extended sequence numbers (ESN). Give doctor the output of ip xfrm state of ${from} or ${to} instead, or the key ring: then it can tell.`,
      ],
      commands: ['ip xfrm state'],
      collect,
    };
  }
  return {
    severity: Severity.Error,
    certainty: Certainty.Likely,
    summary: `The key for SPI ${name} doesn't fit what ${from} sends to ${to}: every ICV is wrong.`,
    advice: [
      `If the key is that of ${to}, the nodes have different keys: compare them by their fingerprints, and rotate the keys, or restart the engine of the node whose key differs from all others.`,
      'If it is not, take the keys from the node that receives.',
    ],
    commands: ['ip -s xfrm state', 'cat /proc/net/xfrm_stat'],
    collect,
  };
}

function ofPackets(evidence: Evidence, trace: SpiTrace, name: string, wrong: number): ReturnType<typeof ofKey> {
  const [from, to] = [nodeText(evidence, trace.source), nodeText(evidence, trace.destination)];
  return {
    severity: Severity.Warning,
    certainty: Certainty.Certain,
    summary: `${counted(wrong, 'packet')} of SPI ${name} from ${from} to ${to} (${shareText(wrong, trace.count)}) ${wrong === 1 ? 'has' : 'have'} a wrong ICV: damaged, or forged.`,
    advice: ['Look for the link or the device that damages packets, or for a sender that forges them.'],
    commands: ['ip -s xfrm state', 'cat /proc/net/xfrm_stat'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const trace of capture.spis) {
      const wrong = trace.failures.find(({ reason }) => reason === WRONG_ICV);
      if (wrong === undefined) continue;
      const { source, destination, spi, opened, count } = trace;
      const name = formatSpi(spi);
      yield {
        ...(opened === 0 ? ofKey(evidence, trace, name) : ofPackets(evidence, trace, name, wrong.count)),
        subject: { nodes: [source, destination], spi },
        exhibits: [shown(capture, wrong, `${counted(wrong.count, 'wrong ICV')} of ${counted(count, 'packet')}`)],
      };
    }
  }
}

export const icvInvalid: Finding = {
  id: 'icv-invalid',
  title: 'ESP fails its integrity check',
  severity: Severity.Error,
  looksAt: 'captures, decrypted with the keys given',
  fires:
    'a packet whose SPI has a key has a wrong ICV: an error if none of the SPI opens; a warning if others do, or if the keys are of esp_sa, which cannot say that an SA has extended sequence numbers',
  means:
    'The receiver drops such packets (XfrmInStateProtoError). If all are, sender and receiver have different keys.',
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: ['one-sided-esp', 'one-sided-traffic', 'sequence-gaps'],
  find: perSubject(find),
};
