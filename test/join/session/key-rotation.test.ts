/** The swarm's keys and managers as they change during a session, and from one manager to the next. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import type { KeyRing } from '../../../src/overlay/index.js';
import { FakeManager } from '../fake-manager.js';
import { FakeSwarm } from '../fake-swarm.js';
import { Joining, stateDirectory } from '../joining.js';

async function swarmOf(t: TestContext, count: number): Promise<{ swarm: FakeSwarm; managers: FakeManager[] }> {
  const swarm = new FakeSwarm();
  const managers: FakeManager[] = [];
  for (let i = 0; i < count; i++) managers.push(await FakeManager.start(swarm));
  t.after(() => {
    for (const manager of [...swarm.managers]) manager.stop();
  });
  return { swarm, managers };
}

function tagsOf(ring: KeyRing | undefined): (number | undefined)[] {
  return [...(ring?.keys ?? []).map(({ tag }) => tag), ring?.transmit.tag];
}

test('through twelve rotations, the middle key is sent with, and it was received before', async (t) => {
  const { swarm, managers } = await swarmOf(t, 1);
  const joining = await Joining.start(t, managers[0]);
  for (let i = 1; i <= 12; i++) {
    const before = joining.node.keys().ipsec?.keys.map(({ tag }) => tag) ?? [];
    swarm.rotateKeys();
    await joining.until(() => joining.of('keys').length === i + 1, `rotation ${i}`);
    for (const ring of [joining.node.keys().ipsec, joining.node.keys().gossip]) {
      assert.equal(ring?.keys.length, 3);
      assert.equal(ring.transmit.tag, ring.keys[1]?.tag);
    }
    const tag = joining.node.keys().ipsec?.transmit.tag;
    assert.ok(tag !== undefined && before.includes(tag));
    const sent = swarm.keys.find(({ lamportTime }) => lamportTime === tag);
    assert.ok(joining.node.keys().ipsec?.transmit.use((bytes) => sent?.key.equals(bytes)));
  }
});

test('a rotation while no manager is connected is learned from the next one, and reported once', async (t) => {
  const { swarm, managers } = await swarmOf(t, 2);
  const joining = await Joining.start(t, managers[0]);
  await joining.until(() => joining.of('state').at(-1)?.state === 'connected', 'session');
  const connected = joining.of('state').at(-1)?.manager;
  const before = tagsOf(joining.node.keys().ipsec);
  const lost = managers.find(({ address }) => address === connected);
  lost?.stop();
  swarm.rotateKeys();
  const { keys } = await joining.event('keys', (event) => event.keys.ipsec?.transmit.tag !== before[3]);
  assert.deepEqual(tagsOf(keys.ipsec), [before[1], before[2], 1007, before[2]]);
  await joining.event('state', ({ state, manager }) => state === 'connected' && manager !== connected);
  swarm.push();
  swarm.push();
  await joining.event('managers', (event) => event.managers.length === 1);
  assert.equal(joining.of('keys').length, 2);
  assert.ok(swarm.managers.every(({ address }) => joining.node.managers.includes(address)));
});

test('a message without keys takes none away', async (t) => {
  const { swarm, managers } = await swarmOf(t, 1);
  const joining = await Joining.start(t, managers[0]);
  const { keys } = swarm;
  const before = tagsOf(joining.node.keys().gossip);
  swarm.keys = [];
  swarm.push();
  swarm.keys = keys.filter(({ subsystem }) => subsystem === 'networking:ipsec');
  swarm.push();
  swarm.keys = keys;
  swarm.rotateKeys();
  await joining.until(() => joining.of('keys').length > 1, 'rotation');
  assert.equal(joining.of('keys').length, 2);
  assert.deepEqual(tagsOf(joining.node.keys().gossip).slice(0, 2), before.slice(1, 3));
});

test('a swarm without keys is joined without any', async (t) => {
  const { swarm, managers } = await swarmOf(t, 1);
  const { keys } = swarm;
  swarm.keys = [];
  const joining = await Joining.start(t, managers[0]);
  assert.deepEqual(joining.node.keys(), { gossip: undefined, ipsec: undefined });
  assert.equal(joining.of('keys').length, 0);
  swarm.keys = keys;
  swarm.push();
  assert.equal((await joining.event('keys')).keys.ipsec?.transmit.tag, 1004);
});

test('keys of odd lengths end the session, and the keys from before stay', async (t) => {
  for (const length of [0, 1, 15, 17, 24, 32, 65_536]) {
    const { swarm, managers } = await swarmOf(t, 1);
    const joining = await Joining.start(t, managers[0], { stateDirectory: stateDirectory(t) });
    const { keys } = swarm;
    const before = tagsOf(joining.node.keys().ipsec);
    swarm.keys = keys.map((key, i) => (i === 4 ? { ...key, key: randomBytes(length) } : key));
    swarm.push();
    const { error } = await joining.event('state', (event) => event.error !== undefined);
    assert.equal(error?.code, 'BAD_ANSWER', String(length));
    assert.deepEqual(tagsOf(joining.node.keys().ipsec), before);
    swarm.keys = keys;
    await joining.until(() => joining.of('state').at(-1)?.state === 'connected', 'recovery');
    await joining.node.close();
  }
});

test('managers that join and leave are reported, and nonsense among them is ignored', async (t) => {
  const { swarm, managers } = await swarmOf(t, 1);
  const joining = await Joining.start(t, managers[0]);
  const second = await FakeManager.start(swarm);
  swarm.push();
  await joining.event('managers', (event) => event.managers.length === 2);
  swarm.furtherManagers = ['', 'x', '10.0.0.1:0', '10.0.0.1:2377; rm', '\u001b[2J:1'];
  swarm.push();
  second.stop();
  swarm.push();
  await joining.until(() => joining.of('managers').length === 3, 'the third list');
  assert.deepEqual(joining.node.managers, [managers[0].address]);
});
