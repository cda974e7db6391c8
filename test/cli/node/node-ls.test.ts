import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeRows } from '../../../src/cli/node/node-ls.js';
import {
  createEndpoint,
  createNetwork,
  encodeLease,
  LEADER,
  MemoryStore,
  readOverlay,
} from '../../../src/fleet/index.js';
import { addNode, context, network, removeNode, START } from '../../fleet/control/fixture.js';

test('the leader is marked; a node with endpoints and without a lease is down', async () => {
  const store = new MemoryStore();
  const record = await createNetwork(store, network('web'), context());
  for (const name of ['a', 'b', 'c']) await addNode(store, name);
  const created = new Date(START).toISOString();
  await createEndpoint(store, { id: 'c1', kind: 'container', name: 'c1', network: record, node: 'c', created });
  await removeNode(store, 'c');
  const value = new TextEncoder().encode('b');
  await store.put(LEADER, encodeLease({ duration: 10_000, token: new Uint8Array(16), value }));
  const rows = nodeRows(await readOverlay(store)).map(({ name, status, manager }) => [name, status, manager].join(' '));
  assert.deepEqual(rows, ['a Ready Reachable', 'b Ready Leader', 'c Down ']);
});
