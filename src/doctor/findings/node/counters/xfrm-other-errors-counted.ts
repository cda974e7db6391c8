import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Rare errors. */
export const xfrmOtherErrorsCounted = countedErrors({
  id: 'xfrm-other-errors-counted',
  title: 'The kernel drops ESP because of malformed packets, modes, expired SAs or lack of memory',
  counters: [
    'XfrmInError',
    'XfrmInBufferError',
    'XfrmInHdrError',
    'XfrmInStateModeError',
    'XfrmInStateExpired',
    'XfrmInStateMismatch',
    'XfrmInStateInvalid',
    'XfrmInStateDirError',
    'XfrmOutError',
    'XfrmOutStateProtoError',
    'XfrmOutStateModeError',
    'XfrmOutStateExpired',
    'XfrmOutStateInvalid',
    'XfrmOutStateDirError',
  ],
  severity: Severity.Warning,
  what: 'dropped ESP packets',
  means:
    'The names say why: malformed or truncated packets (HdrError), another mode than the SA has (ModeError), an SA past its lifetime (Expired), UDP encapsulation on one end only (Mismatch), an SA that is being removed (Invalid), or no memory.',
  advice: ['Look at the counter with the highest rate first, and compare the SAs of both ends.'],
  commands: ['ip -s xfrm state', 'cat /proc/net/xfrm_stat'],
  threads: ['cilium/cilium#26808', 'libreswan/libreswan#2188'],
  explains: [],
});
