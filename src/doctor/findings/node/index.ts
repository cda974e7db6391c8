/** Findings about a node's kernel: SAs, policies, counters and offloads. */
import type { Finding } from '../../finding.js';
import { checksumOffloadOn } from './checksum-offload-on.js';
import { xfrmIntegrityCounted } from './counters/xfrm-integrity-counted.js';
import { xfrmOtherErrorsCounted } from './counters/xfrm-other-errors-counted.js';
import { xfrmOutSequenceCounted } from './counters/xfrm-out-sequence-counted.js';
import { xfrmOutWithoutSa } from './counters/xfrm-out-without-sa.js';
import { xfrmPolicyCounted } from './counters/xfrm-policy-counted.js';
import { xfrmSequenceCounted } from './counters/xfrm-sequence-counted.js';
import { xfrmUnknownSpiCounted } from './counters/xfrm-unknown-spi-counted.js';
import { nodeBehindInRotation } from './node-behind-in-rotation.js';
import { peerWithoutSas } from './peer-without-sas.js';
import { policyMissing } from './policy-missing.js';
import { policyPortMismatch } from './policy-port-mismatch.js';
import { policyWithoutSa } from './policy-without-sa.js';
import { saAcquire } from './sa-acquire.js';
import { saAlgorithmsDiffer } from './sa-algorithms-differ.js';
import { saForWrongAddress } from './sa-for-wrong-address.js';
import { saIntegrityErrors } from './sa-integrity-errors.js';
import { saKeysDiffer } from './sa-keys-differ.js';
import { saReplayErrors } from './sa-replay-errors.js';
import { saSequenceNearEnd } from './sa-sequence-near-end.js';
import { spiFormsDiffer } from './spi-forms-differ.js';
import { unspecifiedSaAddress } from './unspecified-sa-address.js';

/** In the order of the documentation. */
export const NODE_FINDINGS: readonly Finding[] = [
  checksumOffloadOn,
  nodeBehindInRotation,
  peerWithoutSas,
  policyMissing,
  policyPortMismatch,
  policyWithoutSa,
  saAcquire,
  saAlgorithmsDiffer,
  saForWrongAddress,
  saIntegrityErrors,
  saKeysDiffer,
  saReplayErrors,
  saSequenceNearEnd,
  spiFormsDiffer,
  unspecifiedSaAddress,
  xfrmIntegrityCounted,
  xfrmOtherErrorsCounted,
  xfrmOutSequenceCounted,
  xfrmOutWithoutSa,
  xfrmPolicyCounted,
  xfrmSequenceCounted,
  xfrmUnknownSpiCounted,
];
