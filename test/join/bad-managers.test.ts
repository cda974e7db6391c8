/** Managers that send nonsense, block, or flood: nothing crashes, hangs or grows, and the node recovers with them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { grpcFrame } from '../../src/join/grpc/frame-reader.js';
import { JoinError } from '../../src/join/index.js';
import { AssignmentsMessage, CertificateStatusResponse } from '../../src/join/messages.js';
import { FakeCa, keyOfRequest } from './fake-ca.js';
import { answer, begin, send } from './fake-answers.js';
import type { FakeManager } from './fake-manager.js';
import { FakeSwarm } from './fake-swarm.js';
import { Joining, managerOf, stateDirectory } from './joining.js';
import { eachNonsense } from './nonsense.js';

const HOUR_MS = 3_600_000;
const MIB = 1 << 20;

for (const method of ['Session', 'Heartbeat', 'Assignments', 'UpdateTaskStatus', 'AttachNetwork']) {
  test(`nonsense, silence and lost connections in ${method} are survived, and the node recovers`, async (t) => {
    await eachNonsense(async (what, handler) => {
      const manager = await managerOf(t);
      manager.overrides.set(method, handler);
      const joining = new Joining(t, {
        managers: [manager.address],
        token: manager.swarm.token,
        stateDirectory: stateDirectory(t),
        attachments: [{ network: 'web' }],
        times: { callMs: 5_000, connectMs: 20_000 },
      });
      const started = joining.node.start();
      await joining.until(() => (manager.calls.get(method) ?? 0) > 0, `${method}: ${what}`);
      manager.overrides.clear();
      const beats = manager.calls.get('Heartbeat') ?? 0;
      await started;
      const well = (): boolean =>
        joining.node.attachments.length === 1 &&
        joining.of('state').at(-1)?.state === 'connected' &&
        (manager.calls.get('Heartbeat') ?? 0) > beats + 1;
      await joining.until(well, `recovery from ${what}`);
      for (const event of joining.events) {
        // eslint-disable-next-line no-control-regex -- they are what must not be there
        if ('error' in event) assert.doesNotMatch(event.error.message, /[\u0000-\u001f]/);
      }
      await joining.node.close();
    });
  });
}

test('a manager that blocks each call for ever is given up after the time for calls', async (t) => {
  const blocked = async (method: string): Promise<void> => {
    const manager = await managerOf(t);
    manager.overrides.set(method, (stream) => begin(stream));
    const joining = new Joining(t, {
      managers: [manager.address],
      token: manager.swarm.token,
      stateDirectory: stateDirectory(t),
      times: { callMs: 1_000 },
    });
    joining.node.start().catch(() => undefined);
    const { error } = await joining.event('state', (event) => event.error !== undefined);
    assert.equal(error?.code, 'MANAGER_SILENT', method);
    await joining.node.close();
  };
  await Promise.all(['Session', 'Heartbeat', 'Assignments'].map(blocked));
});

test('a manager that blocks detaching does not keep the node from closing', async (t) => {
  await eachNonsense(async (what, handler) => {
    const manager = await managerOf(t);
    manager.overrides.set('DetachNetwork', handler);
    const joining = await Joining.start(t, manager, {
      attachments: [{ network: 'web' }],
      times: { connectMs: 20_000, closeMs: 5_000 },
    });
    await joining.event('attached');
    const left = await joining.node.close();
    assert.equal(left, what === 'an empty message' ? 0 : 1, what);
    assert.equal(joining.of('detached').length, 1);
  });
});

test('100,000 assignments are refused, and the node recovers', async (t) => {
  const manager = await managerOf(t);
  const changes = Array.from({ length: 100_000 }, (_, i) => ({ assignment: { task: { id: `task${i}` } } }));
  const complete = AssignmentsMessage.encode({ resultsIn: '1', changes });
  const parts = Array.from({ length: 100 }, (_, i) =>
    AssignmentsMessage.encode({
      type: i === 0 ? 0 : 1,
      appliesTo: String(i),
      resultsIn: String(i + 1),
      changes: changes.slice(i * 1_000, (i + 1) * 1_000),
    }),
  );
  for (const messages of [[complete], parts]) {
    manager.overrides.set('Assignments', (stream) => {
      begin(stream);
      for (const message of messages) send(stream, message);
    });
    const joining = await Joining.start(t, manager, { attachments: [{ network: 'web' }] });
    const { error } = await joining.event('state', (event) => event.error?.code === 'BAD_ANSWER');
    assert.match(error?.message ?? '', /assigns more than 10000 tasks/);
    manager.overrides.clear();
    await joining.event('attached');
    await joining.node.close();
  }
});

test('a flood of session messages takes no memory', async (t) => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const manager = await managerOf(t);
  const joining = await Joining.start(t, manager);
  const [node] = manager.swarm.nodes.values();
  const [stream] = node.sessions;
  // An unknown field of 64 KiB makes them large.
  const padding = Buffer.concat([Buffer.from('fa3f808004', 'hex'), Buffer.alloc(1 << 16)]);
  const message = Buffer.concat([manager.swarm.sessionMessage(node), padding]);
  const before = used();
  for (let i = 0; i < 1_000; i++) {
    if (!stream.write(grpcFrame(message))) await once(stream, 'drain');
  }
  manager.swarm.rotateKeys();
  await joining.until(() => joining.of('keys').length === 2, 'the message after the flood');
  const grown = used() - before;
  assert.ok(grown < 32 * MIB, `${grown} bytes more after 64 MiB`);
  assert.ok(joining.of('state').every(({ error }) => error === undefined));
});

test('an HTTP/2 frame of 16 MiB, and bytes that are no HTTP/2, end the connection', async (t) => {
  const swarm = new FakeSwarm();
  const names = ['swarm-manager', 'swarm-ca'];
  const certificate = swarm.ca.certify({ commonName: 'm', role: 'swarm-manager', names });
  for (const bytes of [
    Buffer.concat([Buffer.from('000000040000000000', 'hex'), Buffer.from('ffffff000100000001', 'hex')]),
    Buffer.from('HTTP/1.1 200 OK\r\n\r\n'),
  ]) {
    const server = createTlsServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
      socket.on('error', () => undefined);
      socket.write(bytes);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const joining = new Joining(t, {
      managers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      token: swarm.token,
      stateDirectory: stateDirectory(t),
      times: { callMs: 1_000 },
    });
    await assert.rejects(joining.node.start(), (error: JoinError) =>
      ['BAD_ANSWER', 'CONNECTION_FAILED', 'MANAGER_SILENT'].includes(error.code),
    );
  }
});

test("a node's certificate of another CA, of another node, or of another time is refused", async (t) => {
  const failure = async (change: (manager: FakeManager) => void): Promise<JoinError> => {
    const manager = await managerOf(t);
    change(manager);
    try {
      await Joining.start(t, manager);
    } catch (error) {
      if (error instanceof JoinError) return error;
      throw error;
    }
    throw new Error('joined');
  };
  const foreign = await failure(({ swarm }) => {
    swarm.signing = { ca: new FakeCa(), intermediate: '' };
  });
  assert.match(foreign.message, /not issued by the swarm's root CA/);
  const other = await failure((manager) => {
    const { swarm } = manager;
    manager.overrides.set('NodeCertificateStatus', (stream) => {
      const [{ csr }] = swarm.nodes.values();
      const subject = { commonName: 'other', role: 'swarm-worker', organization: swarm.clusterId };
      const certificate = Buffer.from(swarm.ca.issue({ ...subject, publicKey: keyOfRequest(csr) }));
      answer(stream, CertificateStatusResponse.encode({ status: { state: 3 }, certificate: { csr, certificate } }));
    });
  });
  assert.match(other.message, /the certificate is another node's/);
  const early = await failure(({ swarm }) => (swarm.backDatedMs = -HOUR_MS));
  assert.equal(early.code, 'CLOCK_SKEW');
  const late = await failure(({ swarm }) => {
    swarm.backDatedMs = 2 * HOUR_MS;
    swarm.validityMs = -HOUR_MS;
  });
  assert.equal(late.code, 'CERTIFICATE_EXPIRED');
});

test('a root CA that was rotated while the node was away ends it, if all managers have the new one', async (t) => {
  const swarm = new FakeSwarm();
  const [one, two] = [await managerOf(t, swarm), await managerOf(t, swarm)];
  const directory = stateDirectory(t);
  const first = await Joining.start(t, one, { stateDirectory: directory });
  await first.event('managers', ({ managers }) => managers.length === 2);
  await first.node.close();
  const before = swarm.ca;
  swarm.ca = new FakeCa();
  swarm.signing = { ca: swarm.ca, intermediate: '' };
  one.certify();
  const second = new Joining(t, { stateDirectory: directory });
  await second.node.start();
  await second.node.close();
  two.certify();
  assert.notEqual(swarm.ca, before);
  const third = new Joining(t, { stateDirectory: directory });
  await assert.rejects(third.node.start(), (error: JoinError) => {
    assert.equal(error.code, 'FOREIGN_CERTIFICATE');
    assert.match(error.message, /docker swarm ca --rotate may have replaced the root CA/);
    return true;
  });
  const again = await Joining.start(t, two, { stateDirectory: stateDirectory(t) });
  assert.notEqual(again.node.nodeId, first.node.nodeId);
});
