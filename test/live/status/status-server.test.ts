import assert from 'node:assert/strict';
import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LiveError, type LiveErrorCode } from '../../../src/live/index.js';
import { readStatus } from '../../../src/live/status/status-client.js';
import type { StatusSection, StatusSections } from '../../../src/live/status/status-section.js';
import { StatusServer } from '../../../src/live/status/status-server.js';
import { scratch } from '../../cli/run.js';
import { command } from '../namespaces/command.js';

const SECTIONS: StatusSections = new Map<string, () => StatusSection>([
  ['node', () => ({ facts: { name: 'n1', pid: 4711 } })],
  ['rows', () => ({ facts: { total: 100_000 }, rows: Array.from({ length: 100_000 }, (_, i) => ({ i })) })],
]);

function socketPath(): string {
  return join(scratch(), 'n1.sock');
}

async function refusedWith(promise: Promise<unknown>, code: LiveErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof LiveError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** The status of a request to a path. */
async function statusOf(socketPathname: string, path: string, method = 'GET'): Promise<number> {
  return new Promise((done, fail) => {
    request({ socketPath: socketPathname, path, method }, (answer) => {
      answer.resume();
      done(answer.statusCode ?? 0);
    })
      .once('error', fail)
      .end();
  });
}

/** Leaves a socket as a process does that is killed. */
function leaveSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  assert.throws(() => command([process.execPath, '-e', script]));
  assert.ok(lstatSync(path).isSocket());
}

describe('a status server', () => {
  test('answers with the sections asked for, and with all by default', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    const one = await readStatus(server.path, { sections: ['node'], rows: 1 });
    assert.deepEqual(one, { version: 1, node: { name: 'n1', pid: 4711 } });
    const all = await readStatus(server.path, { sections: [], rows: 2 });
    assert.deepEqual(all['rows'], { total: 100_000, rows: [{ i: 0 }, { i: 1 }], complete: false });
    server.close();
  });

  test('lets only its owner connect', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    assert.equal(lstatSync(server.path).mode & 0o777, 0o600);
    server.close();
  });

  test('removes its socket when it is closed, also while a client reads', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    const client = connect(server.path);
    const closed = new Promise((done) => client.once('close', done));
    client.on('error', () => undefined);
    client.write('GET /v1/status HTTP/1.1\r\nhost: vtep\r\n\r\n');
    await new Promise((done) => client.once('data', done));
    client.pause();
    server.close();
    client.resume();
    await closed;
    assert.equal(existsSync(server.path), false);
  });

  test('replaces the socket of a process that is gone', async () => {
    const path = socketPath();
    leaveSocket(path);
    await refusedWith(readStatus(path, { sections: [], rows: 1 }), 'NOT_THERE', /no process listens there/);
    const server = await StatusServer.listen(path, SECTIONS);
    assert.equal((await readStatus(path, { sections: ['node'], rows: 1 })).version, 1);
    server.close();
  });

  test('leaves the socket of a running node alone, and says whose it is', async () => {
    const path = socketPath();
    const server = await StatusServer.listen(path, SECTIONS);
    await refusedWith(StatusServer.listen(path, SECTIONS), 'STATUS_IN_USE', /in use by node n1, process 4711; stop it/);
    assert.equal((await readStatus(path, { sections: ['node'], rows: 1 })).version, 1);
    server.close();
  });

  test('leaves the socket of another program alone', async () => {
    const path = socketPath();
    const other = createServer((socket) => socket.end('220 hello\r\n'));
    await new Promise<void>((done) => other.listen(path, done));
    await refusedWith(StatusServer.listen(path, SECTIONS), 'STATUS_IN_USE', /in use by another process/);
    await refusedWith(readStatus(path, { sections: [], rows: 1 }), 'STATUS_UNUSABLE', /n1\.sock: /);
    other.close();
  });

  test('leaves a file that is not a socket alone', async () => {
    const path = socketPath();
    writeFileSync(path, 'precious');
    await refusedWith(StatusServer.listen(path, SECTIONS), 'STATUS_UNUSABLE', /exists, and is not a socket/);
    assert.equal(lstatSync(path).isFile(), true);
  });

  test('says what is wrong with a path', async () => {
    const folder = scratch();
    await refusedWith(StatusServer.listen(join(folder, 'a'.repeat(108)), SECTIONS), 'STATUS_UNUSABLE', /at most 107/);
    await refusedWith(
      StatusServer.listen(join(folder, 'no', 'n1.sock'), SECTIONS),
      'STATUS_UNUSABLE',
      /directory doesn't exist/,
    );
    await refusedWith(readStatus(join(folder, 'n1.sock'), { sections: [], rows: 1 }), 'NOT_THERE', /no such socket/);
  });

  test('refuses other requests', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    const statuses = [
      await statusOf(server.path, '/'),
      await statusOf(server.path, '/v1/status?section=secrets'),
      await statusOf(server.path, '/v1/status?rows=-1'),
      await statusOf(server.path, '/v1/status?rows=99999999999'),
      await statusOf(server.path, '/v1/status', 'POST'),
      await statusOf(server.path, '//'),
    ];
    assert.deepEqual(statuses, [404, 400, 400, 400, 405, 404]);
    server.close();
  });

  test('lets other work go on while it writes a long answer', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    turn();
    const document = await readStatus(server.path, { sections: ['rows'], rows: 100_000 });
    running = false;
    assert.equal((document['rows'] as { rows: unknown[] }).rows.length, 100_000);
    assert.ok(turns > 50, `${turns} turns`);
    server.close();
  });

  test('survives clients that send nonsense or nothing', async () => {
    const server = await StatusServer.listen(socketPath(), SECTIONS);
    const clients = Array.from({ length: 20 }, (_, i) => {
      const client = connect(server.path);
      client.on('error', () => undefined).resume();
      if (i % 2 === 0) client.write('\0\xff nonsense\r\n\r\n');
      return client;
    });
    await Promise.all(
      clients.filter((_, i) => i % 2 === 0).map((client) => new Promise((done) => client.once('close', done))),
    );
    for (const client of clients) client.destroy();
    await Promise.all(
      clients.map(async (client) => client.closed || new Promise((done) => client.once('close', done))),
    );
    assert.equal((await readStatus(server.path, { sections: ['node'], rows: 1 })).version, 1);
    server.close();
  });
});
