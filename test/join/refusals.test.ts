import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { JoinError } from '../../src/join/index.js';
import { SessionMessage } from '../../src/join/messages.js';
import { ProtobufWriter } from '../../src/protobuf/internal.js';
import { FakeCa } from './fake-ca.js';
import { answer, begin, endWith, type Handler, refuse, send } from './fake-answers.js';
import type { FakeManager } from './fake-manager.js';
import { FakeSwarm } from './fake-swarm.js';
import { Joining, managerOf, stateDirectory } from './joining.js';
import { eachNonsense } from './nonsense.js';

const YEAR_MS = 365 * 24 * 3_600_000;

/** The error of a first join. */
async function failure(
  t: TestContext,
  manager: FakeManager,
  options: { token?: string; managers?: string[]; times?: { connectMs: number } } = {},
): Promise<JoinError> {
  try {
    await Joining.start(t, manager, { managers: [manager.address], ...options });
  } catch (error) {
    assert.ok(error instanceof JoinError, String(error));
    assert.ok(!error.message.includes('SWMTKN'));
    return error;
  }
  throw new Error('joined');
}

test('a wrong secret, another cluster, and a manager token are told apart', async (t) => {
  const manager = await managerOf(t);
  const wrong = manager.swarm.ca.token('0000000000000000000000000');
  assert.equal((await failure(t, manager, { token: wrong })).code, 'TOKEN_REJECTED');
  const foreign = await failure(t, manager, { token: new FakeCa().token() });
  assert.equal(foreign.code, 'WRONG_CLUSTER');
  assert.match(foreign.message, /manages another swarm, or docker swarm ca --rotate/);
  manager.swarm.role = 'swarm-manager';
  assert.equal((await failure(t, manager)).code, 'MANAGER_TOKEN');
});

test('a token is only sent to the swarm that it pins', async (t) => {
  const manager = await managerOf(t);
  await failure(t, manager, { token: new FakeCa().token() });
  assert.equal(manager.calls.get('IssueNodeCertificate'), undefined);
});

test('a refused connection and a silent address are told apart, with the port', async (t) => {
  const manager = await managerOf(t);
  const refused = await failure(t, manager, { managers: ['127.0.0.1:1'] });
  assert.equal(refused.code, 'CONNECTION_REFUSED');
  assert.match(refused.message, /^127\.0\.0\.1:1: connection refused/);
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const late = await failure(t, manager, {
    managers: [`127.0.0.1:${port}`],
    times: { connectMs: 1_000 },
  });
  assert.equal(late.code, 'CONNECTION_TIMEOUT');
  assert.match(late.message, new RegExp(`^127\\.0\\.0\\.1:${port}: no answer`));
});

test('a server that speaks no TLS is no manager', async (t) => {
  const manager = await managerOf(t);
  const plain = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  }).listen(0, '127.0.0.1');
  t.after(() => plain.close());
  await once(plain, 'listening');
  const { port } = plain.address() as AddressInfo;
  assert.equal(
    (
      await failure(t, manager, {
        managers: [`127.0.0.1:${port}`],
        times: { connectMs: 1_000 },
      })
    ).code,
    'BAD_ANSWER',
  );
});

