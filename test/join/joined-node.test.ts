import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { begin, send } from './fake-answers.js';
import { FakeManager } from './fake-manager.js';
import { FakeSwarm } from './fake-swarm.js';
import { Joining, stateDirectory } from './joining.js';

async function swarmOf(t: TestContext, count = 1): Promise<{ swarm: FakeSwarm; managers: FakeManager[] }> {
  const swarm = new FakeSwarm();
  const managers: FakeManager[] = [];
  for (let i = 0; i < count; i++) managers.push(await FakeManager.start(swarm));
  t.after(() => {
    for (const manager of [...swarm.managers]) manager.stop();
  });
  return { swarm, managers };
}

test('a first join gets a certificate, the keys, the managers and the attachments', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const attachments = [{ network: 'web' }, { network: 'web', address: '10.77.0.50' }];
  const joining = await Joining.start(t, managers[0], { attachments });
  const { node } = await joining.event('node');
  assert.equal(node.nodeId, [...swarm.nodes.keys()][0]);
  assert.equal(node.clusterId, swarm.clusterId);
  assert.deepEqual([node.address, node.vxlanPort, node.availability], ['127.0.0.1', 4789, 'active']);
  const { keys } = await joining.event('keys');
  assert.deepEqual(
    keys.gossip?.keys.map(({ tag }) => tag),
    [1000, 1001, 1002],
  );
  assert.equal(keys.ipsec?.transmit.tag, 1004);
  assert.ok(keys.ipsec.transmit.use((bytes) => swarm.keys[4].key.equals(bytes)));
  assert.deepEqual((await joining.event('managers')).managers, [managers[0].address]);
  const fixed = await joining.event('attached', ({ attachment }) => attachment.request.address !== undefined);
  assert.equal(fixed.attachment.address, '10.77.0.50/24');
  assert.equal(Buffer.from(fixed.attachment.mac).toString('hex'), '02420a4d0032');
  assert.deepEqual(fixed.attachment.subnets, [{ subnet: '10.77.0.0/24', gateway: '10.77.0.1', vni: 4097 }]);
  assert.deepEqual(
    [fixed.attachment.mtu, fixed.attachment.encrypted, fixed.attachment.networkName],
    [1450, false, 'web'],
  );
  await joining.until(() => swarm.reports.filter((report) => report.endsWith(' 512')).length === 2, 'two reports');
  assert.equal(joining.node.attachments.length, 2);
});

test('MTU and encryption follow the driver options', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  swarm.addNetwork('secret', { options: { encrypted: '', 'com.docker.network.driver.mtu': '1300' } });
  const joining = await Joining.start(t, managers[0], { attachments: [{ network: 'secret' }] });
  const { attachment } = await joining.event('attached');
  assert.deepEqual([attachment.encrypted, attachment.mtu], [true, 1300 - 50 - 26]);
});

test("load balancers' addresses are reported as they come and go with attachments, and that of ingress always", async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const ingress = swarm.addIngress();
  const web = swarm.networks.get('web');
  const joining = await Joining.start(t, managers[0]);
  const { balancers: first } = await joining.event('balancers');
  assert.deepEqual(
    first.map(({ networkId, networkName, address, vni, ingress: flag, dsr }) => [
      [networkId, networkName, address, vni],
      [flag, dsr],
    ]),
    [
      [
        [ingress.id, 'ingress', '10.78.0.2/24', 4098],
        [true, false],
      ],
    ],
  );
  joining.node.attach({ network: 'web' });
  await joining.event('balancers', ({ balancers }) => balancers.some(({ networkId }) => networkId === web?.id));
  assert.equal(joining.node.balancers.find(({ networkId }) => networkId === web?.id)?.ingress, false);
  await joining.event('attached');
  swarm.push();
  swarm.push();
  await joining.node.detach({ network: 'web' });
  await joining.until(() => joining.node.balancers.length === 1, 'only ingress');
  assert.equal(joining.of('balancers').length, 3);
});

test("a load balancer's network that makes no sense is skipped, with one warning", async (t) => {
  const { swarm, managers } = await swarmOf(t);
  swarm.addIngress();
  swarm.addNetwork('broken', { ingress: true, options: { 'com.docker.network.driver.overlay.vxlanid_list': 'x' } });
  const joining = await Joining.start(t, managers[0]);
  const { error } = await joining.event('warning');
  assert.equal(error.code, 'BAD_ANSWER');
  assert.match(error.message, /^network "broken": /);
  swarm.push();
  swarm.rotateKeys();
  await joining.until(() => joining.of('keys').length === 2, 'rotation');
  assert.equal(joining.of('warning').length, 1);
  assert.deepEqual(
    joining.node.balancers.map(({ networkName }) => networkName),
    ['ingress'],
  );
});

