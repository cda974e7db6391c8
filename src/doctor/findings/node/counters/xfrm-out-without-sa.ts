import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets for which there is no SA to send with. */
export const xfrmOutWithoutSa = countedErrors({
  id: 'xfrm-out-without-sa',
  title: 'The kernel drops packets that it has no SA to send with',
  counters: ['XfrmOutNoStates', 'XfrmAcquireError', 'XfrmOutBundleGenError', 'XfrmOutBundleCheckError'],
  severity: Severity.Error,
  what: 'dropped outgoing packets for which it has a policy but no SA',
  means: 'A policy says that the packets are to be encrypted, and the SA that it names is missing.',
  advice: ["See in the engine's log why the SAs weren't set up, and restart the engine."],
  commands: ['ip xfrm policy', 'ip xfrm state', 'systemctl restart docker'],
  threads: ['moby/moby#43359', 'cilium/cilium#34221'],
  explains: [],
});
