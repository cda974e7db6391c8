/** ESP goes one way only. */
import {
  capturesOf,
  counted,
  durationOf,
  nodeText,
  perSubject,
  shown,
  type TunnelTraffic,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ENOUGH = 5;
/** Seconds within which an answer must come. */
const PATIENCE = 1;
/** Share of the packets that has to be decrypted to tell what is in them. */
const MOST = 0.9;

/** Whether nothing in the ESP wants an answer, as far as it was decrypted: logs and metrics go one way. */
function wantsNoAnswer({ frames }: CaptureEvidence, { source, destination, esp }: TunnelTraffic): boolean {
  const opened = frames.filter((row) => row.encrypted && row.source === source && row.destination === destination);
  const count = opened.reduce((sum, row) => sum + row.count, 0);
  return count >= MOST * esp.count && opened.every(({ transports: { tcp, icmp } }) => tcp + icmp === 0);
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.traffic) {
      const { source, destination, esp } = row;
      if (esp.count < ENOUGH || (esp.firstSeconds !== undefined && durationOf(esp) < PATIENCE)) continue;
      const back = capture.traffic.find((other) => other.source === destination && other.destination === source);
      if ((back?.esp.count ?? 0) > 0 || wantsNoAnswer(capture, row)) continue;
      const hasOther =
        (back?.gossipUdp.count ?? 0) + (back?.gossipTcp.count ?? 0) > 0 ||
        capture.frames.some((frames) => frames.source === destination && frames.destination === source);
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      yield {
        severity: hasOther ? Severity.Error : Severity.Warning,
        certainty: hasOther ? Certainty.Likely : Certainty.Possible,
        summary: `ESP goes from ${from} to ${to} and none comes back.`,
        subject: { nodes: [source, destination] },
        exhibits: [
          shown(capture, esp, `${counted(esp.count, 'ESP packet')} from ${source}, none from ${destination}`),
          {
            text: hasOther
              ? `other traffic does come from ${destination}, so the capture has that direction`
              : `nothing at all comes from ${destination}: the capture may lack that direction`,
            places: [{ file: capture.file }],
          },
        ],
        advice: [
          `${to} does not receive the packets, cannot decrypt them, or its answers are lost. Capture there: if the packets don't arrive, open IP protocol 50; if they do, compare the SAs of both nodes.`,
          ...(capture.hasKeys
            ? []
            : ['If only UDP that nobody answers crosses the network (logs, metrics), nothing is wrong.']),
          `If XfrmInNoStates or XfrmInStateProtoError rises on ${to}, its SAs are missing or have other keys.`,
        ],
        commands: [`tcpdump -n -i any esp and host ${source}   # on ${to}`, `cat /proc/net/xfrm_stat   # on ${to}`],
        collect: ['ip -s xfrm state', 'ip xfrm policy', 'cat /proc/net/xfrm_stat', 'iptables-save'],
      };
    }
  }
}

export const oneSidedEsp: Finding = {
  id: 'one-sided-esp',
  title: 'ESP goes one way only',
  severity: Severity.Error,
  looksAt: 'captures of the underlay: ESP by VTEPs and direction',
  fires:
    'five or more packets in one direction over a second or more, and none in the other: an error if other traffic comes back, otherwise a warning; nothing if the keys show that only UDP is inside',
  means: 'Connections need both directions: one node sends and is not heard, or the answers are lost.',
  threads: ['moby/moby#30727', 'moby/moby#26523', 'docker/for-linux#91'],
  explains: ['one-sided-traffic'],
  find: perSubject(find),
};