test("a manager's certificate of another CA, of a worker, or out of date is refused", async (t) => {
  const swarm = new FakeSwarm();
  const names = ['swarm-manager', 'swarm-ca'];
  const foreign = await managerOf(t, swarm, new FakeCa().certify({ commonName: 'm', names }));
  assert.equal((await failure(t, foreign)).code, 'FOREIGN_CERTIFICATE');
  const worker = await managerOf(t, swarm, swarm.ca.certify({ commonName: 'w', names: ['swarm-worker'] }));
  assert.equal((await failure(t, worker)).code, 'FOREIGN_CERTIFICATE');
  const now = Date.now();
  const expired = { commonName: 'm', names, notBefore: now - 2 * YEAR_MS, notAfter: now - YEAR_MS };
  const late = await failure(t, await managerOf(t, swarm, swarm.ca.certify(expired)));
  assert.equal(late.code, 'CLOCK_SKEW');
  assert.match(late.message, /has expired by this machine's clock/);
  const future = { commonName: 'm', names, notBefore: now + YEAR_MS, notAfter: now + 2 * YEAR_MS };
  assert.equal((await failure(t, await managerOf(t, swarm, swarm.ca.certify(future)))).code, 'CLOCK_SKEW');
});

test('nonsense in answers is an error, for each method of the first join', async (t) => {
  for (const method of ['GetRootCACertificate', 'IssueNodeCertificate', 'NodeCertificateStatus']) {
    await eachNonsense(async (what, handler) => {
      const manager = await managerOf(t);
      manager.overrides.set(method, handler);
      const joining = new Joining(t, {
        managers: [manager.address],
        token: manager.swarm.token,
        stateDirectory: stateDirectory(t),
        times: { callMs: 200, issueMs: 300 },
      });
      await assert.rejects(joining.node.start(), (error) => error instanceof JoinError, `${method}: ${what}`);
    });
  }
});

test('nonsense in a session is survived: the node stays, and recovers when the manager does', async (t) => {
  const bad: readonly [string, Handler][] = [
    ['Session', (stream) => answer(stream, Buffer.from('0a', 'hex'))],
    ['Session', (stream) => answer(stream, SessionMessage.encode({ sessionId: 'x' }))],
    ['Session', (stream) => answer(stream, SessionMessage.encode({ sessionId: 'x', node: { id: 'other' } }))],
    ['Session', (stream) => answer(stream, new Uint8Array(0))],
    ['Session', () => undefined],
    ['Session', (stream) => stream.session?.destroy()],
    ['Session', (stream) => refuse(stream, 14, 'no leader')],
    ['Assignments', (stream) => answer(stream, Buffer.from('ff', 'hex'))],
    ['Assignments', (stream) => refuse(stream, 2, 'assignments aborted')],
    ['Heartbeat', () => undefined],
    ['Heartbeat', (stream) => refuse(stream, 5, 'node not registered')],
    ['Heartbeat', (stream) => answer(stream, Buffer.from('0a0208ffffff', 'hex'))],
  ];
  for (const [method, handler] of bad) {
    const manager = await managerOf(t);
    manager.overrides.set(method, handler);
    const joining = new Joining(t, {
      managers: [manager.address],
      token: manager.swarm.token,
      stateDirectory: stateDirectory(t),
      times: { callMs: 200 },
    });
    const started = joining.node.start();
    await joining.event('state', ({ error }) => error !== undefined);
    manager.overrides.clear();
    await started;
    await joining.until(() => joining.of('state').at(-1)?.state === 'connected', `recovery from ${method}`);
    await joining.node.close();
  }
});

test('keys of a wrong length, algorithm or time are refused', async (t) => {
  for (const change of [{ key: Buffer.alloc(5) }, { lamportTime: 1001 }, { algorithm: 7 }]) {
    const manager = await managerOf(t);
    const [first, ...rest] = manager.swarm.keys;
    manager.swarm.keys = [{ ...first, ...change }, ...rest];
    const joining = new Joining(t, {
      managers: [manager.address],
      token: manager.swarm.token,
      stateDirectory: stateDirectory(t),
    });
    const started = joining.node.start();
    const { error } = await joining.event('state', (event) => event.error !== undefined);
    assert.equal(error?.code, 'BAD_ANSWER');
    manager.swarm.keys = [first, ...rest];
    await started;
    await joining.node.close();
  }
});

test('a session that the manager ends is opened again', async (t) => {
  const manager = await managerOf(t);
  const joining = await Joining.start(t, manager);
  const [node] = manager.swarm.nodes.values();
  for (const stream of node.sessions) endWith(stream, 10, 'node must disconnect');
  const { error } = await joining.event('state', (event) => event.error !== undefined);
  assert.equal(error?.code, 'SESSION_ENDED');
  await joining.until(() => joining.of('state').at(-1)?.state === 'connected', 'second session');
});

test('a manager that ends each session at once is not called again and again', async (t) => {
  const manager = await managerOf(t);
  const joining = await Joining.start(t, manager, { times: { backoffMs: 8_000 }, random: () => 0.999 });
  const [node] = manager.swarm.nodes.values();
  manager.overrides.set('Assignments', (stream) => refuse(stream, 2, 'assignments aborted'));
  for (const stream of node.sessions) endWith(stream, 10, 'node must disconnect');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  // After pauses of 0.1, 0.3 and 0.7 s.
  assert.ok((manager.calls.get('Session') ?? 0) <= 4);
  await joining.node.close();
});

test('a session message with text that is not UTF-8 is refused, and the next one is taken', async (t) => {
  const manager = await managerOf(t);
  manager.overrides.set('Session', (stream) => {
    begin(stream);
    send(stream, new ProtobufWriter().element(1, Uint8Array.of(0x61, 0xff)).finish());
  });
  const joining = new Joining(t, {
    managers: [manager.address],
    token: manager.swarm.token,
    stateDirectory: stateDirectory(t),
  });
  const started = joining.node.start();
  const { error } = await joining.event('state', (event) => event.error !== undefined);
  assert.equal(error?.code, 'BAD_ANSWER');
  assert.match(error.message, /not a protobuf message: it has text that is not UTF-8, at byte 1$/);
  manager.overrides.clear();
  await started;
});

test('a swarm that keeps asking for renewals gets one for each pause', async (t) => {
  const manager = await managerOf(t);
  const joining = await Joining.start(t, manager, { times: { renewRetryMs: 60_000 } });
  const [node] = manager.swarm.nodes.values();
  node.rotate = true;
  manager.overrides.set('Session', (stream) => {
    begin(stream);
    node.sessions.add(stream);
    send(stream, manager.swarm.sessionMessage(node));
  });
  for (let i = 0; i < 20; i++) manager.swarm.push();
  await joining.event('certificate');
  for (let i = 0; i < 20; i++) manager.swarm.push();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(manager.calls.get('IssueNodeCertificate'), 2);
});

test('networks that make no sense are refused with their name', async (t) => {
  const manager = await managerOf(t);
  manager.swarm.addNetwork('strange', { options: { 'com.docker.network.driver.overlay.vxlanid_list': '77777777' } });
  const joining = await Joining.start(t, manager, { attachments: [{ network: 'strange' }] });
  const { error } = await joining.event('attach-failed');
  assert.equal(error.code, 'BAD_ANSWER');
  assert.match(error.message, /^network "strange": /);
  await joining.until(() => manager.swarm.tasks.size === 0, 'detached task');
});

test('a damaged, foreign or readable identity is refused, and not quoted', async (t) => {
  const manager = await managerOf(t);
  const directory = stateDirectory(t);
  const joining = await Joining.start(t, manager, { stateDirectory: directory });
  await joining.node.close();
  const path = join(directory, 'identity.json');
  const text = readFileSync(path, 'utf8');
  const start = (): Promise<unknown> => Joining.start(t, manager, { stateDirectory: directory });
  const other = new FakeCa().pem;
  const stored = JSON.parse(text) as Record<string, unknown>;
  const { key } = stored as { key: string };
  for (const damaged of [
    text.slice(0, 900),
    '',
    '[]',
    'null',
    JSON.stringify({ ...stored, version: 2 }),
    JSON.stringify({ ...stored, root: other }),
    JSON.stringify({ ...stored, certificate: other }),
    JSON.stringify({ ...stored, key: key.replace(/.{8}\n-----END/, 'AAAAAAAA\n-----END') }),
    JSON.stringify({ ...stored, managers: ['x:y'] }),
  ]) {
    writeFileSync(path, damaged);
    await assert.rejects(start(), (error: JoinError) => {
      assert.equal(error.code, 'BAD_IDENTITY');
      return !error.message.includes(key.split('\n')[1] ?? '');
    });
  }
  writeFileSync(path, text);
  chmodSync(path, 0o640);
  await assert.rejects(start(), { code: 'STATE_UNUSABLE' });
  chmodSync(path, 0o600);
  await start();
});

test('an expired certificate of this node is an error, and not a reason to try for ever', async (t) => {
  const manager = await managerOf(t);
  const directory = stateDirectory(t);
  manager.swarm.validityMs = 1_500;
  manager.overrides.set('Session', (stream) => refuse(stream, 14, 'no leader'));
  const joining = new Joining(t, {
    managers: [manager.address],
    token: manager.swarm.token,
    stateDirectory: directory,
  });
  await assert.rejects(joining.node.start(), { code: 'CERTIFICATE_EXPIRED' });
});

test('without an identity a token is needed, and at least one manager', async (t) => {
  const manager = await managerOf(t);
  const stateDir = stateDirectory(t);
  const without = new Joining(t, { managers: [manager.address], stateDirectory: stateDir });
  await assert.rejects(without.node.start(), { code: 'NO_IDENTITY' });
  const nowhere = new Joining(t, { token: manager.swarm.token, stateDirectory: stateDir });
  await assert.rejects(nowhere.node.start(), { code: 'BAD_OPTION' });
});
