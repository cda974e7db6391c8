import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets with a wrong ICV. */
export const xfrmIntegrityCounted = countedErrors({
  id: 'xfrm-integrity-counted',
  title: 'The kernel drops ESP whose ICV is wrong',
  counters: ['XfrmInStateProtoError'],
  severity: Severity.Error,
  what: 'dropped ESP packets whose ICV is wrong',
  means:
    'The SA is known, but the packet was sealed with another key or changed on the way. Nothing of such a tunnel gets through.',
  advice: ["Compare the keys of both ends' SAs; restart the engine of the node that missed a rotation."],
  commands: ['ip -s xfrm state | grep -A12 "^src" | grep -E "^src|failed"'],
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: ['icv-invalid'],
});
