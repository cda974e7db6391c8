/** Findings about netfilter, NAT and IPVS. */
import type { Finding } from '../../finding.js';
import { backendNotATask } from './backend-not-a-task.js';
import { encryptionRulesMissing } from './encryption-rules-missing.js';
import { espBlocked } from './esp-blocked.js';
import { gossipBlocked } from './gossip-blocked.js';
import { ipvsTimeoutShort } from './ipvs-timeout-short.js';
import { managementPortBlocked } from './management-port-blocked.js';
import { overlayTrafficTranslated } from './overlay-traffic-translated.js';
import { swarmConnectionUnanswered } from './swarm-connection-unanswered.js';
import { virtualServerWithoutBackends } from './virtual-server-without-backends.js';
import { vxlanBlocked } from './vxlan-blocked.js';

/** In the order of the documentation. */
export const FIREWALL_FINDINGS: readonly Finding[] = [
  backendNotATask,
  encryptionRulesMissing,
  espBlocked,
  gossipBlocked,
  ipvsTimeoutShort,
  managementPortBlocked,
  overlayTrafficTranslated,
  swarmConnectionUnanswered,
  virtualServerWithoutBackends,
  vxlanBlocked,
];
