/** Two nodes with `vtep join`, and a manager that gives them addresses and keys: in network namespaces. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MAIN, scratch } from '../run.js';
import type { FakeManager } from '../../join/fake-manager.js';
import { FakeSwarm } from '../../join/fake-swarm.js';
import { NamespaceBench } from '../../live/namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { PacketCapture } from '../../live/namespaces/packet-capture.js';
import { ping } from '../../live/namespaces/ping.js';
import { requirements } from '../../live/namespaces/requirements.js';
import { RunningPing } from '../../live/namespaces/running-ping.js';
import { eventually } from '../../swarm/docker/eventually.js';
import { underlay, UNDERLAY_DEVICE, type UnderlayNode } from '../../live/namespaces/underlay.js';
import { JoinedProcess, managerIn } from './joined-process.js';

const skip = requirements();
const folder = scratch();
const ENCRYPTED = { encrypted: '' };
/** Pings between two events. */
const SOME = 50;

/** Sections of a status document. */
type Status = Record<string, { rows: Record<string, unknown>[] }>;

/** The number of packets of a capture that match a tcpdump filter. */
function matching(file: string, filter: string): number {
  const { status, stdout, stderr } = spawnSync('tcpdump', ['-n', '-r', file, filter], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').length - 1;
}

describe('two nodes with vtep join, and an encrypted network', { skip }, () => {
  const swarm = new FakeSwarm();
  const secure = swarm.addNetwork('secure', { options: ENCRYPTED });
  let bench: NamespaceBench;
  let manager: FakeManager;
  let nodes: readonly [UnderlayNode, UnderlayNode];
  let ups: readonly [JoinedProcess, JoinedProcess];
  let c1: NetworkNamespace;
  let c2: NetworkNamespace;

  // Not with `call`, which would stop the manager: it runs in this process, and sessions end without its answers.
  const output = async (i: 0 | 1, words: readonly string[]): Promise<string> =>
    (await nodes[i].namespace.start(words).end()).stdout;
  const statusOf = async (i: 0 | 1, ...sections: string[]): Promise<Status> => {
    const words = [process.execPath, MAIN, 'status', '--json'];
    return JSON.parse(await output(i, [...words, '--socket', join(folder, `status-${i}`), ...sections])) as Status;
  };
  const tokenFile = join(folder, 'token');

  before(async () => {
    bench = new NamespaceBench();
    nodes = underlay(bench, { offloads: false });
    [c1, c2] = [bench.namespace('c1'), bench.namespace('c2')];
    manager = await managerIn(swarm, nodes[0].namespace, nodes[0].ipv4);
    writeFileSync(tokenFile, swarm.token);
    ups = [c1, c2].map((container, i) => {
      return new JoinedProcess(nodes[i as 0 | 1].namespace, [
        ...[nodes[0].ipv4, '--token-file', tokenFile, '--state', join(folder, `state-${i}`), '--name', `probe-${i}`],
        ...['--attach', 'secure', '--device', 'eth0', '--netns', container.name],
        ...['--status', join(folder, `status-${i}`), '--metrics', '9100'],
      ]);
    }) as [JoinedProcess, JoinedProcess];
    await ups[0].start();
    await ups[1].start();
  });
  after(() => {
    bench.close();
    manager.stop();
  });

  test('the interfaces have the addresses that the manager gave, and the MTU of an encrypted network', () => {
    for (const [i, container] of [c1, c2].entries()) {
      const [, address = ''] = /inet (\S+) /.exec(container.ip('address show dev eth0')) ?? [];
      assert.ok(secure.taken.has(address), `${address} on ${i}`);
      assert.match(container.ip('link show dev eth0'), / mtu 1424 /);
    }
  });

  test('pings are answered both ways once gossip has told of the peers, and only ESP is on the wire', async () => {
    const file = join(folder, 'wire.pcap');
    const capture = await PacketCapture.start(nodes[1].namespace, UNDERLAY_DEVICE, file, 'ip');
    await reachable(c1, addressIn(c2));
    assert.equal((await ping(c1, addressIn(c2))).lost, 0);
    assert.equal((await ping(c2, addressIn(c1))).lost, 0);
    await capture.stop();
    assert.ok(matching(file, 'ip proto 50') >= 20);
    assert.equal(matching(file, 'udp port 4789'), 0);
  });

  test('status has the node, its attachments, its peer and its keys, and no key', async () => {
    const document = await eventually(
      () => statusOf(0, 'swarm', 'attachments', 'peers', 'keys'),
      (now) => (now['swarm'] as unknown as { state: string }).state === 'connected',
      'connected to the manager',
    );
    const { swarm: own, attachments, peers, keys } = document;
    assert.equal((own as unknown as { nodeId: string }).nodeId, [...swarm.nodes.keys()][0]);
    assert.deepEqual(
      attachments.rows.map(({ network, state, mtu, encrypted }) => [network, state, mtu, encrypted]),
      [['secure', 'attached', 1424, true]],
    );
    assert.ok(
      peers.rows.some(
        ({ address, state, endpoints }) => address === nodes[1].ipv4 && state === 'alive' && endpoints === 2,
      ),
    );
    assert.deepEqual(
      keys.rows.map(({ use, tag, transmit }) => [use, tag, transmit]),
      swarm.keys.map(({ subsystem, lamportTime }, i) => [
        subsystem === 'networking:gossip' ? 'gossip' : 'ipsec',
        lamportTime,
        i % 3 === 1,
      ]),
    );
    const text = JSON.stringify(document);
    for (const { key } of swarm.keys) assert.ok(!text.includes(key.toString('hex')));
  });

  test('metrics have the swarm', async () => {
    const page = await eventually(
      () => output(0, ['curl', '-s', 'http://127.0.0.1:9100/metrics']),
      (now) => /^vtep_swarm_connected 1$/m.test(now),
      'a metric of the connection',
    );
    assert.match(page, /^vtep_swarm_attachments\{state="attached"\} 1$/m);
  });

  test('rotations of all keys lose no ping', async () => {
    const running = await RunningPing.start(c1, addressIn(c2));
    for (let rotation = 1; rotation <= 3; rotation++) {
      await running.answers(SOME);
      swarm.rotateKeys();
      await Promise.all(ups.map((up) => up.says(/keys rotated/, rotation)));
    }
    await running.answers(SOME);
    const { lost, missing } = await running.stop();
    assert.equal(lost, 0, `lost: ${missing.join(' ')}`);
  });

  test('a killed node comes back as the same one, with the same address, without its token', async () => {
    const before = addressIn(c2);
    const ids = [...swarm.nodes.keys()];
    writeFileSync(tokenFile, 'SWMTKN-1-none');
    await ups[1].kill();
    ups = [
      ups[0],
      new JoinedProcess(nodes[1].namespace, [
        ...['--state', join(folder, 'state-1'), '--name', 'probe-1', '--attach', 'secure'],
        ...['--device', 'eth0', '--netns', c2.name, '--status', join(folder, 'status-1')],
      ]),
    ];
    await ups[1].start();
    assert.equal(addressIn(c2), before);
    assert.deepEqual([...swarm.nodes.keys()], ids);
    assert.equal([...swarm.tasks.values()].filter(({ network }) => network === secure).length, 2);
    await reachable(c1, before);
    assert.equal((await ping(c1, before)).lost, 0);
  });

  test('without its manager, packets flow on', async () => {
    manager.stop();
    await Promise.all(ups.map((up) => up.says(/packets flow on/)));
    assert.equal((await ping(c1, addressIn(c2))).lost, 0);
    manager = await managerIn(swarm, nodes[0].namespace, nodes[0].ipv4);
    await Promise.all(ups.map((up) => up.says(/registered with/, 2)));
  });

  test('on SIGTERM it gives its address back', async () => {
    const report = await ups[1].stop();
    assert.ok(report.sealed > 0 && report.opened > 0);
    assert.deepEqual(
      [...swarm.tasks.values()].filter(({ network }) => network === secure).map(({ nodeId }) => nodeId),
      [[...swarm.nodes.keys()][0]],
    );
  });

  test('a node that an administrator removes ends, and says what to do', async () => {
    const [id = ''] = swarm.nodes.keys();
    swarm.removed.add(id);
    const { status, stderr } = await ups[0].ends();
    assert.equal(status, 2);
    assert.match(stderr, /removed/);
    assert.match(stderr, /delete the directory of --state/);
    assert.doesNotMatch(stderr, /SWMTKN-1-/);
  });
});

describe('vtep join without raw sockets', { skip }, () => {
  const swarm = new FakeSwarm();
  swarm.addNetwork('secure', { options: ENCRYPTED });
  swarm.addNetwork('private', { attachable: false });
  let bench: NamespaceBench;
  let manager: FakeManager;
  before(() => {
    bench = new NamespaceBench();
  });
  after(() => {
    bench.close();
    manager.stop();
  });

  test('an encrypted network is refused, with what to do, and the others work', async () => {
    const [node] = underlay(bench, { offloads: false });
    manager = await managerIn(swarm, node.namespace, node.ipv4);
    const token = join(folder, 'raw-token');
    writeFileSync(token, swarm.token);
    const words = [node.ipv4, '--token-file', token, '--state', join(folder, 'raw'), '--status', 'off'];
    const attach = ['secure', 'web', 'private', 'nowhere'].flatMap((network) => ['--attach', network]);
    const process = new JoinedProcess(
      node.namespace,
      [...words, ...attach],
      ['setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw'],
    );
    await process.start(1);
    await process.says(/network "secure": .*raw sockets/);
    await process.says(/CAP_NET_RAW/);
    await process.says(/attached web: vt-web/);
    await process.says(/network "private": not attachable/);
    await process.says(/network "nowhere": the swarm has none/);
    await process.stop();
    assert.equal(swarm.tasks.size, 0);
  });
});

describe('vtep join as a drained node', { skip }, () => {
  test('uses an address that it asks for, which the swarm reserves, and gives it back', async (t) => {
    const swarm = new FakeSwarm();
    const bench = new NamespaceBench();
    t.after(() => bench.close());
    const [node] = underlay(bench, { offloads: false });
    const manager = await managerIn(swarm, node.namespace, node.ipv4);
    t.after(() => manager.stop());
    const token = join(folder, 'drained-token');
    writeFileSync(token, swarm.token);
    const process = new JoinedProcess(node.namespace, [
      ...[node.ipv4, '--token-file', token, '--state', join(folder, 'drained'), '--status', 'off'],
      ...['--availability', 'drain', '--attach', 'web=10.77.0.50'],
    ]);
    await process.start();
    assert.match(node.namespace.ip('address show dev vt-web'), / 10\.77\.0\.50\/24 /);
    await process.says(/, which is drained/);
    await process.stop();
    assert.deepEqual(
      [...(swarm.networks.get('web')?.taken ?? [])].filter((address) => address.includes('.50/')),
      [],
    );
  });
});

/** The address of a container. */
function addressIn(container: NetworkNamespace): string {
  const [, address = ''] = /inet ([\d.]+)\//.exec(container.ip('address show dev eth0')) ?? [];
  return address;
}

/** Waits until an address answers: gossip needs some seconds. */
async function reachable(from: NetworkNamespace, address: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if ((await ping(from, address, { count: 1, patience: 1 }).catch(() => ({ lost: 1 }))).lost === 0) return;
  }
  throw new Error(`${address} doesn't answer`);
}
