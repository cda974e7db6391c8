/** The commands that write networks and endpoints to a store, against a real nats-server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NatsStore } from '../../../src/fleet/index.js';
import { addNode } from '../../fleet/control/fixture.js';
import { NatsServer } from '../../fleet/store/nats-server.js';
import { missing, ROOT } from '../../repository.js';
import { vtep } from '../run.js';

const skip = missing('nats-server');

/** Names of an object's fields in their order, and those of the objects in it. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.entries(value).map(([name, inner]) => [name, typeof inner === 'object' ? 'object' : typeof inner]);
}

describe('networks and endpoints of a store', { skip }, () => {
  let server: NatsServer;
  const run = (...args: readonly string[]): ReturnType<typeof vtep> =>
    vtep([...args, '--store', `${server.address}/prod`]);

  before(async () => {
    server = await NatsServer.start();
  });
  after(() => server.close());

  test('a network and its endpoints are created, listed, inspected and removed, in the words of Docker', async () => {
    const created = await run('network', 'create', '--attachable', '--opt', 'encrypted', 'web');
    assert.match(created.stdout, /^[0-9a-z]{25}\n$/);
    const again = await run('network', 'create', 'web');
    assert.deepEqual([again.status, again.stderr], [2, 'vtep: network with name web already exists\n']);
    assert.match(
      (await run('network', 'ls')).stdout,
      /^NETWORK ID +NAME +DRIVER +SCOPE\n[0-9a-z]{12} {3}web +overlay +swarm\n$/,
    );

    assert.match((await run('network', 'ls', '--filter', 'name=we', '--quiet')).stdout, /^[0-9a-z]{12}\n$/);
    assert.equal((await run('network', 'ls', '--filter', 'label=a', '--quiet')).stdout, '');

    const store = await NatsStore.open(`${server.address}/prod`);
    await addNode(store, 'node1');
    await store.close();
    assert.equal((await run('endpoint', 'create', '--network', 'web', '--node', 'node1', 'probe')).status, 0);
    const taken = await run('endpoint', 'create', '--network', 'web', '--node', 'node2', '--ip', '10.0.0.2', 'c1');
    assert.equal(taken.status, 2);
    assert.match(taken.stderr, /Address already in use/);
    const listed = JSON.parse((await run('endpoint', 'ls', '--format', 'json')).stdout) as Record<string, unknown>;
    assert.deepEqual([listed['name'], listed['ip'], listed['mac']], ['probe', '10.0.0.2', '02:42:0a:00:00:02']);

    const inspected = JSON.parse((await run('network', 'inspect', 'web')).stdout) as object[];
    const docker = JSON.parse(readFileSync(join(ROOT, 'fixtures/docker/node1.network-inspect.json'), 'utf8')) as Record<
      string,
      unknown
    >[];
    const theirs = docker.find(({ Name }) => Name === 'my-network') ?? {};
    assert.deepEqual(shapeOf(inspected[0]), shapeOf(theirs));
    const [peer] = (inspected[0] as { Peers: object[] }).Peers;
    assert.deepEqual(peer, { Name: 'node1', IP: '192.168.50.1' });
    const verbose = JSON.parse((await run('network', 'inspect', '--verbose', 'web')).stdout) as object[];
    assert.deepEqual(Object.keys(verbose[0]), [...Object.keys(theirs), 'Services']);

    const inUse = await run('network', 'rm', 'web');
    assert.equal(inUse.status, 2);
    assert.match(inUse.stderr, /network web has active endpoints/);
    assert.equal((await run('endpoint', 'rm', '--network', 'web', 'probe')).stdout, 'probe\n');
    assert.equal((await run('network', 'rm', 'web')).stdout, 'web\n');
    assert.equal((await run('network', 'inspect', 'web')).status, 2);
  });

  test('a command that needs something in the store makes no store for a mistyped overlay', async () => {
    for (const words of [
      ['network', 'ls'],
      ['service', 'ls'],
      ['endpoint', 'ls'],
      ['node', 'ls'],
    ]) {
      const { status, stderr } = await vtep([...words, '--store', `${server.address}/prodd`]);
      assert.equal(status, 2);
      assert.equal(stderr, 'vtep: the server has no overlay prodd; vtep network create makes one\n');
    }
  });

  test('a command without a store says how to name one', async () => {
    const { status, stderr } = await vtep(['network', 'ls']);
    assert.equal(status, 2);
    assert.match(stderr, /--store nats:/);
  });
});
