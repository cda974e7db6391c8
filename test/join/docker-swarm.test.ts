/** Joining a swarm of a real Docker engine. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JoinEvent } from '../../src/join/index.js';
import { NamespaceBench } from '../live/namespaces/namespace-bench.js';
import type { NamespaceProcess } from '../live/namespaces/namespace-process.js';
import { type NetworkNamespace } from '../live/namespaces/network-namespace.js';
import { DockerEngine, engineRequirements } from './docker-engine.js';

const MANAGER = '192.168.80.1';
const CHILD = join(import.meta.dirname, 'join-child.js');
const PATIENCE_MS = 30_000;

type Line = { readonly kind: string } & Readonly<Record<string, unknown>>;

describe('a Docker swarm', { skip: engineRequirements() }, () => {
  const bench = new NamespaceBench();
  const folder = mkdtempSync(join(tmpdir(), 'vtep-swarm-'));
  let engine: DockerEngine;
  let away: NetworkNamespace;
  let token: string;
  let nodeId: string;
  let node: NamespaceProcess;

  before(async () => {
    const home = bench.namespace('manager');
    away = bench.namespace('node');
    bench.link(home, { device: 'eth0', addresses: [`${MANAGER}/24`] }, away, {
      device: 'eth0',
      addresses: ['192.168.80.2/24'],
    });
    engine = new DockerEngine(home.name);
    await engine.start();
    engine.docker(`swarm init --advertise-addr ${MANAGER} --dispatcher-heartbeat 1s`);
    engine.docker('network create -d overlay --attachable --subnet 10.77.0.0/24 plain');
    engine.docker('network create -d overlay --attachable --opt encrypted --subnet 10.78.0.0/24 secret');
    engine.docker('network create -d overlay --subnet 10.79.0.0/24 closed');
    token = engine.docker('swarm join-token -q worker');
  });

  after(async () => {
    node.kill();
    await engine.stop();
    bench.close();
    engine.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(options: object): NamespaceProcess {
    const all = {
      managers: [MANAGER],
      stateDirectory: join(folder, 'one'),
      hostname: 'vtep-one',
      times: { attachMs: 3_000 },
      ...options,
    };
    return away.start([process.execPath, CHILD, JSON.stringify(all)]);
  }

  function linesOf(process: NamespaceProcess): Line[] {
    const lines = process.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Line);
  }

  async function lineOf(process: NamespaceProcess, wished: (line: Line) => boolean, what: string): Promise<Line> {
    await process.until(() => linesOf(process).some(wished), what, PATIENCE_MS);
    const found = linesOf(process).find(wished);
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  function attachmentTo(network: string): (line: Line) => boolean {
    return (line) =>
      line.kind === 'attached' &&
      (line as unknown as Extract<JoinEvent, { kind: 'attached' }>).attachment.networkName === network;
  }

  function statusOf(id: string): string {
    return engine.docker(`node ls --filter id=${id} --format {{.Hostname}}/{{.Status}}/{{.Availability}}`);
  }

  it('a first join is Ready, has keys, and gets addresses on attachable networks', async () => {
    const attachments = [
      { network: 'plain' },
      { network: 'secret', address: '10.78.0.44' },
      { network: 'closed' },
      { network: 'absent' },
      { network: 'plain', address: '10.77.0.1' },
    ];
    node = start({ token, attachments });
    nodeId = String((await lineOf(node, ({ kind }) => kind === 'started', 'start'))['nodeId']);
    assert.equal(statusOf(nodeId), 'vtep-one/Ready/Active');
    const plain = (await lineOf(node, attachmentTo('plain'), 'plain'))['attachment'] as Line;
    assert.match(String(plain['address']), /^10\.77\.0\.\d+\/24$/);
    assert.deepEqual([plain['vni'], plain['mtu'], plain['encrypted']], [4097, 1450, false]);
    const secret = (await lineOf(node, attachmentTo('secret'), 'secret'))['attachment'] as Line;
    assert.deepEqual([secret['address'], secret['mtu'], secret['encrypted']], ['10.78.0.44/24', 1424, true]);
    const keys = (await lineOf(node, ({ kind }) => kind === 'keys', 'keys'))['keys'] as Record<
      string,
      { keys: { tag: number }[] }
    >;
    const tags = [...keys['gossip'].keys, ...keys['ipsec'].keys].map(({ tag }) => tag);
    assert.deepEqual(
      tags,
      Array.from({ length: 6 }, (_, i) => (tags[0] ?? 0) + i),
    );
    for (const [network, code] of [
      ['closed', 'NETWORK_NOT_ATTACHABLE'],
      ['absent', 'NETWORK_NOT_FOUND'],
      ['plain', 'ADDRESS_TAKEN'],
    ]) {
      const failed = await lineOf(
        node,
        (line) => line.kind === 'attach-failed' && (line['request'] as { network: string }).network === network,
        code,
      );
      assert.equal((failed['error'] as { code: string }).code, code);
    }
    // The swarm knows of the attachments.
    assert.throws(() => engine.docker('network rm plain'), /in use by task/);
    assert.ok(!node.stdout.includes(token));
  });

  it('a killed node comes back with its identity and its addresses', async () => {
    const before = linesOf(node).find(attachmentTo('plain'))?.['attachment'] as Line;
    node.kill();
    await node.ended;
    node = start({ attachments: [{ network: 'plain' }, { network: 'secret', address: '10.78.0.44' }] });
    assert.equal((await lineOf(node, ({ kind }) => kind === 'started', 'start'))['nodeId'], nodeId);
    const after = (await lineOf(node, attachmentTo('plain'), 'plain'))['attachment'] as Line;
    assert.deepEqual([after['taskId'], after['address']], [before['taskId'], before['address']]);
    await lineOf(node, attachmentTo('secret'), 'secret');
  });

  it('tasks of services are rejected', async () => {
    engine.docker(
      'service create --detach --no-resolve-image --name busy --constraint node.hostname==vtep-one busybox',
    );
    const rejected = await lineOf(node, ({ kind }) => kind === 'task-rejected', 'rejection');
    assert.equal(rejected['service'], 'busy');
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
      if (engine.docker('service ps busy --format {{.CurrentState}}/{{.Error}} --no-trunc').includes('Rejected')) break;
      await sleep(100);
    }
    assert.match(
      engine.docker('service ps busy --format {{.CurrentState}}/{{.Error}} --no-trunc'),
      /Rejected .*vtep runs no containers/,
    );
    engine.docker('service rm busy');
  });

  it('docker swarm ca --rotate completes', async () => {
    engine.docker('swarm ca --rotate --quiet');
    await lineOf(node, (line) => line.kind === 'certificate' && line['renewed'] === 'root', 'new root CA');
    assert.equal(statusOf(nodeId), 'vtep-one/Ready/Active');
  });

  it('tokens of before the rotations are told apart from wrong ones, and new ones are accepted', async () => {
    const failureOf = async (old: string): Promise<unknown> => {
      const process = start({ token: old, stateDirectory: join(folder, 'two') });
      const failed = await lineOf(process, ({ kind }) => kind === 'failed', 'failure');
      assert.ok(!process.stdout.includes(old.slice(-25)));
      return failed['code'];
    };
    assert.equal(await failureOf(token), 'WRONG_CLUSTER');
    const before = engine.docker('swarm join-token -q worker');
    engine.docker('swarm join-token --rotate -q worker');
    assert.equal(await failureOf(before), 'TOKEN_REJECTED');
    const manager = engine.docker('swarm join-token -q manager');
    assert.equal(await failureOf(manager), 'MANAGER_TOKEN');
    let process = start({
      token: engine.docker('swarm join-token -q worker'),
      stateDirectory: join(folder, 'two'),
      hostname: 'vtep-two',
      availability: 'drain',
      attachments: [{ network: 'plain', address: '10.77.0.99' }],
    });
    const second = String((await lineOf(process, ({ kind }) => kind === 'started', 'start'))['nodeId']);
    assert.equal(statusOf(second), 'vtep-two/Ready/Drain');
    // Drained from the start, it gets nothing assigned, but the address is reserved.
    const plain = (await lineOf(process, attachmentTo('plain'), 'reserved address'))['attachment'] as Line;
    assert.deepEqual([plain['address'], plain['vni'], plain['reserved']], ['10.77.0.99/24', 4097, true]);
    assert.ok(JSON.stringify(linesOf(process)).includes('"balancers"'));
    // Killed, it comes back to the same request.
    process.kill();
    await process.ended;
    process = start({
      stateDirectory: join(folder, 'two'),
      hostname: 'vtep-two',
      attachments: [{ network: 'plain', address: '10.77.0.99' }],
    });
    const again = (await lineOf(process, attachmentTo('plain'), 'reserved address'))['attachment'] as Line;
    assert.deepEqual([again['taskId'], again['reserved']], [plain['taskId'], true]);
    engine.docker(`node update --availability active ${second}`);
    await lineOf(process, (line) => JSON.stringify(line).includes('"availability":"active"'), 'active');
    process.signal('SIGTERM');
    await process.end();
    assert.deepEqual(linesOf(process).at(-1), { kind: 'closed', left: 0 });
    engine.docker(`node rm --force ${second}`);
  });

  it('a restart of the engine is survived', async () => {
    await engine.stop();
    await lineOf(node, (line) => line.kind === 'state' && line['error'] !== undefined, 'loss');
    const connected = linesOf(node).filter((line) => line['state'] === 'connected').length;
    await engine.start();
    await node.until(
      () => linesOf(node).filter((line) => line['state'] === 'connected').length > connected,
      'session',
      60_000,
    );
    for (const until = Date.now() + PATIENCE_MS; statusOf(nodeId) !== 'vtep-one/Ready/Active' && Date.now() < until;) {
      await sleep(200);
    }
    assert.equal(statusOf(nodeId), 'vtep-one/Ready/Active');
    assert.ok(!linesOf(node).some(({ kind }) => kind === 'detached'));
  });

  it('a promotion is refused, and docker node rm ends the node with the reason', async () => {
    engine.docker(`node promote ${nodeId}`);
    const warning = await lineOf(node, ({ kind }) => kind === 'warning', 'warning');
    assert.equal((warning['error'] as { code: string }).code, 'PROMOTED');
    engine.docker(`node rm --force ${nodeId}`);
    const ended = await lineOf(node, (line) => line['state'] === 'ended', 'end');
    assert.equal((ended['error'] as { code: string }).code, 'REMOVED_FROM_SWARM');
    assert.equal(statusOf(nodeId), '');
  });
});
