import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets that a policy refuses. */
export const xfrmPolicyCounted = countedErrors({
  id: 'xfrm-policy-counted',
  title: 'The kernel drops packets because of IPsec policies',
  counters: [
    'XfrmInNoPols',
    'XfrmInPolBlock',
    'XfrmInPolError',
    'XfrmInTmplMismatch',
    'XfrmOutPolBlock',
    'XfrmOutPolDead',
    'XfrmOutPolError',
    'XfrmFwdHdrError',
  ],
  severity: Severity.Error,
  what: 'dropped packets because of its IPsec policies',
  means:
    "A policy demands encryption that the packets don't have, or forbids them. Docker installs only outbound policies: inbound ones are another program's, and can hit its packets.",
  advice: ["Find the policies that aren't Docker's (without the mark 0xd0c4e3), and narrow or remove them."],
  commands: ['ip -s xfrm policy'],
  threads: ['cilium/cilium#26808', 'cilium/cilium#44428'],
  explains: [],
});
