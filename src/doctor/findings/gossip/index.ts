/** Findings about gossip. */
import type { Finding } from '../../finding.js';
import { gossipOneWay } from './gossip-one-way.js';
import { gossipSuspicions } from './gossip-suspicions.js';
import { gossipWrongKeys } from './gossip-wrong-keys.js';

export const GOSSIP_FINDINGS: readonly Finding[] = [gossipWrongKeys, gossipOneWay, gossipSuspicions];
