/** A connection retransmits much of its data. */
import { capturesOf, counted, innerSubject, networkText, perSubject, shareText, shown } from '../../capture/index.js';
import type { ConversationReport, ConversationSide } from '../../../inspect/index.js';
import type { CaptureEvidence, Occurrence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ENOUGH = 10;
const SHARE = 0.1;
/** Connections that are reported by capture: the worst. */
const MAX_REPORTED = 10;

interface Storm {
  readonly row: ConversationReport;
  readonly from: ConversationSide;
  readonly to: ConversationSide;
}

function stormsOf({ survey }: CaptureEvidence): Storm[] {
  // A capture of all devices has a container's segments once per device that they pass.
  const isAny = survey.linkTypes.some((name) => name.startsWith('LINUX_SLL'));
  const rows = (survey.flows?.conversations ?? []).filter(({ vni }) => !isAny || vni !== null);
  const storms = rows.flatMap((row) => [
    { row, from: row.a, to: row.b },
    { row, from: row.b, to: row.a },
  ]);
  return storms
    .filter(({ row, from }) => row.protocol === 'TCP' && from.retransmissions >= ENOUGH)
    .filter(({ from }) => from.retransmissions >= SHARE * from.packets)
    .sort((a, b) => b.from.retransmissions - a.from.retransmissions)
    .slice(0, MAX_REPORTED);
}

/** Packet numbers of the retransmissions. */
function occurrenceOf({ tcp }: CaptureEvidence, { row, from, to }: Storm): Occurrence | undefined {
  return tcp.find(
    (trace) =>
      trace.vni === (row.vni ?? -1) &&
      trace.innerSource === from.address &&
      trace.innerDestination === to.address &&
      trace.sourcePort === from.port &&
      trace.destinationPort === to.port,
  )?.retransmissions;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const storm of stormsOf(capture)) {
      const { row, from, to } = storm;
      const where = row.vni === null ? '' : ` in ${networkText(evidence, row.vni)}`;
      const text = `${counted(from.retransmissions, 'retransmission')} in ${counted(from.packets, 'segment')} from port ${from.port ?? 0} to ${to.port ?? 0}`;
      const occurrence = occurrenceOf(capture, storm);
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${from.address}:${from.port ?? 0} retransmits ${shareText(from.retransmissions, from.packets)} of its segments to ${to.address}:${to.port ?? 0}${where}.`,
        subject: innerSubject(capture, row.vni ?? -1, from.address, to.address),
        exhibits: [
          occurrence === undefined ? { text, places: [{ file: capture.file }] } : shown(capture, occurrence, text),
        ],
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
