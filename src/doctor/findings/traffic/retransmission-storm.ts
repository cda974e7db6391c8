/** A connection retransmits much of its data. */
import {
  capturesOf,
  counted,
  innerSubject,
  networkText,
  perSubject,
  type RetransmissionStorm,
  shareText,
  shown,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Connections that are reported by capture: the worst. */
const MAX_REPORTED = 10;

function worst({ storms, survey }: CaptureEvidence): RetransmissionStorm[] {
  // A capture of all devices has a container's segments once per device that they pass.
  const isAny = survey.linkTypes.some((name) => name.startsWith('LINUX_SLL'));
  const rows = storms.filter(({ vni }) => !isAny || vni >= 0);
  return rows.sort((a, b) => b.retransmissions - a.retransmissions).slice(0, MAX_REPORTED);
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const storm of worst(capture)) {
      const { vni, innerSource, innerDestination, sourcePort, destinationPort } = storm;
      const { segments, retransmissions, repeated } = storm;
      const where = vni < 0 ? '' : ` in ${networkText(evidence, vni)}`;
      const text = `${counted(retransmissions, 'retransmission')} in ${counted(segments, 'segment')} from port ${sourcePort} to ${destinationPort}`;
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${innerSource}:${sourcePort} retransmits ${shareText(retransmissions, segments)} of its segments to ${innerDestination}:${destinationPort}${where}.`,
        subject: innerSubject(capture, vni, innerSource, innerDestination),
        exhibits: [repeated.count === 0 ? { text, places: [{ file: capture.file }] } : shown(capture, repeated, text)],
        advice: [
          'Packets of this connection, or their acknowledgments, are lost. If all are of full size, look at the MTU; if other connections between the same nodes lose packets, too, look at the network; otherwise at the receiver.',
        ],
        collect: ['ip -d link', 'ip -s -s link', 'nstat -az TcpRetransSegs IpReasmFails'],
      };
    }
  }
}

export const retransmissionStorm: Finding = {
  id: 'retransmission-storm',
  title: 'Connections retransmit much of their data',
  severity: Severity.Warning,
  looksAt: "captures: TCP retransmissions, by Wireshark's rules",
  fires:
    'ten or more retransmissions of one side of a connection, and a tenth of its segments; outside of tunnels, not in captures of all devices (any), which have each segment several times',
  means: 'Loss slows a connection down long before it breaks it. Here it is more than congestion explains.',
  threads: [],
  explains: [],
  find: perSubject(find),
};
