/** A network of a store beside what Docker showed of the same network. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectedNetwork } from '../../../src/cli/network/inspected-network.js';
import {
  createEndpoint,
  createNetwork,
  createService,
  findNetwork,
  MemoryStore,
  readOverlay,
  TaskScheduler,
} from '../../../src/fleet/index.js';
import { ROOT } from '../../repository.js';
import { addNode, context, network, service, START } from '../../fleet/control/fixture.js';

interface Inspected {
  readonly Peers: readonly { readonly Name: string; readonly IP: string }[];
  readonly Services: Readonly<Record<string, { readonly VIP: string; readonly Tasks: readonly object[] }>>;
}

/** The names of members, and of those in them; lists by their first element, maps by their first entry. */
function shapeOf(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((one) => shapeOf(one));
  if (typeof value !== 'object' || value === null) return typeof value;
  const entries = Object.entries(value);
  if (isMap) return entries.slice(0, 1).map(([, inner]) => shapeOf(inner));
  return entries.map(([name, inner]) => [name, shapeOf(inner, ['Containers', 'Services'].includes(name))]);
}

test('with services: the members, VIPs, tasks and peers that docker network inspect --verbose showed', async () => {
  const docker = JSON.parse(
    readFileSync(join(ROOT, 'fixtures/docker/services/network-inspect-verbose.json'), 'utf8'),
  ) as Inspected[];
  const store = new MemoryStore();
  await createNetwork(store, network('ingress', { ingress: true, attachable: false }), context());
  const record = await createNetwork(store, network('web'), context());
  await addNode(store, 'vm', '192.168.77.1');
  await addNode(store, 'elsewhere', '192.168.77.2');
  await createService(store, service('api', ['web'], { replicas: 2 }), context());
  const created = new Date(START).toISOString();
  const more = { name: 'lb-web', network: record, node: 'vm', created, running: true } as const;
  await createEndpoint(store, { id: 'lb-vm', kind: 'balancer', ...more });
  await createService(store, service('glob', ['web'], { mode: 'dnsrr', deploy: 'global' }), context());
  await new TaskScheduler(store, { ...context(), clock: () => 0 }).turn({ check: () => undefined });
  const view = await readOverlay(store);
  const shown = inspectedNetwork(view, findNetwork(view, 'web'), true) as Inspected;
  assert.deepEqual(shapeOf(shown), shapeOf(docker[0]));
  const [{ Services: theirs }] = docker;
  assert.deepEqual(
    Object.entries(shown.Services).map(([name, { VIP }]) => [name, VIP]),
    Object.entries(theirs).map(([name, { VIP }]) => [name, VIP]),
  );
  // Each node has a task of the global service, so that both are peers; Docker's swarm had one node.
  assert.deepEqual(shown.Peers, [
    { Name: 'elsewhere', IP: '192.168.77.2' },
    { Name: 'vm', IP: '192.168.77.1' },
  ]);
});

test('a node with nothing in a network is no peer of it, and a network without any has no such member', async () => {
  const store = new MemoryStore();
  await createNetwork(store, network('web'), context());
  await addNode(store, 'vm');
  const view = await readOverlay(store);
  const shown = inspectedNetwork(view, findNetwork(view, 'web'), false);
  assert.ok(!('Peers' in shown));
});
