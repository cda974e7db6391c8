/** A node that ends while requests are under way through its HTTP mesh. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { LiveVtep, type LiveVtepOptions } from '../../../src/live/index.js';
import { portOf } from '../loopback.js';
import { ListPort } from '../memory-underlay.js';
import { labelsOf, RunningMesh, source, taskOf } from '../mesh/part/running-mesh.js';
import { swarm } from '../services/swarm.js';

/** A node that runs, with a request through its mesh that a backend has and hasn't answered yet. */
class Busy {
  isOver = false;

  private constructor(
    readonly mesh: RunningMesh,
    readonly vtep: LiveVtep,
    readonly ran: Promise<void>,
    /** What the client gets. */
    readonly answer: Promise<IncomingMessage>,
    readonly response: ServerResponse,
  ) {
    void ran.then(() => (this.isOver = true));
  }

  static async begin(t: TestContext, signal: AbortSignal, options: Partial<LiveVtepOptions> = {}): Promise<Busy> {
    const backend = createServer().listen(0, '127.0.0.2');
    await once(backend, 'listening');
    const { port } = backend.address() as AddressInfo;
    const topology = swarm({ port: portOf(7), tasks: [] });
    const vtep = await LiveVtep.open({
      topology,
      node: 'node1',
      sockets: 'node',
      portOf: () => new ListPort(),
      maxWait: 1,
      ...options,
    });
    const mesh = new RunningMesh();
    vtep.services.add(mesh.part);
    mesh.part.update(
      source({ records: [taskOf('web', 1, '127.0.0.2')], labels: [labelsOf('web', port, 'web.example.org')] }),
    );
    t.after(async () => {
      await vtep.close();
      backend.close();
      backend.closeAllConnections();
    });
    const sent = request({ host: '127.0.0.1', port: await mesh.port(), headers: { host: 'web.example.org' } });
    const answer = once(sent, 'response').then(([response]) => response as IncomingMessage);
    answer.catch(() => undefined);
    sent.end();
    const [, response] = (await once(backend, 'request')) as [IncomingMessage, ServerResponse];
    return new Busy(mesh, vtep, vtep.run(signal), answer, response);
  }
}

/** Whether a port takes connections. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('the end of a node', () => {
  test('takes no more connections, and lets requests end that are under way, while packets flow', async (t) => {
    const ending = new AbortController();
    const busy = await Busy.begin(t, ending.signal);
    const port = await busy.mesh.port();
    ending.abort();
    while (await accepts(port));
    assert.equal(busy.isOver, false);
    busy.response.end('done');
    const answer = await busy.answer;
    assert.deepEqual([answer.statusCode, answer.headers.connection], [200, 'close']);
    answer.resume();
    await busy.ran;
  });

  test('waits for nothing once that is requested', async (t) => {
    const [ending, atOnce] = [new AbortController(), new AbortController()];
    const busy = await Busy.begin(t, ending.signal, { endAtOnce: atOnce.signal });
    const port = await busy.mesh.port();
    ending.abort();
    while (await accepts(port));
    assert.equal(busy.isOver, false);
    atOnce.abort();
    await busy.ran;
    await busy.vtep.close();
    await assert.rejects(busy.answer);
  });

  test('takes no turn more without a mesh', async () => {
    const vtep = await LiveVtep.open({
      topology: swarm({ port: portOf(8), tasks: [] }),
      node: 'node1',
      sockets: 'node',
      portOf: () => new ListPort(),
    });
    assert.equal(vtep.services.drain(1000), undefined);
    await vtep.run(AbortSignal.abort());
    await vtep.close();
  });
});
