/** All findings. A finding is one file of `findings/`; the order is that of the documentation. */
import type { Finding } from './finding.js';
import { ENGINE_FINDINGS } from './findings/engine/index.js';
import { ESP_FINDINGS } from './findings/esp/index.js';
import { FIREWALL_FINDINGS } from './findings/firewall/index.js';
import { GOSSIP_FINDINGS } from './findings/gossip/index.js';
import { NETWORK_FINDINGS } from './findings/network/index.js';
import { NODE_FINDINGS } from './findings/node/index.js';
import { TRAFFIC_FINDINGS } from './findings/traffic/index.js';
import { WIRE_FINDINGS } from './findings/wire/index.js';

/** Everything that doctor can find, in the order of the documentation. */
export const FINDINGS: readonly Finding[] = [
  ...WIRE_FINDINGS,
  ...ESP_FINDINGS,
  ...TRAFFIC_FINDINGS,
  ...GOSSIP_FINDINGS,
  ...NODE_FINDINGS,
  ...NETWORK_FINDINGS,
  ...FIREWALL_FINDINGS,
  ...ENGINE_FINDINGS,
];
