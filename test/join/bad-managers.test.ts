/** Managers that send nonsense, block, or flood: nothing crashes, hangs or grows, and the node recovers with them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { grpcFrame } from '../../src/join/grpc/frame-reader.js';
import { JoinError } from '../../src/join/index.js';
import { AssignmentsMessage, CertificateStatusResponse } from '../../src/join/messages.js';
import { FakeCa, keyOfRequest } from './fake-ca.js';
import { answer, begin, endWith, FakeManager, FakeSwarm, type Handler, refuse, send } from './fake-manager.js';
import { Joining, stateDirectory } from './joining.js';

const HOUR_MS = 3_600_000;
const MIB = 1 << 20;

async function managerOf(t: TestContext, swarm = new FakeSwarm()): Promise<FakeManager> {
  const manager = await FakeManager.start(swarm);
  t.after(() => {
    if (swarm.managers.includes(manager)) manager.stop();
  });
  return manager;
}

const NONSENSE: Readonly<Record<string, Handler>> = {
  'random bytes': (stream) => answer(stream, Buffer.from('ffffffffffffffffffffffff', 'hex')),
  'an empty message': (stream) => answer(stream, new Uint8Array(0)),
  'no message': (stream) => {
    begin(stream);
    stream.end();
  },
  'two messages': (stream) => {
    begin(stream);
    stream.write(grpcFrame(new Uint8Array(0)));
    stream.end(grpcFrame(new Uint8Array(0)));
  },
  'a compressed message': (stream) => {
    begin(stream);
    stream.end(Buffer.from('0100000000', 'hex'));
  },
  'an announced message of 4 GiB': (stream) => {
    begin(stream);
    stream.write(Buffer.from('00ffffffff', 'hex'));
  },
  'half a message': (stream) => {
    begin(stream);
    stream.end(Buffer.from('000000001000', 'hex'));
  },
  'half a message, and silence': (stream) => {
    begin(stream);
    stream.write(Buffer.from('000000001000', 'hex'));
  },
  'headers, and silence': (stream) => begin(stream),
  'an HTTP error': (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
  'an unknown method': (stream) => refuse(stream, 12, 'unknown service'),
  'an error without sense': (stream) => refuse(stream, 4711, '\u001b[2J\u0000'),
  'an end with an error': (stream) => {
    begin(stream);
    endWith(stream, 13, 'internal');
  },
  // Not within a callback, where Node's sessions don't survive it.
  'a reset': (stream) => void setImmediate(() => stream.close(2)),
  'a destroyed connection': (stream) => void setImmediate(() => stream.session?.destroy()),
  silence: () => undefined,
  'a flood': (stream) => {
    begin(stream);
    const flood = (): void => {
      if (!stream.destroyed) stream.write(Buffer.alloc(1 << 16, 0xff), () => setImmediate(flood));
    };
    flood();
  },
};

/** Tries all kinds of nonsense, a few at a time. */
async function eachNonsense(act: (what: string, handler: Handler) => Promise<void>): Promise<void> {
  const cases = Object.entries(NONSENSE);
  for (let i = 0; i < cases.length; i += 4) {
    await Promise.all(cases.slice(i, i + 4).map(([what, handler]) => act(what, handler)));
  }
}

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
        times: { callMs: 1_000, connectMs: 5_000 },
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
  for (const method of ['Session', 'Heartbeat', 'Assignments']) {
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
  }
});

test('a manager that blocks detaching does not keep the node from closing', async (t) => {
  await eachNonsense(async (what, handler) => {
    const manager = await managerOf(t);
    manager.overrides.set('DetachNetwork', handler);
    const joining = await Joining.start(t, manager, {
      attachments: [{ network: 'web' }],
      times: { connectMs: 5_000, closeMs: 500 },
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
