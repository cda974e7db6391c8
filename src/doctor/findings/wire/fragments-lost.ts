/** Fragments of outer packets are missing. */
import {
  capturesOf,
  counted,
  nodeText,
  type OuterFragments,
  perSubject,
  shareText,
  shown,
} from '../../capture/index.js';
import { CAPTURE_COMMAND } from '../../derived/capture-command.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { hasOnlyFirst, LostFragments, lostFragments } from './lost-fragments.js';

function diagnosisOf(evidence: Evidence, capture: CaptureEvidence, row: OuterFragments): Diagnosis | undefined {
  const lost = lostFragments(capture, row);
  if (lost === LostFragments.None) return undefined;
  const { incomplete, complete, source, destination } = row;
  const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
  const all = incomplete.count + complete;
  const isUnsure = lost === LostFragments.OnlyFirst;
  const isFiltered = hasOnlyFirst(row);
  return {
    severity: isUnsure ? Severity.Warning : Severity.Error,
    certainty: isUnsure ? Certainty.Possible : Certainty.Certain,
    summary: isUnsure
      ? `Of the packets that ${from} sends to ${to} in fragments, the capture has only the first fragment: the others are lost, or a capture filter left them out.`
      : isFiltered
        ? `Of the packets that ${from} sends to ${to} in fragments, only the first fragment arrives.`
        : `${counted(incomplete.count, 'packet')} of ${all} that ${from} sends to ${to} in fragments ${incomplete.count === 1 ? 'is' : 'are'} incomplete (${shareText(incomplete.count, all)}).`,
    subject: { nodes: [source, destination] },
    exhibits: [
      shown(capture, incomplete, `${counted(incomplete.count, 'incomplete packet')}, shown by their first fragments`),
      shown(capture, row, `${counted(row.count, 'fragment')} in all; ${counted(complete, 'packet')} complete`),
    ],
    advice: [
      ...(isUnsure
        ? ['"udp port 4789" captures first fragments only, since the others have no ports: capture again with them.']
        : []),
      isFiltered
        ? 'A filter on the way drops fragments without ports, as stateless rules and some cloud networks do: let them pass, or avoid them with a smaller MTU.'
        : 'The loss of one fragment loses the packet: find the loss, or avoid fragments with a smaller MTU of the networks.',
    ],
    commands: [
      ...(isUnsure ? [CAPTURE_COMMAND] : []),
      'docker network create --driver overlay --opt com.docker.network.driver.mtu=MTU NETWORK',
    ],
    ...(isUnsure ? { collect: [CAPTURE_COMMAND] } : {}),
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.fragments) {
      const diagnosis = diagnosisOf(evidence, capture, row);
      if (diagnosis !== undefined) yield diagnosis;
    }
  }
}

export const fragmentsLost: Finding = {
  id: 'fragments-lost',
  title: 'Fragments of outer packets are missing',
  severity: Severity.Error,
  looksAt: 'captures of the underlay: fragments of VXLAN and ESP packets',
  fires:
    'a packet stays incomplete for 30 s, or until the capture ends, a quarter of a second after its first fragment; only a warning if the capture has no fragment of VXLAN but first ones, which a filter of ports leaves',
  means: 'A packet of which a fragment is lost is lost as a whole, and its receiver can do nothing with the rest.',
  threads: ['moby/moby#24906', 'moby/libnetwork#2661'],
  explains: ['retransmission-storm', 'sequence-gaps'],
  find: perSubject(find),
};
