import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { BackendSockets } from '../../../../src/live/mesh/thread/backend-sockets.js';
import { NamespaceBench } from '../../namespaces/namespace-bench.js';
import { scratch } from '../../../cli/run.js';
import { requirements } from '../../namespaces/requirements.js';
import { namespacePath, OpenNamespace } from '../../../../src/live/system/network-namespace.js';

const LACKING = requirements();

/** Sockets, and what they told. */
class Opened {
  readonly failed: Target[] = [];
  readonly told: (string | undefined)[] = [];
  now = 0;
  moved = 0;
  readonly sockets = new BackendSockets({
    clock: () => this.now,
    patience: () => 2000,
    onFailed: (target) => this.failed.push(target),
    onMoved: () => this.moved++,
    onTrouble: (what) => this.told.push(what),
  });

  constructor(t: TestContext) {
    t.after(() => this.sockets.close());
  }

  /** Connects, and says whether that worked. */
  async reaches(target: Target): Promise<boolean> {
    const socket = this.sockets.open(target);
    let isThere = false;
    socket.once('connect', () => {
      isThere = true;
      socket.destroy();
    });
    await closed(socket);
    return isThere;
  }
}

/** Waits until a socket has closed, whatever the reason. */
async function closed(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once('close', resolve));
}

async function listening(t: TestContext, open: (server: Server) => void): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  open(server);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('connections to backends', () => {
  test('tell their target whether it can be reached', async (t) => {
    const opened = new Opened(t);
    const port = await listening(t, (server) => server.listen(0, '127.0.0.1'));
    const target = new Target('127.0.0.1', port);
    target.failed(0);
    assert.equal(await opened.reaches(target), true);
    assert.deepEqual([target.failures, opened.failed], [0, []]);
    const other = new Target('127.0.0.2', port);
    assert.equal(await opened.reaches(other), false);
    assert.deepEqual([other.failures, opened.failed], [1, [other]]);
  });

  test('are given up if they take too long; one that its user gives up before says nothing', async (t) => {
    const opened = new Opened(t);
    // TEST-NET-1: nobody answers, or the host says that there is no route.
    const target = new Target('192.0.2.1', 80);
    const early = opened.sockets.open(target);
    early.destroy();
    await closed(early);
    assert.equal(target.failures, 0);
    const late = closed(opened.sockets.open(target));
    opened.now = 2000;
    opened.sockets.sweep(opened.now);
    await late;
    assert.deepEqual([target.failures, opened.failed], [1, [target]]);
  });

  test('are made in the namespace of a name, from when it is there', { skip: LACKING ?? false }, async (t) => {
    const bench = new NamespaceBench();
    t.after(() => bench.close());
    const opened = new Opened(t);
    opened.sockets.use('vtep-mesh-not-there');
    const target = new Target('127.0.0.1', 1);
    assert.equal(await opened.reaches(target), false);
    assert.match(opened.told.join(), /^,can't reach backends: there is no network namespace "vtep-mesh-not-there"/);
    assert.deepEqual([target.failures, opened.moved], [0, 0]);
    const { name } = bench.namespace('mesh');
    const namespace = new OpenNamespace(name);
    t.after(() => namespace.close());
    // Any address: a server without one makes its socket within the call.
    const port = await listening(t, (server) => namespace.within(() => server.listen(0)));
    opened.sockets.use(name);
    assert.deepEqual([opened.told.at(-1), opened.moved], [undefined, 1]);
    assert.equal(await opened.reaches(new Target('127.0.0.1', port)), true);
    opened.sockets.use(name);
    assert.equal(opened.moved, 1);
    opened.sockets.use(undefined);
    assert.equal(opened.moved, 2);
    assert.equal(await opened.reaches(new Target('127.0.0.1', port)), false);
  });

  test('say when a namespace that was not there can be used', { skip: LACKING ?? false }, (t) => {
    const bench = new NamespaceBench();
    t.after(() => bench.close());
    const { name } = bench.namespace('mesh');
    const link = join(scratch(), 'mesh');
    const opened = new Opened(t);
    opened.sockets.use(link);
    opened.sockets.sweep(0);
    assert.equal(opened.moved, 0);
    symlinkSync(namespacePath(name), link);
    opened.sockets.sweep(0);
    opened.sockets.sweep(0);
    assert.equal(opened.moved, 1);
  });
});
