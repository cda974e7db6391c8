/** The commands that write services to a store and show them, against a real nats-server and recordings of Docker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  NatsStore,
  recordKey,
  encodeRecord,
  readOverlay,
  TaskScheduler,
  type Store,
} from '../../../src/fleet/index.js';
import { addNode, context } from '../../fleet/control/fixture.js';
import { NatsServer } from '../../fleet/store/nats-server.js';
import { missing, ROOT } from '../../repository.js';
import { vtep } from '../run.js';

const skip = missing('nats-server');

/** What Docker printed. */
function docker(file: string): string {
  return readFileSync(join(ROOT, 'fixtures/docker/services', file), 'utf8');
}

/** A text without what differs from run to run. */
function masked(text: string): string {
  return text
    .replaceAll(/\b[0-9a-z]{25}\b/g, 'ID25')
    .replaceAll(/\b(?=[0-9a-z]*[0-9])(?=[0-9a-z]*[a-z])[0-9a-z]{12}\b/g, 'ID12')
    .replaceAll(/(Less than a second|\d+ seconds?) ago/g, 'N s ago')
    .replaceAll(/ {2,}/g, '  ');
}

/** A line per object. */
function objects(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The names of members, and of those in them; lists by their first element. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]);
}

/** Members of containers and updates, which a data plane has none of. */
const WITHOUT = ['ContainerSpec', 'Resources', 'RestartPolicy', 'Runtime', 'UpdateConfig', 'RollbackConfig'];

function withoutContainers(text: string): Record<string, unknown>[] {
  return JSON.parse(text, (name, value: unknown) => (WITHOUT.includes(name) ? undefined : value)) as Record<
    string,
    unknown
  >[];
}

/** Each node makes its interfaces. */
async function startAll(store: Store): Promise<void> {
  for (const { endpoints } of (await readOverlay(store)).networks.values()) {
    for (const record of endpoints.values()) {
      const one = { kind: 'endpoint', record: { ...record, running: true } } as const;
      await store.put(recordKey(one), encodeRecord(one));
    }
  }
}

