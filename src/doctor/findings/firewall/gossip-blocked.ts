import { Severity } from '../../finding.js';
import { blockedPackets } from './blocked-packets.js';

const GOSSIP_PORT = 7946;

/** A firewall drops gossip. */
export const gossipBlocked = blockedPackets({
  id: 'gossip-blocked',
  title: 'A firewall drops gossip between the nodes',
  severity: Severity.Error,
  what: 'gossip',
  kindsOf: () => [
    { protocol: 'udp', port: GOSSIP_PORT, isReply: true },
    { protocol: 'tcp', port: GOSSIP_PORT, isReply: false },
  ],
  means:
    "The node doesn't learn where the endpoints of others are, or others don't learn about its own. With only one of UDP and TCP blocked, it comes and goes: members are suspected, and tables are incomplete.",
  threads: ['moby/moby#40184', 'moby/moby#28931', 'docker/docs#8640'],
  explains: [
    'gossip-one-way',
    'gossip-suspicions',
    'peers-differ',
    'forwarding-entry-missing',
    'dns-timeouts',
    'vtep-gossip-trouble',
  ],
});
