/** Which requests are tried again, and where. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { MeshBench, type BenchSettings } from './mesh-bench.js';

const HOST = 'Host: a.example.org';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function started(t: TestContext, settings?: BenchSettings): Promise<MeshBench> {
  const bench = await MeshBench.start(settings);
  t.after(() => bench.close());
  return bench;
}

/** Answers each head, and keeps what came. */
function answering(got: string[]): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      got.push(text);
      if (text.includes('HTTP/1.1\r\n')) socket.write(OK);
    });
  };
}

describe('a request whose connection to the backend fails', () => {
  test('goes to another one, with its content, if nothing was sent', async (t) => {
    const bench = await started(t);
    bench.unreachable();
    bench.unreachable();
    const got: string[] = [];
    await bench.sockets(answering(got));
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 5'], 'ab');
    client.socket.write('cde');
    await client.gets(/ok$/);
    await bench.until(() => got.join('').endsWith('\r\n\r\nabcde'));
    assert.deepEqual(
      bench.exchanges.map(({ status, attempts, failure, bytesIn }) => [status, attempts, failure, bytesIn]),
      [[200, 3, undefined, 5]],
    );
    assert.deepEqual(
      bench.targets.map(({ failures, active }) => [failures, active]),
      [
        [1, 0],
        [1, 0],
        [0, 0],
      ],
    );
  });

  test('is tried three times', async (t) => {
    const bench = await started(t);
    for (let i = 0; i < 4; i++) bench.unreachable();
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 502 /);
    assert.deepEqual([bench.exchanges[0].attempts, bench.exchanges[0].failure], [3, 'unreachable']);
    // The content may have been on its way, but none of it was read: the next request is found.
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 502 /);
  });

  test('is not repeated on a new connection that the backend closes without an answer', async (t) => {
    const bench = await started(t);
    let requests = 0;
    await bench.sockets((socket) => {
      socket.on('data', () => {
        requests++;
        socket.destroy();
      });
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 502 /);
    assert.deepEqual([requests, bench.exchanges[0].failure], [1, 'backend-closed']);
  });

  test('is not repeated once the answer has begun', async (t) => {
    const bench = await started(t);
    let requests = 0;
    await bench.sockets((socket) => {
      let served = 0;
      socket.on('data', () => {
        requests++;
        if (served++ === 0) socket.write(OK);
        else socket.end('HTTP/1.1 20');
      });
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/ok$/);
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 502 /);
    assert.equal(requests, 2);
  });
});

describe('a connection to a backend', () => {
  test('takes no other request after bytes that nobody asked for', async (t) => {
    const bench = await started(t);
    let connections = 0;
    await bench.sockets((socket) => {
      connections++;
      socket.on('data', () => socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`));
    });
    const client = await bench.client();
    for (let i = 0; i < 2; i++) {
      client.send(['GET / HTTP/1.1', HOST]);
      assert.doesNotMatch(await client.gets(/ok$/), /evil/);
    }
    assert.equal(connections, 2);
  });

  test('is closed while it waits if the backend sends something', async (t) => {
    const bench = await started(t);
    const sockets: Socket[] = [];
    await bench.sockets((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write(OK));
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/ok$/);
    assert.equal(bench.pool.size, 1);
    sockets[0].write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    await bench.until(() => bench.pool.size === 0);
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 200 [^]*ok$/);
  });

  test('waits no longer than the backend says', async (t) => {
    const bench = await started(t);
    const field = { text: '' };
    await bench.sockets((socket) => {
      socket.on('data', () => socket.write(OK.replace('\r\n', `\r\n${field.text}`)));
    });
    const client = await bench.client();
    for (const [text, waiting] of [
      ['Keep-Alive: timeout=1\r\n', 0],
      ['Keep-Alive: timeout=5, max=100\r\n', 1],
      ['Connection: close\r\n', 0],
    ] as const) {
      field.text = text;
      client.send(['GET / HTTP/1.1', HOST]);
      await client.gets(/ok$/);
      assert.equal(bench.pool.size, waiting, text);
    }
  });

  test('is closed when its target leaves, after the request under way', async (t) => {
    const bench = await started(t);
    const sockets: Socket[] = [];
    await bench.sockets((socket) => {
      sockets.push(socket);
      socket.on('data', () => sockets.length === 1 && socket.write(OK));
    });
    const one = await bench.client();
    one.send(['GET / HTTP/1.1', HOST]);
    await one.gets(/ok$/);
    assert.equal(bench.pool.size, 1);
    bench.pool.drop(bench.targets[0]);
    assert.equal(bench.pool.size, 0);
    one.send(['GET / HTTP/1.1', HOST]);
    await bench.until(() => sockets.length === 2);
    bench.targets[0].isLeaving = true;
    sockets[1].write(OK);
    await one.gets(/ok$/);
    assert.equal(bench.pool.size, 0);
    assert.equal(bench.targets[0].active, 0);
  });

  test("begins with a PROXY header, and is then its client's alone", async (t) => {
    const bench = await started(t, { beginning: 'PROXY x\r\n' });
    const got: string[] = [];
    await bench.sockets(answering(got));
    const one = await bench.client();
    const two = await bench.client();
    for (const client of [one, one, two, one]) {
      client.send(['GET / HTTP/1.1', HOST]);
      await client.gets(/ok$/);
    }
    assert.deepEqual(
      got.filter((text) => text.includes('GET')).map((text) => text.startsWith('PROXY x\r\nGET / ')),
      [true, false, true, false],
    );
    assert.equal(bench.pool.size, 0);
  });

  test('is tried again elsewhere if it takes too long', async (t) => {
    // An address for documentation: a packet to it gets no answer, or one that says so.
    const bench = await started(t, { timeouts: { connect: 50 } });
    bench.unreachable('192.0.2.1');
    await bench.sockets(answering([]));
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/ok$/);
    assert.equal(bench.exchanges[0].attempts, 2);
  });
});
