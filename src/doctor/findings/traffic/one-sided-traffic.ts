/** Packets that want an answer get none, or get it from another node. */
import {
  capturesOf,
  counted,
  networkText,
  nodeText,
  type PairTraffic,
  perSubject,
  shown,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { WayBack, wayBackOf, wayBackText } from './way-back.js';

const ENOUGH = 3;
/** Seconds within which an answer comes: less before the end of a capture says nothing. */
const PATIENCE = 1;
/** Pairs that are reported by capture: the busiest. */
const MAX_REPORTED = 20;

/** Whether an answer would have come before the capture ended. */
function isLate({ lastSeconds }: CaptureEvidence, { firstSeconds }: PairTraffic): boolean {
  return firstSeconds === undefined || lastSeconds === undefined || lastSeconds - firstSeconds >= PATIENCE;
}

function wantsText({ syns, echoRequests }: PairTraffic): string {
  const parts = [
    ...(syns > 0 ? [counted(syns, 'SYN')] : []),
    ...(echoRequests > 0 ? [counted(echoRequests, 'echo request')] : []),
  ];
  return parts.join(' and ');
}

function unanswered(evidence: Evidence, capture: CaptureEvidence, pair: PairTraffic): Diagnosis {
  const { innerSource, innerDestination, source, destination, vni } = pair;
  const way = wayBackOf(capture, source, destination, vni);
  const isBothWays = way === WayBack.Shown;
  const where = `${networkText(evidence, vni)}, from ${nodeText(evidence, source)} to ${nodeText(evidence, destination)}`;
  return {
    severity: isBothWays ? Severity.Error : Severity.Warning,
    certainty: isBothWays ? Certainty.Certain : Certainty.Possible,
    summary: isBothWays
      ? `${innerDestination} never answers ${innerSource} (${where}).`
      : `The capture shows no answer of ${innerDestination} to ${innerSource} (${where}).`,
    subject: { nodes: [source, destination], vni, endpoints: [innerSource, innerDestination] },
    exhibits: [
      shown(capture, pair, `${wantsText(pair)} of ${innerSource} without any packet from ${innerDestination}`),
      { text: wayBackText(way, destination), places: [{ file: capture.file }] },
    ],
    advice: [
      `Capture on ${nodeText(evidence, destination)}: if the packets don't arrive there, look at firewalls between the nodes; if they do, at its forwarding entries, the container and its neighbour entry for ${innerSource}.`,
    ],
    commands: [
      `tcpdump -n -i any '(udp port 4789 or esp) and host ${source}'   # on ${nodeText(evidence, destination)}`,
    ],
    collect: ['bridge fdb show', 'ip neigh', 'iptables-save', 'docker network inspect --verbose NETWORK'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const silent = capture.pairs.filter(
      (pair) => pair.vni >= 0 && pair.answers === 0 && pair.syns + pair.echoRequests >= ENOUGH && isLate(capture, pair),
    );
    silent.sort((a, b) => b.count - a.count);
    for (const pair of silent.slice(0, MAX_REPORTED)) yield unanswered(evidence, capture, pair);
    const elsewhere = capture.pairs.filter(
      ({ vni, answeredFrom, destination, count, answers }) =>
        vni >= 0 && answeredFrom !== undefined && answeredFrom !== destination && count >= ENOUGH && answers >= ENOUGH,
    );
    for (const pair of elsewhere.slice(0, MAX_REPORTED)) {
      const { innerSource, innerDestination, source, destination, vni, answeredFrom = '' } = pair;
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `Packets to ${innerDestination} in ${networkText(evidence, vni)} go to ${nodeText(evidence, destination)}, but its answers come from ${nodeText(evidence, answeredFrom)}.`,
        subject: { nodes: [source, destination, answeredFrom], vni, endpoints: [innerSource, innerDestination] },
        exhibits: [
          shown(capture, pair, `${counted(pair.count, 'packet')} to ${destination}, answers from ${answeredFrom}`),
        ],
        advice: [
          'The endpoint moved, or a node has several addresses and sends from another one than it advertises, or the forwarding entry is wrong.',
        ],
        collect: ['bridge fdb show', 'ip addr', 'ip route'],
      };
    }
  }
}

export const oneSidedTraffic: Finding = {
  id: 'one-sided-traffic',
  title: 'Packets get no answer, or from another node',
  severity: Severity.Error,
  looksAt: 'captures: SYNs and echo requests inside networks, and what comes back, from which VTEP',
  fires:
    'three or more SYNs or echo requests to an address that sends nothing, a second or more before the capture ends: a warning if the capture has nothing of that direction, or only ESP that no key opens; or answers that come from another VTEP',
  means: 'Something between the two containers works in one direction only.',
  threads: ['moby/moby#30727', 'moby/moby#31588', 'moby/moby#35401'],
  explains: [],
  find: perSubject(find),
};