test('a node that comes back has its identity, and gets its attachments back', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const attachments = [{ network: 'web' }];
  const first = await Joining.start(t, managers[0], { stateDirectory: directory, attachments });
  const before = (await first.event('attached')).attachment;
  assert.equal(await first.node.close({ detach: false }), 1);
  assert.equal(swarm.tasks.size, 1);
  const second = new Joining(t, { stateDirectory: directory, attachments });
  await second.node.start();
  assert.equal(second.node.nodeId, first.node.nodeId);
  const after = (await second.event('attached')).attachment;
  assert.deepEqual([after.taskId, after.address], [before.taskId, before.address]);
  assert.equal(managers[0].calls.get('AttachNetwork'), 1);
  assert.equal(managers[0].calls.get('IssueNodeCertificate'), 1);
});

test('attachments of an earlier run that are not wanted any more are given back', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const first = await Joining.start(t, managers[0], { stateDirectory: directory, attachments: [{ network: 'web' }] });
  await first.event('attached');
  await first.node.close({ detach: false });
  const second = await Joining.start(t, managers[0], { stateDirectory: directory });
  await second.until(() => swarm.tasks.size === 0, 'detached task');
});

test('closing gives the attachments and their addresses back', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0], { attachments: [{ network: 'web' }] });
  await joining.event('attached');
  assert.equal(await joining.node.close(), 0);
  assert.equal(swarm.tasks.size, 0);
  assert.equal(joining.of('detached').length, 1);
  assert.equal(swarm.networks.get('web')?.taken.size, 0);
});

test('networks can be attached and detached while the node runs', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0]);
  joining.node.attach({ network: 'web' });
  await joining.event('attached');
  await joining.node.detach({ network: 'web' });
  assert.equal(swarm.tasks.size, 0);
  assert.equal(joining.of('detached').length, 1);
});

test('the identity is stored with mode 0600 in a locked directory', async (t) => {
  const { managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const joining = await Joining.start(t, managers[0], { stateDirectory: directory });
  assert.equal(statSync(join(directory, 'identity.json')).mode & 0o777, 0o600);
  await assert.rejects(Joining.start(t, managers[0], { stateDirectory: directory }), { code: 'IDENTITY_IN_USE' });
  await joining.node.close();
  assert.deepEqual(readdirSync(directory), ['identity.json']);
});

test('two processes with copies of one identity: one gives way and says why', async (t) => {
  const { managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const first = await Joining.start(t, managers[0], { stateDirectory: directory });
  const other = stateDirectory(t);
  writeFileSync(join(other, 'identity.json'), readFileSync(join(directory, 'identity.json')), { mode: 0o600 });
  const second = new Joining(t, { stateDirectory: other });
  await second.node.start();
  const ended = (joining: Joining): boolean => joining.of('state').some(({ state }) => state === 'ended');
  await first.until(() => ended(first) || ended(second), 'end of one of them');
  const [lost, survivor] = ended(first) ? [first, second] : [second, first];
  assert.equal(lost.of('state').at(-1)?.error?.code, 'IDENTITY_IN_USE');
  await survivor.until(() => survivor.of('state').at(-1)?.state === 'connected', 'surviving session');
});

test('keys are reported again after each rotation, and only then', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0]);
  swarm.push();
  swarm.rotateKeys();
  const { keys } = await joining.event('keys', (event) => event.keys.ipsec?.keys.at(-1)?.tag === 1007);
  assert.deepEqual(
    keys.gossip?.keys.map(({ tag }) => tag),
    [1001, 1002, 1006],
  );
  assert.deepEqual(
    keys.ipsec?.keys.map(({ tag }) => tag),
    [1004, 1005, 1007],
  );
  assert.equal(joining.of('keys').length, 2);
  const copy = joining.node.keys();
  copy.ipsec?.wipe();
  assert.equal(joining.node.keys().ipsec?.transmit.tag, 1005);
});