describe('services of a store', { skip }, () => {
  let server: NatsServer;
  let store: NatsStore;
  const run = (...args: readonly string[]): ReturnType<typeof vtep> =>
    vtep([...args, '--store', `${server.address}/prod`]);
  const schedule = async (): Promise<void> => {
    await new TaskScheduler(store, { ...context(), now: Date.now, clock: () => 0 }).turn({ check: () => undefined });
    await startAll(store);
  };

  before(async () => {
    server = await NatsServer.start();
    store = await NatsStore.open(`${server.address}/prod`);
    await run('network', 'create', '--ingress', 'ingress');
    await run('network', 'create', '--attachable', 'web');
    await addNode(store, 'vm');
    // As in the recording.
    const attached = 'name=web,alias=backend';
    const made = [
      await run(
        ...'service create --detach --name api --label a=1 -p 8080:80 --replicas 2 --network'.split(' '),
        attached,
      ),
      await run(
        ...'service create --detach --name glob --mode global --network web --endpoint-mode dnsrr -p'.split(' '),
        'published=53,target=53,protocol=udp,mode=host',
      ),
      await run(
        ...'service create --detach --name zero --network web --replicas 0 -p 7000-7002:7000-7002 -p 9000:9000/udp'.split(
          ' ',
        ),
      ),
    ];
    for (const { status, stdout } of made) assert.deepEqual([status, masked(stdout)], [0, 'ID25\n']);
    await schedule();
  });
  after(async () => {
    await store.close();
    await server.close();
  });

  test('ls prints what docker service ls printed for the same services, with NETNS for IMAGE', async () => {
    const { stdout } = await run('service', 'ls');
    const theirs = docker('service-ls.txt').replace('IMAGE', 'NETNS').replaceAll('bb:1', '');
    assert.equal(masked(stdout), masked(theirs.replaceAll(/ +\n/g, '\n')));
    const lines = objects((await run('service', 'ls', '--format', 'json')).stdout);
    for (const [i, line] of objects(docker('service-ls.jsonl')).entries()) {
      assert.deepEqual(lines[i], { ...line, ID: lines[i]['ID'], Image: '', Netns: '' });
    }
  });

  test('ps prints what docker service ps printed for the same tasks', async () => {
    const { stdout } = await run('service', 'ps', 'api', 'glob');
    // Docker has the node's id in the name of a global task, and each port in host mode twice.
    const theirs = masked(docker('service-ps.txt').replace('IMAGE', 'NETNS').replaceAll('bb:1', ''))
      .replace('glob.ID25', 'glob.vm')
      .replace('*:53->53/udp,', '');
    assert.equal(masked(stdout), theirs.replaceAll(/ +\n/g, '\n'));
    const lines = objects((await run('service', 'ps', '--format', 'json', 'api')).stdout);
    const [line] = objects(docker('service-ps.jsonl'));
    const { ID, CurrentState } = lines[0];
    assert.deepEqual(lines[0], { ...line, ID, CurrentState, Image: '', Netns: '' });
    const whole = (await run('service', 'ps', '--quiet', '--no-trunc', 'api')).stdout;
    assert.equal(masked(whole), 'ID25\nID25\n');
  });

  test('inspect has the members of docker service inspect in their order, except those of containers', async () => {
    const { stdout } = await run('service', 'inspect', 'api', 'glob');
    const ours = withoutContainers(stdout);
    const theirs = withoutContainers(docker('service-inspect.json'));
    assert.deepEqual(shapeOf(ours), shapeOf(theirs));
    assert.deepEqual(shapeOf(ours[1]), shapeOf(theirs[1]));
    // That of the ingress network depends on when Docker's node took the address of its load balancer.
    const vipOf = (one: Record<string, unknown>): unknown =>
      (one['Endpoint'] as { VirtualIPs: { Addr: string }[] }).VirtualIPs[1].Addr;
    assert.equal(vipOf(ours[0]), vipOf(theirs[0]));
    assert.match(stdout, /^\[\n {4}\{\n {8}"ID"/);
  });

  test('node ls prints what docker node ls printed, with the VTEP address for the engine version', async () => {
    const { stdout } = await run('node', 'ls');
    const theirs = docker('node-ls.txt').split('\n')[0].replace('ENGINE VERSION', 'VTEP ADDRESS');
    const [head, line] = stdout.split('\n');
    assert.deepEqual(head.split(/ {2,}/), theirs.split(/ {2,}/));
    assert.deepEqual(line.split(/ {2,}/), ['vm', 'vm', 'Ready', 'Active', 'Reachable', '192.168.50.1']);
    const [ours] = objects((await run('node', 'ls', '--format', 'json')).stdout);
    const [docker1] = objects(docker('node-ls.jsonl'));
    for (const name of ['Availability', 'Hostname', 'Status']) assert.equal(ours[name], docker1[name]);
  });

  test('scale says what it did, and reports each operand by itself', async () => {
    assert.equal((await run('service', 'scale', 'zero=2', 'api=3')).stdout, 'zero scaled to 2\napi scaled to 3\n');
    await schedule();
    assert.match((await run('service', 'ls', '--filter', 'name=api')).stdout, / 3\/3 /);
    const mixed = await run('service', 'scale', 'glob=2', 'nope=1', 'api=x', 'zero=0');
    assert.equal(mixed.status, 2);
    assert.equal(mixed.stdout, 'zero scaled to 0\n');
    assert.match(mixed.stderr, /scale can only be used with replicated or replicated-job mode/);
    assert.match(mixed.stderr, /service nope not found/);
    assert.match(mixed.stderr, /api: invalid replicas value x/);
    const unspecific = await run('service', 'scale', 'api=1', 'zero');
    assert.deepEqual([unspecific.status, unspecific.stdout], [2, '']);
    assert.match(unspecific.stderr, /invalid scale specifier 'zero'/);
  });

  test('update prints the service, and changes its labels and tasks and the time of its update', async () => {
    const before_ = await store.get('services/zero');
    assert.deepEqual(await run('service', 'update', 'zero'), { status: 0, stdout: 'zero\n', stderr: '' });
    assert.equal((await store.get('services/zero'))?.revision, before_?.revision, 'nothing is written for nothing');
    const id = (await run('service', 'ls', '--quiet', '--filter', 'name=zero')).stdout.trim();
    const changes = '--label-add b=x=y --label-add c --label-add d=1 --label-rm d --label-rm nope --replicas 1 -d';
    const changed = await run('service', 'update', ...changes.split(' '), id);
    assert.deepEqual([changed.status, changed.stdout], [0, `${id}\n`]);
    type Inspected = {
      Spec: { Labels: Record<string, string>; Mode: unknown };
      CreatedAt: string;
      UpdatedAt: string;
    };
    const inspected = async (): Promise<Inspected> =>
      (JSON.parse((await run('service', 'inspect', 'zero')).stdout) as [Inspected])[0];
    const { Spec, CreatedAt, UpdatedAt } = await inspected();
    assert.deepEqual(Spec.Labels, { b: 'x=y', c: '' });
    assert.deepEqual(Spec.Mode, { Replicated: { Replicas: 1 } });
    assert.ok(Date.parse(UpdatedAt) > Date.parse(CreatedAt));
    await run('service', 'update', '--label-rm', 'b', '--label-rm', 'c', '--replicas', '0', 'zero');
    assert.deepEqual((await inspected()).Spec.Labels, {});
    const global = await run('service', 'update', '--replicas', '2', 'glob');
    assert.deepEqual([global.status, global.stdout], [2, '']);
    assert.match(global.stderr, /replicas can only be used with replicated or replicated-job mode/);
    assert.match((await run('service', 'update', 'nope')).stderr, /service nope not found/);
  });

  test('lists are filtered, and a filter that there is not is refused', async () => {
    const names = async (...args: readonly string[]): Promise<unknown[]> => {
      const { stdout } = await run(...args, '--format', 'json');
      return stdout === '' ? [] : objects(stdout).map(({ Name, Hostname }) => Name ?? Hostname);
    };
    assert.deepEqual(await names('service', 'ls', '--filter', 'mode=global', '--filter', 'mode=replicated'), [
      'api',
      'glob',
      'zero',
    ]);
    assert.deepEqual(await names('service', 'ls', '--filter', 'label=a'), ['api']);
    assert.deepEqual(await names('service', 'ls', '--filter', 'label=a=2'), []);
    assert.deepEqual(await names('service', 'ls', '--filter', 'label=a=1', '--filter', 'mode=global'), []);
    assert.deepEqual(await names('service', 'ps', '--filter', 'node=other', 'api'), []);
    assert.deepEqual(await names('node', 'ls', '--filter', 'name=v'), ['vm']);
    const { status, stderr } = await run('service', 'ls', '--filter', 'foo=bar');
    assert.deepEqual([status, stderr], [2, 'vtep: Invalid filter "foo"\n']);
  });

  test('what Docker refuses is refused in its words', async () => {
    const refused = async (args: string): Promise<string> => {
      const { status, stdout, stderr } = await run(...args.split(' '));
      assert.deepEqual([status, stdout], [2, ''], args);
      return stderr;
    };
    const create = (args: string): Promise<string> => refused(`service create ${args}`);
    assert.match(
      await create('--name api --network web'),
      /name conflicts with an existing object: service api already/,
    );
    assert.match(await create('--name g --mode global --replicas 3 --network web'), /replicas can only be used with/);
    assert.match(
      await create('--name d --endpoint-mode dnsrr --network web -p 99:99'),
      /can't be used with dnsrr mode/,
    );
    assert.match(await create('--name d --network nope'), /network nope not found/);
    assert.match(await create('--name d --network web -p abc'), /abc/);
    assert.match(await create('--name d --network web -p 8080:80'), /port '8080' is already in use by service/);
    assert.match(await create('--name d --network web --network name=web,port=1'), /name=NETWORK,alias=NAME/);
    assert.match(await refused('service ps nope'), /service nope not found/);
  });

  test('a slot that no node can take is pending, with the reason', async () => {
    const host = 'published=5353,target=53,protocol=udp,mode=host';
    await run('service', 'create', '--name', 'hosted', '--network', 'web', '--replicas', '2', '-p', host);
    await schedule();
    const { stdout } = await run('service', 'ps', '--no-trunc', 'hosted');
    assert.match(stdout, / hosted\.1 +vm +Running +Running .* ago +\*:5353->53\/udp\n/);
    assert.match(
      stdout,
      /^- +hosted\.2 +Running +Pending +"no suitable node \(host-mode port already in use on 1 node\)"$/m,
    );
    assert.match((await run('service', 'ps', 'hosted')).stdout, /"no suitable node \(host-mode p…"$/m);
  });

  test('rm prints the names of what it removed, and frees everything', async () => {
    const { status, stdout, stderr } = await run('service', 'rm', 'nope', 'api', 'glob', 'zero', 'hosted');
    assert.deepEqual([status, stdout, stderr], [2, 'api\nglob\nzero\nhosted\n', 'vtep: service nope not found\n']);
    assert.equal((await run('network', 'rm', 'web', 'ingress')).status, 0);
    assert.equal((await run('service', 'inspect', 'api')).stdout, '[]\n');
  });
});
