import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets beyond the last sequence number. */
export const xfrmOutSequenceCounted = countedErrors({
  id: 'xfrm-out-sequence-counted',
  title: 'The kernel drops packets because sequence numbers have run out',
  counters: ['XfrmOutStateSeqError'],
  severity: Severity.Error,
  what: 'dropped outgoing packets because an SA has no sequence numbers left',
  means:
    'An SA without ESN can send 2^32 - 1 packets. Nothing more is sent to that peer until the next rotation of the keys.',
  advice: ['Rotate the keys now, and send fewer, larger packets between the two nodes.'],
  commands: [
    'ip -s xfrm state | grep -B6 "oseq 0xffffffff"',
    'docker node demote LEADER && docker node promote LEADER',
  ],
  threads: ['moby/moby#52005'],
  explains: ['sequence-near-end', 'one-sided-esp'],
});
