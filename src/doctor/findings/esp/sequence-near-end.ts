/** Sequence numbers of an SA run out. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, durationOf, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { secondsText } from '../../../text/quantity.js';

const LAST = 2 ** 32 - 1;
/** Numbers from here on are near the end: a tenth is left, an hour at 120,000 packets a second. */
const NEAR = 0.9 * LAST;
/** Numbers from which nothing is left. */
const OVER = LAST - 256;

const ADVICE = [
  'An SA without extended sequence numbers sends at most 2^32 - 1 packets; then the kernel drops what should be sent, until the next rotation.',
  'Swarm rotates the keys 12 hours after the last rotation or change of the leader: keep the leader until then.',
  'For the long run, send fewer packets: larger ones, or over more networks and nodes.',
];

/** Numbers per second; NaN without times. */
function rateOf(trace: SpiTrace): number {
  return (trace.highestSequence - trace.firstSequence) / durationOf(trace);
}

function diagnosisOfTrace(evidence: Evidence, capture: CaptureEvidence, trace: SpiTrace, isPlain: boolean): Diagnosis {
  const { highestSequence, source, destination, spi } = trace;
  const left = LAST - highestSequence;
  const rate = rateOf(trace);
  const time = rate > 0 && Number.isFinite(rate) ? `, for ${secondsText(left / rate)} at its rate` : '';
  const isOver = highestSequence >= OVER;
  const name = formatSpi(spi);
  const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
  return {
    severity: isOver ? Severity.Error : Severity.Warning,
    // Only a dump of the SA tells that its numbers have 32 bits: those of ESN wrap, and go on.
    certainty: isPlain ? Certainty.Certain : Certainty.Possible,
    summary: isOver
      ? `SPI ${name} from ${from} to ${to} has used up its sequence numbers: nothing more is sent with it.`
      : `SPI ${name} from ${from} to ${to} has ${counted(left, 'sequence number')} left${time}.`,
    subject: { nodes: [source, destination], spi },
    exhibits: [shown(capture, trace, `sequence numbers from ${trace.firstSequence} to ${highestSequence} of ${LAST}`)],
    advice: ADVICE,
    commands: [`ip -s xfrm state   # on ${from}`, `vtep keys schedule --rate ${Math.max(1, Math.round(rate || 1))}`],
    collect: ['ip -s xfrm state'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const sas = evidence.nodes.flatMap((node) => node.sas);
  const known = new Map(sas.map(({ spi, destination, esn }) => [`${spi} ${destination}`, esn]));
  for (const { capture } of capturesOf(evidence)) {
    for (const trace of capture.spis) {
      const isExtended = known.get(`${trace.spi} ${trace.destination}`);
      if (trace.highestSequence < NEAR || isExtended === true) continue;
      // Numbers that wrapped are 64 bits long.
      if (trace.restarts.count > 0) continue;
      yield diagnosisOfTrace(evidence, capture, trace, isExtended === false);
    }
  }
}

export const sequenceNearEnd: Finding = {
  id: 'sequence-near-end',
  title: 'The sequence numbers of an SA run out',
  severity: Severity.Error,
  looksAt: 'captures: ESP sequence numbers; ip xfrm state: whether the SA has ESN',
  fires: 'a warning from nine tenths of 2^32 on, an error if fewer than 256 are left; SAs with ESN aside',
  means: 'ESP never reuses a number under one key. When 32 bits are used up, the sender stops until it has a new key.',
  threads: ['moby/moby#52005'],
  explains: ['one-sided-esp', 'one-sided-traffic'],
  find: perSubject(find),
};
