/** Attachments of nodes that are drained or paused, and requests that outlive the process. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import type { JoinedNodeOptions } from '../../../src/join/index.js';
import type { FakeManager } from '../fake-manager.js';
import { Joining, managerOf, stateDirectory } from '../joining.js';

const FIXED = { network: 'web', address: '10.77.0.50' };
const OTHER = { network: 'web', address: '10.77.0.60' };

function drained(t: TestContext, manager: FakeManager, options: Partial<JoinedNodeOptions>): Promise<Joining> {
  return Joining.start(t, manager, { availability: 'drain', ...options });
}

test('a drained node is attached to a network once its address is reserved there', async (t) => {
  const manager = await managerOf(t);
  const { swarm } = manager;
  const joining = await drained(t, manager, { attachments: [FIXED] });
  const { attachment } = await joining.event('attached');
  assert.deepEqual(
    [attachment.reserved, attachment.address, attachment.vni, attachment.networkName],
    [true, '10.77.0.50/24', 4097, 'web'],
  );
  assert.equal(joining.of('balancers').at(-1)?.balancers[0]?.networkId, attachment.networkId);
  assert.deepEqual(swarm.reports, []);
  // Active, the task is assigned: the same endpoint.
  const [node] = swarm.nodes.values();
  swarm.activate(node);
  await joining.until(() => !joining.node.attachments[0].reserved, 'assignment');
  await joining.until(() => swarm.reports.length === 1, 'report');
  assert.equal(joining.of('attached').length, 1);
  assert.equal(joining.of('detached').length, 0);
  assert.equal(await joining.node.close(), 0);
  assert.equal(swarm.tasks.size, 0);
});

test('closing gives a reserved address back', async (t) => {
  const manager = await managerOf(t);
  const directory = stateDirectory(t);
  const joining = await drained(t, manager, { stateDirectory: directory, attachments: [FIXED] });
  await joining.event('attached');
  assert.equal(await joining.node.close(), 0);
  assert.equal(manager.swarm.pending.length, 0);
  assert.equal(joining.of('detached').length, 1);
  assert.deepEqual(readdirSync(directory), ['identity.json']);
});

test('a taken address is not reported as reserved', async (t) => {
  const manager = await managerOf(t);
  manager.swarm.networks.get('web')?.taken.add('10.77.0.50/24');
  const joining = await drained(t, manager, { attachments: [FIXED] });
  assert.equal((await joining.event('attach-failed')).error.code, 'ADDRESS_TAKEN');
  assert.equal(joining.of('attached').length, 0);
});

test('of two addresses on one network only the first can be told to be reserved', async (t) => {
  const manager = await managerOf(t);
  const joining = await drained(t, manager, { attachments: [FIXED, OTHER] });
  const { attachment } = await joining.event('attached');
  assert.equal(attachment.address, '10.77.0.50/24');
  const { error, request } = await joining.event('attach-failed');
  assert.deepEqual([error.code, request], ['NODE_NOT_ACTIVE', OTHER]);
  const [node] = manager.swarm.nodes.values();
  manager.swarm.activate(node);
  await joining.until(() => joining.node.attachments.length === 2, 'both');
});

test('a network that goes away takes a reserved address with it', async (t) => {
  const manager = await managerOf(t);
  const joining = await drained(t, manager, { attachments: [FIXED] });
  await joining.event('attached');
  manager.swarm.pending.splice(0);
  manager.swarm.networks.get('web')?.taken.clear();
  manager.swarm.push();
  await joining.event('detached');
  await joining.until(() => joining.of('attached').length === 2, 'second request');
});

test('a request that waits when the process is killed is continued by the next one', async (t) => {
  const manager = await managerOf(t);
  const { swarm } = manager;
  const directory = stateDirectory(t);
  swarm.addNetwork('net1', {});
  const attachments = [{ network: 'web' }, { network: 'net1', address: '10.78.0.50' }];
  const options = { stateDirectory: directory, attachments };
  const first = await drained(t, manager, options);
  const before = (await first.event('attached')).attachment;
  await first.event('attach-failed');
  assert.equal(swarm.pending.length, 2);
  await first.node.close({ detach: false });
  const second = await drained(t, manager, options);
  const after = (await second.event('attached')).attachment;
  assert.deepEqual([after.taskId, after.address, after.reserved], [before.taskId, '10.78.0.50/24', true]);
  await second.event('attach-failed');
  const [node] = swarm.nodes.values();
  swarm.activate(node);
  await second.until(() => second.node.attachments.length === 2, 'both');
  assert.equal(manager.calls.get('AttachNetwork'), 2);
});

test('a waiting request of an earlier run that is not wanted any more is withdrawn', async (t) => {
  const manager = await managerOf(t);
  const { swarm } = manager;
  const directory = stateDirectory(t);
  const first = await drained(t, manager, { stateDirectory: directory, attachments: [FIXED] });
  await first.event('attached');
  await first.node.close({ detach: false });
  const second = await drained(t, manager, { stateDirectory: directory, attachments: [OTHER] });
  await second.until(() => !swarm.pending.some(({ address }) => address === '10.77.0.50/24'), 'withdrawal');
  await second.until(() => swarm.pending.length === 1, 'own request');
  await second.node.close();
  assert.deepEqual(readdirSync(directory), ['identity.json']);
});

test('a request of an earlier run that the swarm lost is made again', async (t) => {
  const manager = await managerOf(t);
  const { swarm } = manager;
  const directory = stateDirectory(t);
  const first = await drained(t, manager, { stateDirectory: directory, attachments: [FIXED] });
  await first.event('attached');
  await first.node.close({ detach: false });
  swarm.pending.splice(0);
  swarm.networks.get('web')?.taken.clear();
  const [node] = swarm.nodes.values();
  node.availability = 0;
  const second = await drained(t, manager, { stateDirectory: directory, attachments: [FIXED] });
  const { attachment } = await second.event('attached');
  assert.deepEqual([attachment.address, attachment.reserved], ['10.77.0.50/24', false]);
  assert.equal(second.of('attach-failed').length, 0);
});

test('a request that is answered while the node closes is withdrawn', async (t) => {
  const manager = await managerOf(t);
  const joining = await Joining.start(t, manager);
  const { swarm } = manager;
  manager.overrides.set('AttachNetwork', (stream, request, peer) => {
    setTimeout(() => manager.proper('AttachNetwork')(stream, request, peer), 200);
  });
  joining.node.attach({ network: 'web' });
  await joining.until(() => manager.calls.get('AttachNetwork') === 1, 'request');
  assert.equal(await joining.node.close(), 0);
  assert.equal(manager.calls.get('DetachNetwork'), 1);
  assert.deepEqual([swarm.tasks.size, swarm.pending.length], [0, 0]);
});
