import { distinctSas } from '../../derived/associations.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { clockSeconds } from '../../derived/moments.js';
import { counted, exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';
import { ROTATION_INTERVAL } from '../../../overlay/index.js';
import { secondsText } from '../../../text/quantity.js';

/** Last sequence number of an SA without ESN. */
const LAST = 2 ** 32 - 1;
/** Share of the sequence numbers after which an SA is reported whose rate isn't known. */
const NEAR = 0.9;
/** Time in seconds over which a rate is measured at least. */
const SHORTEST = 60;
const HOUR = 3600;

/** An SA's sequence numbers run out before the next rotation. */
export const saSequenceNearEnd: Finding = {
  id: 'sa-sequence-near-end',
  title: "An SA's sequence numbers have run out or are about to",
  severity: Severity.Error,
  looksAt: 'ip -s xfrm state',
  fires:
    'an SA without ESN has sent 2^32 - 1 packets; or will have, at its rate until now, before it is 12 hours old; or has sent 90 % ' +
    'of them and its rate is unknown',
  means:
    "A sequence number must not be used twice with one key. At the last one the kernel drops everything that is sent with the SA (XfrmOutStateSeqError), until Swarm's next rotation of the keys brings a new one.",
  threads: ['moby/moby#52005', 'cilium/cilium#26808'],
  explains: ['sequence-near-end', 'xfrm-out-sequence-counted', 'one-sided-esp', 'one-sided-traffic'],
  find: findNearEnd,
};

function* findNearEnd(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    for (const sa of distinctSas(node)) {
      if (sa.esn || sa.protocol !== 'esp' || sa.sent <= 0) continue;
      const rate = rateOf(sa);
      if (sa.sent >= LAST) {
        yield diagnose(node, sa, rate, 0);
      } else if (rate === undefined) {
        if (sa.sent >= NEAR * LAST) yield diagnose(node, sa, rate, undefined);
      } else {
        const left = (LAST - sa.sent) / rate.perSecond;
        // Past its time the rotation may come at any moment, or much later.
        const isOverdue = rate.age >= ROTATION_INTERVAL && sa.sent >= NEAR * LAST;
        if (isOverdue || rate.age + left < ROTATION_INTERVAL) yield diagnose(node, sa, rate, left);
      }
    }
  }
}

interface Rate {
  /** Packets per second. */
  readonly perSecond: number;
  /** Seconds since the SA was added, when it was last used. */
  readonly age: number;
}

function rateOf({ added, used, sent }: XfrmSa): Rate | undefined {
  const start = clockSeconds(added);
  const end = clockSeconds(used);
  if (start === undefined || end === undefined || end - start < SHORTEST) return undefined;
  return { perSecond: sent / (end - start), age: end - start };
}

function diagnose(node: NodeEvidence, sa: XfrmSa, rate: Rate | undefined, left: number | undefined): Diagnosis {
  const name = `SA ${formatSpi(sa.spi)} of ${nodeText(node)} to ${sa.destination}`;
  const remaining = counted(LAST - sa.sent, 'sequence number');
  const summary =
    left === 0
      ? `${name} has used all its sequence numbers: nothing more is sent with it until the next rotation.`
      : left === undefined
        ? `${name} has ${remaining} left.`
        : `${name} has ${remaining} left, which is ${secondsText(Math.round(left))} at its rate until now.`;
  return {
    severity: left !== undefined && left < HOUR ? Severity.Error : Severity.Warning,
    certainty: left === 0 ? Certainty.Certain : Certainty.Likely,
    summary,
    subject: { nodes: [...aliases(node), sa.destination], spi: sa.spi },
    exhibits: [
      exhibit(
        `oseq 0x${sa.sent.toString(16)}${rate === undefined ? '' : `, ${Math.round(rate.perSecond).toLocaleString('en-US')} packets a second since ${sa.added}`}`,
        [sa],
      ),
    ],
    advice: [
      'Rotate the keys now: they rotate 12 hours after a manager became leader, and a change of leader starts these hours anew.',
      'Send fewer, larger packets between the two nodes: a larger MTU, or services on the same node.',
      'Watch for changes of the leader, which postpone the rotation.',
    ],
    commands: ['docker node ls --filter role=manager', 'docker node demote LEADER && docker node promote LEADER'],
  };
}
