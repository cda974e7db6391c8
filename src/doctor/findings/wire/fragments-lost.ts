/** Fragments of outer packets are missing. */
import { capturesOf, counted, nodeText, perSubject, shareText, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.fragments) {
      const { incomplete, complete, withoutRests, source, destination } = row;
      if (incomplete.count === 0) continue;
      const from = nodeText(evidence, source);
      const to = nodeText(evidence, destination);
      const all = incomplete.count + complete;
      const isFiltered = complete === 0 && withoutRests === incomplete.count;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: isFiltered
          ? `Of the packets that ${from} sends to ${to} in fragments, only the first fragment arrives.`
          : `${counted(incomplete.count, 'packet')} of ${all} that ${from} sends to ${to} in fragments are incomplete (${shareText(incomplete.count, all)}).`,
        subject: { nodes: [source, destination] },
        exhibits: [
          shown(
            capture,
            incomplete,
            `${counted(incomplete.count, 'incomplete packet')}, shown by their first fragments`,
          ),
          shown(capture, row, `${counted(row.count, 'fragment')} in all; ${counted(complete, 'packet')} complete`),
        ],
        advice: [
          isFiltered
            ? 'A filter on the way drops fragments without ports, as stateless rules and some cloud networks do: let them pass, or avoid them with a smaller MTU.'
            : 'The loss of one fragment loses the packet: find the loss, or avoid fragments with a smaller MTU of the networks.',
        ],
        commands: ['docker network create --driver overlay --opt com.docker.network.driver.mtu=MTU NETWORK'],
      };
    }
  }
}

export const fragmentsLost: Finding = {
  id: 'fragments-lost',
  title: 'Fragments of outer packets are missing',
  severity: Severity.Error,
  looksAt: 'captures of the underlay: fragments of VXLAN and ESP packets',
  fires:
    'a packet stays incomplete for 30 s, or until the capture ends, a quarter of a second after its first fragment',
  means: 'A packet of which a fragment is lost is lost as a whole, and its receiver can do nothing with the rest.',
  threads: ['moby/moby#24906', 'moby/libnetwork#2661'],
  explains: ['retransmission-storm', 'sequence-gaps'],
  find: perSubject(find),
};
