import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets without an SA. */
export const xfrmUnknownSpiCounted = countedErrors({
  id: 'xfrm-unknown-spi-counted',
  title: 'The kernel drops ESP for which it has no SA',
  counters: ['XfrmInNoStates'],
  severity: Severity.Warning,
  what: 'dropped ESP packets for which it has no SA',
  means:
    'A sender uses an SPI that this node has no SA for: it switched to a key before the receiver had it, the receiver missed a rotation, or never set up the sender.',
  advice: [
    'Receivers first: a program that rotates keys has to add the new SA at all receivers before a sender uses it.',
    'If the counter rises after a rotation, too, compare the SPIs of the senders with those of this node.',
  ],
  commands: ['ip xfrm state', "tcpdump -nn -c 100 'ip proto 50'"],
  threads: ['cilium/cilium#44335', 'cilium/cilium#34221'],
  explains: ['unknown-spi'],
});
