import { Severity } from '../../../finding.js';
import { countedErrors } from './counted-errors.js';

/** Packets outside the replay window. */
export const xfrmSequenceCounted = countedErrors({
  id: 'xfrm-sequence-counted',
  title: 'The kernel drops ESP as replays',
  counters: ['XfrmInStateSeqError'],
  severity: Severity.Error,
  what: 'dropped ESP packets as replays',
  means:
    "Packets arrive twice, or later than the replay window allows, or the sender's counter started again. A window of 32 is too small for paths that reorder packets.",
  advice: [
    'Make the replay window larger: 1024 suits paths with several queues or links.',
    'If all packets of an SA are dropped, its sender has started to count again: rotate the keys.',
  ],
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377', 'libreswan/libreswan#2188'],
  explains: ['reordered-beyond-window', 'replayed-packets'],
});
