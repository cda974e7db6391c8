/** All findings. A finding is one file of `findings/`; the order is that of the documentation. */
import type { Finding } from './finding.js';
import { ESP_FINDINGS } from './findings/esp/index.js';
import { GOSSIP_FINDINGS } from './findings/gossip/index.js';
import { TRAFFIC_FINDINGS } from './findings/traffic/index.js';
import { WIRE_FINDINGS } from './findings/wire/index.js';

export const FINDINGS: readonly Finding[] = [
  ...WIRE_FINDINGS,
  ...ESP_FINDINGS,
  ...TRAFFIC_FINDINGS,
  ...GOSSIP_FINDINGS,
];
