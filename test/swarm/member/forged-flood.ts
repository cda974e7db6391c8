/** A child process: a member, and someone with its key who invents as much as possible. Prints what it came to. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { nodeBackend } from '../../../src/aead/index.js';
import {
  encodeStream,
  EntryEvent,
  GossipKeyring,
  GossipType,
  MessageType,
  NodeState,
  type StreamMessage,
  SWARM_VERSIONS,
  type TableEvent,
  toStream,
} from '../../../src/gossip/index.js';
import { openGossip } from '../../../src/swarm/index.js';
import { at, NETWORK, newKeys, TABLE, until } from './running.js';

const MEMBERS_PER_STREAM = 5000;
const STREAMS = 6;
const ENTRIES_PER_STREAM = 10_000;
const ENTRY_STREAMS = 14;
const VALUE_BYTES = 200;

const keys = newKeys();
const ring = new GossipKeyring(nodeBackend.create());
keys.transmit.use((key) => ring.add(1, key));
let rss = 0;
const gossip = await openGossip(
  { name: 'node-1', endpoint: at(2), keys },
  { changed: () => undefined, trouble: () => undefined, ended: (error) => process.stderr.write(error.message) },
  // No probes: the members are invented, and would be found dead while the test runs.
  { member: { probeInterval: 600_000 }, networkDb: { reconnectInterval: 600_000 } },
);
const { addr, port } = gossip.endpoint;
const address = addr.join('.');
gossip.joinNetwork(NETWORK);

/** Sends a message in a stream of its own, from where a member is. */
async function send(message: StreamMessage): Promise<void> {
  const socket = connect({ host: address, port, localAddress: '127.0.0.3' });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(encodeStream(toStream(message), ring));
  await once(socket, 'close');
  rss = Math.max(rss, process.memoryUsage.rss());
}

function nameOf(index: number): string {
  return `forged-${index}`;
}

for (let stream = 0; stream < STREAMS; stream += 1) {
  const first = stream * MEMBERS_PER_STREAM;
  const indices = Array.from({ length: MEMBERS_PER_STREAM }, (_, index) => first + index);
  await send({
    type: MessageType.PushPull,
    join: false,
    nodes: indices.map((index) => ({
      name: nameOf(index),
      addr: index === 0 ? Uint8Array.of(127, 0, 0, 3) : Uint8Array.of(127, 1, index >> 8, index),
      port: 1,
      meta: undefined,
      incarnation: 1,
      state: NodeState.Alive,
      vsn: SWARM_VERSIONS,
    })),
    userState: {
      type: GossipType.PushPull,
      lTime: stream + 1,
      nodeName: nameOf(0),
      networks: indices.map((index) => ({
        networkId: index === 0 ? NETWORK : `network-${index}`,
        lTime: stream + 2,
        nodeName: nameOf(0),
        leaving: false,
      })),
    },
  });
}
for (let stream = 0; stream < ENTRY_STREAMS; stream += 1) {
  const value = new Uint8Array(VALUE_BYTES);
  const events = Array.from({ length: ENTRIES_PER_STREAM }, (_, index): TableEvent => ({
    type: GossipType.TableEvent,
    event: EntryEvent.Create,
    lTime: 1 + stream * ENTRIES_PER_STREAM + index,
    nodeName: nameOf(0),
    networkId: NETWORK,
    tableName: TABLE,
    key: `key-${stream}-${index}`,
    value,
    residualReapTime: 0,
  }));
  await send({
    type: MessageType.User,
    data: {
      type: GossipType.BulkSync,
      lTime: 1,
      unsolicited: false,
      nodeName: nameOf(0),
      networks: [NETWORK],
      events,
    },
  });
}
await until('the member answers', async () => (await gossip.report()).networks.length > 0);
const { members, networks } = await gossip.report();
const forgedEntries = ENTRY_STREAMS * ENTRIES_PER_STREAM;
const entries = networks[0].entries;
process.stdout.write(
  JSON.stringify({
    members: members.length,
    entries,
    forgedMembers: STREAMS * MEMBERS_PER_STREAM,
    forgedEntries,
    refused: forgedEntries - entries,
    rss,
  }),
);
await gossip.close(false);
