/** Clients of HTTP/2 that break the rules, or keep to them to do harm. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { fetched, Http2Bench } from './http2-bench.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const Type = { Data: 0, Headers: 1, Reset: 3, Settings: 4, Ping: 6, GoAway: 7, Continuation: 9 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as HPACK has them without its tables (RFC 7541 section 6.2.2). */
function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name, 'latin1'),
      Buffer.from([value.length]),
      Buffer.from(value, 'latin1'),
    ]),
  );
}

const GET = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a.example.org'],
] as const;

/** Frames as they come. */
class Frames {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  readonly all: { readonly type: number; readonly stream: number; readonly payload: Buffer }[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      while (this.#bytes.length >= 9) {
        const end = 9 + this.#bytes.readUIntBE(0, 3);
        if (this.#bytes.length < end) return;
        this.all.push({
          type: this.#bytes[3],
          stream: this.#bytes.readUInt32BE(5),
          payload: this.#bytes.subarray(9, end),
        });
        this.#bytes = this.#bytes.subarray(end);
      }
    });
  }

  /** The first of a type, when it comes; undefined if the connection ends without. */
  async first(type: number): Promise<Buffer | undefined> {
    for (;;) {
      const found = this.all.find((one) => one.type === type);
      if (found !== undefined) return found.payload;
      if (this.#socket.destroyed || this.#socket.readableEnded) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function started(t: TestContext): Promise<{ bench: Http2Bench; seen: () => number }> {
  const bench = await Http2Bench.start();
  t.after(() => bench.close());
  let seen = 0;
  await bench.http((request, response) => {
    seen++;
    request.on('end', () => response.end('ok'));
    request.resume();
  });
  return { bench, seen: () => seen };
}

async function greeted(bench: Http2Bench): Promise<{ socket: Socket; frames: Frames }> {
  const socket = await bench.socket();
  const frames = new Frames(socket);
  socket.write(Buffer.concat([PREFACE, frame(Type.Settings, 0, 0)]));
  await frames.first(Type.Settings);
  return { socket, frames };
}

describe('a client of HTTP/2 that breaks the rules', () => {
  test('reaches no backend with what HTTP/1 would read differently', async (t) => {
    const { bench, seen } = await started(t);
    const bad: readonly (readonly (readonly [string, string])[])[] = [
      [...GET, ['transfer-encoding', 'chunked']],
      [...GET, ['connection', 'close']],
      [...GET, ['te', 'gzip']],
      [...GET, ['host', 'b.example.org']],
      [...GET, ['content-length', '5']],
      [...GET, ['content-length', '0'], ['content-length', '0']],
      [[':method', 'GET / HTTP/1.1'], ...GET.slice(1)],
      [...GET.slice(0, 2), [':path', '/ HTTP/1.1'], ...GET.slice(3)],
      [...GET.slice(0, 2), [':path', 'http://b.example.org/'], ...GET.slice(3)],
      [...GET.slice(0, 3), [':authority', 'a.example.org@b']],
      [...GET, ['x', '1'], [':path', '/y']],
    ];
    for (const fields of bad) {
      const { socket, frames } = await greeted(bench);
      socket.write(frame(Type.Headers, END_STREAM | END_HEADERS, 1, fieldBlock(fields)));
      socket.write(frame(Type.Ping, 0, 0, Buffer.alloc(8)));
      await frames.first(Type.Ping);
      socket.destroy();
    }
    assert.equal(seen(), 0);
    assert.equal((await fetched(bench.client())).body, 'ok');
  });

  test('loses fields that aren’t fields, or the request: nghttp2 decides', async (t) => {
    const bench = await Http2Bench.start();
    t.after(() => bench.close());
    const names: string[] = [];
    await bench.http((request, response) => {
      names.push(...request.rawHeaders.map((text) => text.toLowerCase()));
      response.end('ok');
    });
    const bad: readonly (readonly [string, string])[] = [
      ['x', 'a\r\nTransfer-Encoding: chunked'],
      ['x\r\ny', 'z'],
      ['x', 'a\0b'],
      ['X', 'a'],
    ];
    for (const field of bad) {
      const { socket, frames } = await greeted(bench);
      socket.write(frame(Type.Headers, END_STREAM | END_HEADERS, 1, fieldBlock([...GET, field])));
      while (bench.exchanges.length === 0 && !frames.all.some(({ type }) => type === Type.Reset)) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      bench.exchanges.length = 0;
      socket.destroy();
    }
    for (const name of ['x', 'y', 'transfer-encoding']) assert.ok(!names.includes(name), name);
  });

  test('is reset if its content isn’t as long as it said, and the backend never has the whole of it', async (t) => {
    const { bench } = await started(t);
    for (const length of ['2', '9']) {
      const { socket, frames } = await greeted(bench);
      const fields = fieldBlock([[':method', 'POST'], ...GET.slice(1), ['content-length', length]]);
      socket.write(frame(Type.Headers, END_HEADERS, 1, fields));
      socket.write(frame(Type.Data, END_STREAM, 1, Buffer.from('12345')));
      assert.equal((await frames.first(Type.Reset))?.readUInt32BE(0), 1);
      socket.destroy();
    }
  });

  test('is cut off if it resets as fast as it asks', async (t) => {
    const { bench } = await started(t);
    const { socket, frames } = await greeted(bench);
    const fields = fieldBlock(GET);
    for (let stream = 1; stream < 6000 && !socket.destroyed; stream += 2) {
      socket.write(frame(Type.Headers, END_STREAM | END_HEADERS, stream, fields));
      socket.write(frame(Type.Reset, 0, stream, Buffer.from([0, 0, 0, 8])));
      if (stream % 100 === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    if (!socket.destroyed) await once(socket, 'close');
    assert.ok(frames.all.some(({ type }) => type === Type.GoAway) || socket.destroyed);
    assert.ok(bench.exchanges.length < 1500, String(bench.exchanges.length));
  });

  test('is cut off if its fields don’t end', async (t) => {
    const { bench, seen } = await started(t);
    const { socket } = await greeted(bench);
    socket.write(frame(Type.Headers, END_STREAM, 1, fieldBlock(GET)));
    const more = frame(Type.Continuation, 0, 1, fieldBlock([['x', 'y'.repeat(100)]]));
    for (let i = 0; i < 1000 && !socket.destroyed; i++) {
      socket.write(more);
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (!socket.destroyed) await once(socket, 'close');
    assert.equal(seen(), 0);
  });

  test('is cut off if it never reads the answers to its pings', async (t) => {
    const { bench } = await started(t);
    const { socket } = await greeted(bench);
    socket.pause();
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => frame(Type.Ping, 0, 0, Buffer.alloc(8))));
    for (let i = 0; i < 400 && bench.front.size > 0; i++) {
      socket.write(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (bench.front.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('has no answer of the mesh waiting for it for ever', async (t) => {
    const { bench } = await started(t);
    const { socket, frames } = await greeted(bench);
    // SETTINGS_INITIAL_WINDOW_SIZE of 0: it reads no content.
    socket.write(frame(Type.Settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])));
    const unknown = GET.map(([name, value]) => [name, name === ':authority' ? 'b.example.org' : value] as const);
    socket.write(frame(Type.Headers, END_STREAM | END_HEADERS, 1, fieldBlock(unknown)));
    await frames.first(Type.Headers);
    assert.equal(bench.exchanges.length, 0);
    bench.later = bench.timeouts.response + 1;
    while (bench.exchanges.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([bench.exchanges[0].status, bench.exchanges[0].failure], [503, 'unknown-host']);
  });

  test('is disconnected if it doesn’t close its side when it is told to', async (t) => {
    const { bench } = await started(t);
    const socket = await bench.socket();
    socket.write(Buffer.concat([PREFACE, frame(Type.Settings, 0, 0)]));
    while (bench.front.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // It never sees that the mesh has ended.
    socket.pause();
    bench.later = bench.timeouts.head + 1;
    while (!bench.sockets[0].writableEnded) await new Promise((resolve) => setTimeout(resolve, 5));
    bench.later += bench.timeouts.head + 1;
    while (bench.front.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(bench.sockets[0].destroyed, true);
  });

  test('gets 405 for CONNECT', async (t) => {
    const { bench } = await started(t);
    const { socket, frames } = await greeted(bench);
    const fields = fieldBlock([
      [':method', 'CONNECT'],
      [':authority', 'a.example.org:80'],
    ]);
    socket.write(frame(Type.Headers, END_HEADERS, 1, fields));
    await frames.first(Type.Data);
    assert.equal(bench.exchanges[0]?.status ?? 405, 405);
  });
});