test('a certificate is renewed in time, with the same node id and without losing the session', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  // Back-dated by an hour, as all certificates: at 100 % of its validity minus a second it is due at once.
  swarm.validityMs = 60_000;
  const joining = await Joining.start(t, managers[0], { stateDirectory: directory, attachments: [{ network: 'web' }] });
  swarm.validityMs = 90 * 24 * 3_600_000;
  const { expires } = await joining.event('certificate');
  assert.ok(expires > Date.now() + 80 * 24 * 3_600_000);
  await joining.until(() => managers[0].calls.get('Session') === 2, 'second session');
  assert.equal(swarm.nodes.size, 1);
  await joining.event('attached');
  assert.ok(joining.of('state').every(({ error }) => error === undefined));
  await joining.node.close();
  const again = new Joining(t, { stateDirectory: directory });
  await again.node.start();
  assert.equal(again.of('node')[0].node.certificateExpires, expires);
});

test("a manager's certificate is refused after a promotion, and the old one stays in use", async (t) => {
  const { swarm, managers } = await swarmOf(t);
  swarm.validityMs = 60_000;
  swarm.role = 'swarm-worker';
  const starting = Joining.start(t, managers[0]);
  const joining = await starting;
  swarm.role = 'swarm-manager';
  const { error } = await joining.event('warning');
  assert.equal(error.code, 'PROMOTED');
  assert.equal(joining.of('certificate').length, 0);
  // Demoted, the next attempt succeeds.
  swarm.role = 'swarm-worker';
  await joining.event('certificate');
});

test('a promotion is reported at once, and no certificate is requested while it lasts', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0]);
  const [node] = swarm.nodes.values();
  node.desiredRole = 1;
  node.rotate = true;
  swarm.push();
  assert.equal((await joining.event('warning')).error.code, 'PROMOTED');
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(managers[0].calls.get('IssueNodeCertificate'), 1);
  node.desiredRole = 0;
  swarm.push();
  await joining.event('certificate');
});

test('a rotation of the root CA is followed to its end', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const joining = await Joining.start(t, managers[0], { stateDirectory: directory });
  const node = [...swarm.nodes.values()][0];
  swarm.rotateRoot();
  await joining.event('certificate', ({ renewed }) => renewed === 'certificate');
  await joining.event('certificate', ({ renewed }) => renewed === 'root');
  await joining.until(() => Buffer.from(node.trustRoot).equals(Buffer.from(swarm.ca.pem)), 'report of the new root');
  await joining.node.close();
  const stored = JSON.parse(readFileSync(join(directory, 'identity.json'), 'utf8')) as { root: string };
  assert.equal(stored.root, swarm.ca.pem);
});

test('a lost manager is replaced by another that the swarm named', async (t) => {
  const { swarm, managers } = await swarmOf(t, 2);
  const joining = await Joining.start(t, managers[0], { attachments: [{ network: 'web' }] });
  await joining.event('attached');
  const connected = joining.of('state').find(({ state }) => state === 'connected')?.manager;
  const lost = managers.find(({ address }) => address === connected);
  const other = managers.find((manager) => manager !== lost);
  lost?.stop();
  await joining.event('state', ({ state, manager }) => state === 'connected' && manager === other?.address);
  assert.equal(swarm.nodes.size, 1);
  assert.equal(joining.of('detached').length, 1 - 1);
  assert.equal(joining.node.attachments.length, 1);
});

test('a given manager that refuses connections is skipped at the first join', async (t) => {
  const { managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0], { managers: ['127.0.0.1:1', managers[0].address] });
  assert.ok(joining.node.nodeId);
});

test('tasks of services are rejected once each, and each service is reported once', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0]);
  await joining.until(() => managers[0].calls.get('Assignments') === 1, 'assignments');
  const nodeId = joining.node.nodeId ?? '';
  const task = { nodeId, containerId: undefined, serviceId: 'svc', network: undefined, address: '', state: 192 };
  swarm.assign({ ...task, id: 'one' });
  swarm.assign({ ...task, id: 'two' });
  await joining.until(() => swarm.reports.length === 2, 'two reports');
  assert.deepEqual(swarm.reports, ['one 768', 'two 768']);
  assert.deepEqual(joining.of('task-rejected'), [{ kind: 'task-rejected', serviceId: 'svc', service: 'name of svc' }]);
});

test('an attachment that the swarm takes away is reported, and requested again', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0], { attachments: [{ network: 'web' }] });
  await joining.event('attached');
  const [task] = swarm.tasks.values();
  swarm.remove(task);
  await joining.event('detached');
  await joining.until(() => joining.of('attached').length === 2, 'second attachment');
});

