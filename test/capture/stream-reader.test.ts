import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  type CaptureError,
  IterableReader,
  openCapture,
  openCaptureStream,
  StreamReader,
} from '../../src/capture/index.js';
import { pcapFile } from './build.js';
import { drain } from './read.js';

const FILE = pcapFile([{ data: Buffer.alloc(60, 1) }, { data: Buffer.alloc(70_000, 2) }]);

describe('StreamReader', () => {
  test('returns every byte, whatever the pieces are', async () => {
    const reader = new StreamReader(
      Readable.from([Buffer.from('abc'), Buffer.from('defgh')], { objectMode: false }),
      'x',
    );
    const into = new Uint8Array(2);
    let text = '';
    for (let count = await reader.read(into); count > 0; count = await reader.read(into)) {
      text += Buffer.from(into.subarray(0, count)).toString();
    }
    assert.equal(text, 'abcdefgh');
  });

  test('an end, a close and an error wake a pending read', async () => {
    const ended = new PassThrough();
    const end = new StreamReader(ended, 'x').read(new Uint8Array(1));
    setImmediate(() => ended.end());
    assert.equal(await end, 0);
    for (const [error, message] of [
      [undefined, 'x: it was closed before it ended'],
      [new Error('torn'), 'x: torn'],
    ] as const) {
      const stream = new PassThrough();
      const read = new StreamReader(stream, 'x').read(new Uint8Array(1));
      setImmediate(() => stream.destroy(error));
      await assert.rejects(async () => read, { code: 'FILE_UNUSABLE', message });
    }
  });

  test('a stream that has already been destroyed fails like one destroyed while it is read', async () => {
    for (const [error, message] of [
      [undefined, 'x: it was closed before it ended'],
      [new Error('torn'), 'x: torn'],
    ] as const) {
      const stream = new PassThrough().on('error', () => undefined);
      stream.destroy(error);
      await new Promise((done) => setImmediate(done));
      await assert.rejects(async () => new StreamReader(stream, 'x').read(new Uint8Array(1)), {
        code: 'FILE_UNUSABLE',
        message,
      });
      await assert.rejects(openCaptureStream(stream, 'x'), { code: 'FILE_UNUSABLE', message });
    }
  });

  test('a close after the end is not an error, nor is closing the reader', async () => {
    const stream = new PassThrough();
    const reader = new StreamReader(stream, 'x');
    stream.end(Buffer.from('abc'));
    const into = new Uint8Array(8);
    assert.equal(await reader.read(into), 3);
    assert.equal(await reader.read(into), 0);
    await new Promise((done) => setImmediate(done));
    assert.deepEqual([stream.destroyed, await reader.read(into)], [true, 0]);
    const open = new PassThrough();
    const other = new StreamReader(open, 'x');
    const read = other.read(into);
    other.close();
    assert.equal(await read, 0);
  });
});

