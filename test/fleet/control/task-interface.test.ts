import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceOf, netnsOf } from '../../../src/fleet/control/task-interface.js';
import { MemoryStore, createNetwork, createService, type ServiceRecord } from '../../../src/fleet/index.js';
import { isInterfaceName } from '../../../src/overlay/internal.js';
import { context, network, service } from './fixture.js';

async function made(name: string, more: Parameters<typeof service>[2] = {}): Promise<ServiceRecord> {
  const store = new MemoryStore();
  for (const one of ['web', 'db']) await createNetwork(store, network(one), context());
  return createService(store, service(name, ['web'], more), context());
}

const both = ['web', 'db'].map((one) => ({ network: one, aliases: [] }));
const task = (name: string, slot: number | string): { id: string; slot: number | string; node: string } => ({
  ...{ id: `${name}.${slot}.1a2b3c4d5e6f7g8h9i0j1k2l3`, slot, node: 'node1' },
});

test('in a network namespace of its own, the interfaces of a task are eth0 and on', async () => {
  const own = await made('api', { netns: '{{.Task.Name}}', networks: both });
  assert.equal(netnsOf(own, task('api', 2)), 'api.2');
  assert.deepEqual(
    [0, 1].map((index) => deviceOf(own, task('api', 2), index)),
    ['eth0', 'eth1'],
  );
  const everywhere = await made('api', { netns: 'probes', deploy: 'global' });
  assert.equal(deviceOf(everywhere, task('api', 'node1'), 0), 'eth0', 'a node has one task of a global service');
});

test('where several tasks share a namespace, an interface is called as its task', async () => {
  assert.equal(deviceOf(await made('api'), task('api', 2), 0), 'api.2');
  assert.equal(deviceOf(await made('api', { networks: both }), task('api', 2), 1), 'api.2-1');
  const shared = await made('api', { netns: 'servers' });
  assert.equal(netnsOf(shared, task('api', 2)), 'servers');
  assert.equal(deviceOf(shared, task('api', 2), 0), 'api.2');
});

test('a name that is too long for an interface gives way to the beginning of the id', async () => {
  const long = await made('a-service-with-a-long-name', { networks: both });
  const device = deviceOf(long, task('a-service-with-a-long-name', 1), 1);
  assert.equal(device, '1a2b3c4d5e6f-1');
  assert.ok(isInterfaceName(device));
});
