/** Packets that one end has and the other one lacks. */
import {
  captureName,
  counted,
  nodeText,
  perSubject,
  secondsDifference,
  shareText,
  shown,
} from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { hasDirection, isEspBlocked, isVxlanBlocked, lostFlows, mayBeTwice } from './lost-flows.js';

/** Share of lost packets that is worth an error. */
const MUCH = 0.01;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const each of lostFlows(evidence)) {
    // Those have findings of their own.
    if (isEspBlocked(each) || isVxlanBlocked(each)) continue;
    const { flow, has, lacks, lost, sent, isAll, match } = each;
    const [from, to] = [nodeText(evidence, flow.source), nodeText(evidence, flow.destination)];
    const sizes =
      flow.smallestLost > flow.largestMatched && flow.matched > 0
        ? `only packets of ${flow.smallestLost} bytes or more are lost; the largest that arrives has ${flow.largestMatched}`
        : `packets from ${flow.smallestLost} bytes on are lost; the largest that arrives has ${flow.largestMatched}`;
    // A capture of one direction, or with another filter, has none of it.
    const mayLack = isAll && !hasDirection(lacks, flow);
    const isTwice = !isAll && mayBeTwice(each);
    yield {
      severity: mayLack || isTwice ? Severity.Warning : lost.count >= MUCH * sent ? Severity.Error : Severity.Warning,
      certainty: mayLack || isTwice ? Certainty.Possible : Certainty.Likely,
      summary: isAll
        ? `No ${flow.kindName} from ${from} to ${to} that ${captureName(has)} has is in ${captureName(lacks)}.`
        : `${counted(lost.count, 'packet')} of ${flow.kindName} from ${from} to ${to} (${shareText(lost.count, sent)}) that ${captureName(has)} has are not in ${captureName(lacks)}.`,
      subject: { nodes: [flow.source, flow.destination] },
      exhibits: [
        shown(has, lost, `${counted(lost.count, 'packet')} of ${sent} missing in ${captureName(lacks)}`),
        ...(flow.matched > 0 ? [{ text: sizes }] : []),
        ...(isTwice
          ? [
              {
                text: `half of every direction: ${captureName(has)} may have each packet twice`,
                places: [{ file: has.file }],
              },
            ]
          : []),
        ...(mayLack
          ? [{ text: `${captureName(lacks)} has nothing at all of that direction`, places: [{ file: lacks.file }] }]
          : []),
        { text: secondsDifference(match) },
      ],
      advice: [
        'Packets are lost between the two places, or the second capture left them out: look at its filter and its kernel drops ("packets dropped by kernel").',
        'If only large packets are lost, compare the MTU of every link on the way; otherwise look at firewalls, then at error counters.',
      ],
      commands: [
        `ping -M do -s 1472 -c 3 ${flow.destination}   # on ${from}`,
        `tracepath -n ${flow.destination}   # on ${from}`,
      ],
      collect: ['iptables-save', 'nft list ruleset', 'ip -s -s link'],
    };
  }
}

export const lostBetweenCaptures: Finding = {
  id: 'lost-between-captures',
  title: 'Packets of one capture are missing in the other',
  severity: Severity.Error,
  looksAt: 'two captures of the same traffic: ESP by SPI and sequence number, VXLAN and gossip by their bytes',
  fires:
    'three or more packets of a direction are missing although the other capture covers their time: an error from 1 % on, a warning below, and where the other capture has nothing of that direction or half of every one; what a snaplen cut is not compared, except ESP',
  means: 'What left one node did not reach the other: it is lost on the way, not by the nodes.',
  threads: ['moby/moby#26523', 'docker/docs#8640', 'moby/moby#24906'],
  explains: ['sequence-gaps', 'retransmission-storm', 'one-sided-traffic', 'gossip-one-way', 'one-sided-esp'],
  find: perSubject(find),
};