describe('openCaptureStream', () => {
  test('reads captures from streams as from files, gzip-compressed or not', async () => {
    for (const bytes of [FILE, gzipSync(FILE)]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
        bytes.subarray(i * 1000, i * 1000 + 1000),
      );
      const source = await openCaptureStream(Readable.from(pieces, { objectMode: false }), 'a stream');
      assert.equal(source.name, 'a stream');
      const { packets, damage } = await drain(source);
      assert.equal(damage, undefined);
      assert.deepEqual(
        packets.map(({ hex }) => hex.length / 2),
        [60, 70_000],
      );
    }
  });

  test('has a name without being given one', async () => {
    const stream = Readable.from([Buffer.from('nothing of the kind, but long enough')], { objectMode: false });
    await assert.rejects(openCaptureStream(stream), { message: /^stream: it is neither pcap nor pcapng/ });
  });

  test("names the stream that isn't a capture", async () => {
    const stream = Readable.from([Buffer.from('nothing of the kind, but long enough')], { objectMode: false });
    await assert.rejects(openCaptureStream(stream, 'a stream'), (error: CaptureError) => {
      assert.equal(error.code, 'NOT_A_CAPTURE');
      assert.match(error.message, /^a stream: /);
      return true;
    });
  });

  const NOTHING = Buffer.from('nothing of the kind, but long enough');
  const HALVES = [FILE.subarray(0, 50), new Uint8Array(0), FILE.subarray(50)];

  async function* generate(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      await Promise.resolve();
      yield piece;
    }
  }

  const iterables: [string, () => AsyncIterable<Uint8Array>][] = [
    ['a generator', () => generate(HALVES)],
    ['a web ReadableStream', () => new Blob(HALVES).stream()],
    ['a Readable in object mode that yields bytes', () => Readable.from(HALVES)],
  ];
  for (const [what, open] of iterables) {
    test(`reads ${what}`, async () => {
      const { packets, damage } = await drain(await openCaptureStream(open(), 'x'));
      assert.equal(damage, undefined);
      assert.equal(packets.length, 2);
    });
  }

  test("a stream that isn't a capture is not destroyed, and the rest can still be read", async () => {
    const stream = new PassThrough();
    const listeners = (): number[] => ['readable', 'end', 'close', 'error'].map((name) => stream.listenerCount(name));
    const before = listeners();
    stream.write(NOTHING);
    await assert.rejects(openCaptureStream(stream, 'x'), { code: 'NOT_A_CAPTURE' });
    assert.equal(stream.destroyed, false);
    assert.deepEqual(listeners(), before);
    stream.end('the rest');
    assert.equal((await stream.toArray()).join(''), 'the rest');
  });

  test("closing a source leaves its stream open: Node's, the web's, and a generator", async () => {
    const readable = new PassThrough();
    readable.write(FILE.subarray(0, 100));
    const first = await openCaptureStream(readable, 'x');
    await first.next();
    await first.close();
    assert.equal(readable.destroyed, false);

    let cancelled = false;
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(FILE.subarray(0, 100)),
      cancel: () => void (cancelled = true),
    });
    await (await openCaptureStream(web, 'x')).close();
    assert.equal(cancelled, false);

    const endless = generate([FILE, NOTHING]);
    await (await openCaptureStream(endless, 'x')).close();
    assert.deepEqual(await endless.next(), { done: false, value: NOTHING });
  });

  test('closing wakes a read that waits for bytes that never arrive', async () => {
    const streams = [new PassThrough(), new ReadableStream<Uint8Array>() as unknown as AsyncIterable<Uint8Array>];
    for (const stream of streams) {
      if (stream instanceof PassThrough) stream.write(FILE.subarray(0, 40));
      const source =
        stream instanceof PassThrough
          ? await openCaptureStream(stream, 'x')
          : await openCapture(new IterableReader(startingWith(FILE.subarray(0, 40), stream), 'x'));
      const next = source.next();
      setImmediate(() => void source.close());
      assert.equal(await next, undefined);
    }
  });

  async function* startingWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield first;
    yield* rest;
  }

  test("a stream that was read before is refused as such, and doesn't block", async () => {
    const ended = Readable.from([FILE], { objectMode: false });
    await ended.toArray();
    await assert.rejects(openCaptureStream(ended, 'x'), { code: 'NOT_A_CAPTURE', message: /read to its end before/ });
  });

  test("rejects text instead of bytes with an explanation, and reports the stream's own failures", async () => {
    const text = Readable.from([FILE], { objectMode: false }).setEncoding('latin1');
    await assert.rejects(openCaptureStream(text, 'x'), { code: 'FILE_UNUSABLE', message: /yields text, not bytes/ });
    async function* torn(): AsyncGenerator<Uint8Array> {
      yield FILE.subarray(0, 10);
      await Promise.resolve();
      throw new Error('torn');
    }
    await assert.rejects(openCaptureStream(torn(), 'x'), { code: 'FILE_UNUSABLE', message: 'x: torn' });
  });

  test('a server can answer an upload that is not a capture', async () => {
    const server = createServer((request, response) => {
      openCaptureStream(request, 'upload').then(
        () => response.end('?'),
        (error: unknown) => response.writeHead(400).end((error as CaptureError).code),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      // Far more than the first read consumes.
      const body = Buffer.alloc(1 << 22, 0x20);
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
      assert.deepEqual([answer.status, await answer.text()], [400, 'NOT_A_CAPTURE']);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