test('a gap in the assignments opens their stream again', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0], { attachments: [{ network: 'web' }] });
  await joining.event('attached');
  const [node] = swarm.nodes.values();
  const [task] = swarm.tasks.values();
  node.sequence = 17;
  swarm.change(task, 1);
  await joining.until(() => managers[0].calls.get('Assignments') === 2, 'second stream');
  await joining.until(() => joining.node.attachments.length === 1, 'attachment');
  assert.equal(joining.of('detached').length, 0);
});

test('why a network is not attached is told apart', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  swarm.addNetwork('closed', { attachable: false });
  swarm.networks.get('web')?.taken.add('10.77.0.9/24');
  const requests = [{ network: 'none' }, { network: 'closed' }, { network: 'web', address: '10.77.0.9' }];
  const joining = await Joining.start(t, managers[0], { attachments: requests });
  const codes = await Promise.all(
    requests.map(async (request) => {
      const { error } = await joining.event('attach-failed', (event) => event.request.network === request.network);
      return error.code;
    }),
  );
  assert.deepEqual(codes, ['NETWORK_NOT_FOUND', 'NETWORK_NOT_ATTACHABLE', 'ADDRESS_TAKEN']);
  // Once the reason is gone, the network is attached.
  swarm.networks.get('web')?.taken.clear();
  await joining.event('attached', ({ attachment }) => attachment.address === '10.77.0.9/24');
});

test('a drained node says so, and is attached as soon as it is active', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0], { availability: 'drain', attachments: [{ network: 'web' }] });
  assert.equal((await joining.event('node')).node.availability, 'drain');
  assert.equal((await joining.event('attach-failed')).error.code, 'NODE_NOT_ACTIVE');
  const [node] = swarm.nodes.values();
  swarm.activate(node);
  await joining.event('node', (event) => event.node.availability === 'active');
  await joining.event('attached');
  assert.equal(managers[0].calls.get('AttachNetwork'), 1);
});

test('a removed node ends with the reason, and so does its next start', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const joining = await Joining.start(t, managers[0], { stateDirectory: directory });
  swarm.removed.add(joining.node.nodeId ?? '');
  const { error } = await joining.event('state', ({ state }) => state === 'ended');
  assert.equal(error?.code, 'REMOVED_FROM_SWARM');
  assert.match(error.message, /this node was removed from the swarm/);
  await joining.node.close();
  await assert.rejects(Joining.start(t, managers[0], { stateDirectory: directory }), { code: 'REMOVED_FROM_SWARM' });
});

test('neither the token nor a key is in any event, error or printed node', async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const joining = await Joining.start(t, managers[0], {
    stateDirectory: directory,
    attachments: [{ network: 'none' }],
  });
  await joining.event('attach-failed');
  const { key: keyPem } = JSON.parse(readFileSync(join(directory, 'identity.json'), 'utf8')) as { key: string };
  const printed =
    inspect([joining.node, joining.events], { depth: 12, showHidden: true }) + JSON.stringify(joining.events);
  const secrets = [swarm.secret, keyPem.split('\n')[1], ...swarm.keys.map(({ key }) => key.toString('hex'))];
  for (const secret of secrets) assert.ok(!printed.includes(secret));
  for (const { key } of swarm.keys) assert.ok(!printed.includes(inspect(new Uint8Array(key)).slice(16, 48)));
});

test('a start that waits for a manager can be ended by closing the node', async (t) => {
  const { managers } = await swarmOf(t);
  const directory = stateDirectory(t);
  const first = await Joining.start(t, managers[0], { stateDirectory: directory });
  await first.node.close();
  managers[0].stop();
  const second = new Joining(t, { stateDirectory: directory });
  const started = assert.rejects(second.node.start(), { code: 'CLOSED' });
  const { error } = await second.event('state', (event) => event.error !== undefined);
  assert.equal(error?.code, 'CONNECTION_REFUSED');
  await second.node.close();
  await started;
});

test('closing while a session is being opened ends that one, too', { timeout: 10_000 }, async (t) => {
  const { swarm, managers } = await swarmOf(t);
  const joining = await Joining.start(t, managers[0]);
  const [node] = swarm.nodes.values();
  managers[0].overrides.set('Session', (stream) => {
    setTimeout(() => {
      begin(stream);
      send(stream, swarm.sessionMessage(node));
    }, 300);
  });
  for (const stream of node.sessions) stream.session?.destroy();
  await joining.until(() => managers[0].calls.get('Session') === 2, 'second session');
  await joining.node.close();
  assert.notEqual(joining.of('state').at(-1)?.state, 'connected');
});
