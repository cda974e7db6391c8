/** The report of a swarm's gossip, with invented contents. */
import type { GossipReport } from '../../src/inspect/index.js';
import { moment } from './sample-contents.js';

/** No packets or streams. */
export const NO_COUNTS = { total: 0, decrypted: 0, clear: 0, failed: {} };

type Member = GossipReport['members'][number];
type Event = GossipReport['events'][number];

function member(of: Pick<Member, 'name' | 'state'> & Partial<Member>): Member {
  return { host: null, address: null, port: 7946, incarnation: 1, ...of };
}

function event(of: Pick<Event, 'event' | 'node' | 'text'> & Partial<Event>): Event {
  const none = { network: null, table: null, key: null, lTime: null };
  return { ...moment(1), ...none, via: 'gossip', ...of };
}

/** Three nodes, of which one is suspected and dies. */
export function sampleGossip(): GossipReport {
  const network = 'd1z0b5s2tz7tqwertzuiopasd';
  return {
    packets: { total: 11, decrypted: 8, clear: 0, failed: { 'no-key-fits': 3 } },
    streams: { total: 1, decrypted: 1, clear: 0, failed: {}, incomplete: 0 },
    invalid: {},
    keys: [{ tag: 4, packets: 8, streams: 1, firstTime: null, lastTime: null }],
    undecryptable: [{ address: '192.168.50.9', count: 3 }],
    messages: { ping: 8 },
    members: [
      member({ name: 'aaaaaaaaaaaa', host: 'node1', address: '192.168.50.1', state: 'alive' }),
      member({ name: 'cccccccccccc', host: 'node3', address: '192.168.50.3', state: 'dead', incarnation: 2 }),
      member({ name: 'eeeeeeeeeeee', state: 'left' }),
    ],
    networks: [
      {
        id: network,
        name: 'web-net',
        ingress: false,
        nodes: ['aaaaaaaaaaaa'],
        left: ['cccccccccccc'],
        peers: 2,
        endpoints: 1,
      },
    ],
    entries: [],
    events: [
      event({ event: 'create', node: 'aaaaaaaaaaaa', network, via: 'bulk sync', text: 'web.1 10.0.1.3' }),
      event({ event: 'suspect', node: 'cccccccccccc', text: 'incarnation 2, by node1' }),
    ],
    bulkSyncs: [],
    unlisted: 0,
  };
}
