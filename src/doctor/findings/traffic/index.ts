/** Findings about the traffic inside networks. */
import type { Finding } from '../../finding.js';
import { dnsTimeouts } from './dns-timeouts.js';
import { duplicateAddress } from './duplicate-address.js';
import { endpointMoved } from './endpoint-moved.js';
import { idleConnectionCut } from './idle-connection-cut.js';
import { oneSidedTraffic } from './one-sided-traffic.js';
import { retransmissionStorm } from './retransmission-storm.js';
import { vipAsDestination } from './vip-as-destination.js';

export const TRAFFIC_FINDINGS: readonly Finding[] = [
  duplicateAddress,
  endpointMoved,
  vipAsDestination,
  idleConnectionCut,
  dnsTimeouts,
  retransmissionStorm,
  oneSidedTraffic,
];
