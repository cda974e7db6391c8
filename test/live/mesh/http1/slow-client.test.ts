/** Clients that read more slowly than a backend answers: it is held back, and its connection serves others afterwards. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MeshBench } from './mesh-bench.js';

const HOST = 'Host: a.example.org';
/** More than a socket of Node takes before it says that it is full, and less than one read of the backend. */
const LARGE = 30_000;

describe('a client that reads more slowly than its backend answers', () => {
  test("doesn't hold back the next request on the connection to the backend", async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    let connections = 0;
    const server = await bench.http((request, response) => {
      response.end(request.url === '/large' ? Buffer.alloc(LARGE, 'a') : `<${request.url ?? ''}>`);
    });
    server.on('connection', () => connections++);
    const slow = await bench.client();
    slow.send(['GET /large HTTP/1.1', HOST]);
    for (let length = 0; length < LARGE;) length += (await slow.gets(/a$/)).length;
    const other = await bench.client();
    for (const path of ['/1', '/2']) {
      other.send([`GET ${path} HTTP/1.1`, HOST]);
      assert.match(await other.gets(/>$/), new RegExp(`<${path}>$`));
    }
    assert.equal(connections, 1);
  });

  test('has no requests answered that it sent meanwhile, and gets whole responses if it ends its side', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    await bench.http((request, response) => {
      response.end(request.url === '/large' ? Buffer.alloc(LARGE, 'a') : 'ok');
    });
    const slow = await bench.client();
    slow.socket.pause();
    // More than the kernel keeps for a connection.
    const requests = 1000;
    slow.socket.write(`GET /large HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(requests));
    const count = (): number => bench.exchanges.filter(({ path }) => path === '/large').length;
    const other = await bench.client();
    for (let before = -1, same = 0; same < 20; before = count()) {
      other.send(['GET /small HTTP/1.1', HOST]);
      await other.gets(/ok$/);
      same = count() === before && before > 0 ? same + 1 : 0;
    }
    const answered = count();
    assert.ok(answered < requests, `${answered} were answered`);
    assert.ok(bench.fronts[0].socket.writableLength < 4 * LARGE);
    slow.socket.end();
    slow.socket.resume();
    await slow.ends();
    assert.equal(slow.text.split('a'.repeat(LARGE)).length - 1, answered);
    assert.equal(slow.text.endsWith('a'.repeat(LARGE)), true);
  });
});
