/** The thread of the gossip, with its sockets. Started by `ThreadedGossip`. */
import { parentPort } from 'node:worker_threads';
import type { TableChange } from '../../gossip/index.js';
import { ChangeBatch } from './change-batch.js';
import { GossipError } from './gossip-error.js';
import { type GossipMessage, type GossipOrder, useSentKeys } from './gossip-order.js';
import { LocalGossip } from './local-gossip.js';

/** Changes in a message. */
const CHANGES_PER_MESSAGE = 4096;

if (parentPort === null) throw new Error('must run as a worker thread of ThreadedGossip');
const owner = parentPort;

/** Changes that the main thread hasn't got yet. */
const changes = new ChangeBatch();
/** Whether the main thread has taken those that it got. */
let taken = true;
let gossip: LocalGossip | undefined;
/** Orders that came before the sockets were open. */
let early: GossipOrder[] = [];

function post(message: GossipMessage): void {
  owner.postMessage(message);
}

function postChanges(): void {
  if (!taken || changes.size === 0) return;
  taken = false;
  post({ kind: 'changes', changes: changes.take(CHANGES_PER_MESSAGE) });
}

const listener = {
  changed(news: readonly TableChange[]): void {
    for (const change of news) changes.add(change);
    postChanges();
  },
  trouble(text: string): void {
    post({ kind: 'trouble', text });
  },
  ended(error: Error): void {
    const code = error instanceof GossipError ? error.code : 'SOCKET_FAILED';
    post({ kind: 'ended', code, message: error.message });
    owner.close();
  },
};

async function start({ options, keys, settings }: Extract<GossipOrder, { kind: 'start' }>): Promise<void> {
  try {
    // The keys are copied before the first wait.
    gossip = await useSentKeys(keys, (ring) => LocalGossip.open({ ...options, keys: ring }, listener, settings));
  } catch (error) {
    if (!(error instanceof GossipError)) throw error;
    post({ kind: 'refused', code: error.code, message: error.message });
    owner.close();
    return;
  }
  post({ kind: 'ready', name: gossip.name, endpoint: gossip.endpoint });
  const waiting = early;
  early = [];
  for (const order of waiting) take(order, gossip);
}

function take(order: GossipOrder, member: LocalGossip): void {
  switch (order.kind) {
    case 'start':
      break;
    case 'keys':
      useSentKeys(order.keys, (keys) => member.setKeys(keys));
      break;
    case 'seeds':
      member.setSeeds(order.seeds);
      break;
    case 'join-network':
      member.joinNetwork(order.id);
      break;
    case 'leave-network':
      member.leaveNetwork(order.id);
      break;
    case 'entry':
      member.setEntry(order.networkId, order.tableName, order.key, order.value);
      break;
    case 'remove-entry':
      member.removeEntry(order.networkId, order.tableName, order.key);
      break;
    case 'report':
      void member.report().then((report) => post({ kind: 'report', id: order.id, report }));
      break;
    case 'taken':
      taken = true;
      postChanges();
      break;
    case 'close':
      void member.close(order.tell).then(() => owner.close());
      break;
  }
}

owner.on('message', (orders: readonly GossipOrder[]) => {
  for (const order of orders) {
    if (order.kind === 'start') void start(order);
    else if (gossip === undefined) early.push(order);
    else take(order, gossip);
  }
});
