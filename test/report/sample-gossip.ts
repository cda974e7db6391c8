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

/** A swarm with more nodes, networks and events than a page shows. */
export function largeGossip(): GossipReport {
  const sample = sampleGossip();
  const many = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
  const names = many(2000, (i) => `node-${i}.datacenter-1.example.com`);
  return {
    ...sample,
    undecryptable: many(2000, (i) => ({ address: `10.0.${i >>> 8}.${i & 255}`, count: i })),
    members: many(1000, (i) => member({ name: names[i], state: 'alive', address: `10.0.${i >>> 8}.${i & 255}` })),
    networks: many(2100, (i) => ({ ...sample.networks[0], id: `network-${i}`, nodes: names, left: names })),
    events: many(4000, (i) =>
      event({
        event: 'create',
        node: names[i >>> 1],
        via: i % 2 === 0 ? 'gossip' : 'bulk sync',
        text: `web.${i} 10.0.1.3`,
      }),
    ),
  };
}
