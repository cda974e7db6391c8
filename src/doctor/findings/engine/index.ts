/** Findings about Docker engines and vtep nodes: versions, states and logs. */
import type { Finding } from '../../finding.js';
import { engineVersionsIncompatible } from './engine-versions-incompatible.js';
import { engineWarnings } from './engine-warnings.js';
import { conntrackTableFull } from './log/conntrack-table-full.js';
import { encryptionMatchMissing } from './log/encryption-match-missing.js';
import { gossipKeysLogged } from './log/gossip-keys-logged.js';
import { kernelRefusesSas } from './log/kernel-refuses-sas.js';
import { neighbourTableFull } from './log/neighbour-table-full.js';
import { peerEntryRefused } from './log/peer-entry-refused.js';
import { vxlanDeviceExists } from './log/vxlan-device-exists.js';
import { storeNotSynced } from './store/store-not-synced.js';
import { swarmNotActive } from './swarm-not-active.js';
import { swarmsDiffer } from './swarms-differ.js';
import { vtepDrops } from './vtep/vtep-drops.js';
import { vtepGossipTrouble } from './vtep/vtep-gossip-trouble.js';
import { vtepRefusedPackets } from './vtep/vtep-refused-packets.js';
import { vtepSilentPeers } from './vtep/vtep-silent-peers.js';
import { vtepSwarmProblem } from './vtep/vtep-swarm-problem.js';

/** In the order of the documentation. */
export const ENGINE_FINDINGS: readonly Finding[] = [
  engineVersionsIncompatible,
  engineWarnings,
  storeNotSynced,
  swarmNotActive,
  swarmsDiffer,
  conntrackTableFull,
  encryptionMatchMissing,
  gossipKeysLogged,
  kernelRefusesSas,
  neighbourTableFull,
  peerEntryRefused,
  vxlanDeviceExists,
  vtepDrops,
  vtepGossipTrouble,
  vtepRefusedPackets,
  vtepSilentPeers,
  vtepSwarmProblem,
];
