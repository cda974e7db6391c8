/** Findings about networks: forwarding tables, settings and MTUs. */
import type { Finding } from '../../finding.js';
import { addressDuplicated } from './address-duplicated.js';
import { encryptedFalse } from './encrypted-false.js';
import { bridgeLearnedLocalMac } from './forwarding/bridge-learned-local-mac.js';
import { forwardingEntryDuplicated } from './forwarding/forwarding-entry-duplicated.js';
import { forwardingEntryLearned } from './forwarding/forwarding-entry-learned.js';
import { forwardingEntryMissing } from './forwarding/forwarding-entry-missing.js';
import { forwardingToWrongNode } from './forwarding/forwarding-to-wrong-node.js';
import { framesFromOtherVtep } from './forwarding/frames-from-other-vtep.js';
import { ipv6NeighboursMissing } from './forwarding/ipv6-neighbours-missing.js';
import { localEndpointWithRemoteEntry } from './forwarding/local-endpoint-with-remote-entry.js';
import { neighbourMissing } from './forwarding/neighbour-missing.js';
import { ipv6DataPath } from './ipv6-data-path.js';
import { mtuSmallerThanFits } from './mtu-smaller-than-fits.js';
import { mtuTooBigForUnderlay } from './mtu-too-big-for-underlay.js';
import { networkNotInUse } from './network-not-in-use.js';
import { networkSettingsDiffer } from './network-settings-differ.js';
import { nodeNotAmongPeers } from './node-not-among-peers.js';
import { optionUnknown } from './option-unknown.js';
import { peersDiffer } from './peers-differ.js';
import { vipIsTaskAddress } from './vip-is-task-address.js';
import { vniUsedTwice } from './vni-used-twice.js';
import { vxlanDeviceWithoutProxy } from './vxlan-device-without-proxy.js';
import { vxlanPortMismatch } from './vxlan-port-mismatch.js';

/** In the order of the documentation. */
export const NETWORK_FINDINGS: readonly Finding[] = [
  addressDuplicated,
  encryptedFalse,
  ipv6DataPath,
  mtuSmallerThanFits,
  mtuTooBigForUnderlay,
  networkNotInUse,
  networkSettingsDiffer,
  nodeNotAmongPeers,
  optionUnknown,
  peersDiffer,
  vipIsTaskAddress,
  vniUsedTwice,
  vxlanDeviceWithoutProxy,
  vxlanPortMismatch,
  bridgeLearnedLocalMac,
  forwardingEntryDuplicated,
  forwardingEntryLearned,
  forwardingEntryMissing,
  forwardingToWrongNode,
  framesFromOtherVtep,
  ipv6NeighboursMissing,
  localEndpointWithRemoteEntry,
  neighbourMissing,
];
