import assert from 'node:assert/strict';
import { openAsBlob, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  BlobStore,
  type ByteStore,
  expandedLocation,
  RangeStore,
  storeAt,
  StoreError,
  StoreReader,
} from '../../../../native-free/explorer/capture/index.js';
import { CaptureError } from '../../../../src/capture/portable.js';
import { scratch } from '../../../cli/run.js';

const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server for one test. */
async function served(t: TestContext, answer: Answer): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
}

/** Answers as a server of ranges does. */
function ranges(bytes: () => Uint8Array, tag = (): string => '"1"'): Answer {
  return ({ headers }, response) => {
    const all = bytes();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const last = Math.min(Number(to), all.length - 1);
    if (Number(from) > last) {
      response.writeHead(416, { 'content-range': `bytes */${all.length}` }).end();
      return;
    }
    const range = `bytes ${from}-${last}/${all.length}`;
    response.writeHead(206, { 'content-range': range, etag: tag() }).end(all.subarray(Number(from), last + 1));
  };
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === expected && error.message.startsWith('a.pcap: ');
}

async function allOf(store: ByteStore, pieceBytes: number, readBytes: number): Promise<Uint8Array> {
  const reader = new StoreReader(store, pieceBytes);
  const chunks: Uint8Array[] = [];
  const into = new Uint8Array(readBytes);
  for (let count = await reader.read(into); count > 0; count = await reader.read(into)) {
    chunks.push(into.slice(0, count));
  }
  reader.close();
  return Buffer.concat(chunks);
}

describe('BlobStore', () => {
  test('reads bytes at any offset', async () => {
    const store = storeAt({ kind: 'blob', name: 'a.pcap', blob: new Blob([BYTES]) });
    assert.deepEqual([store.name, store.size], ['a.pcap', BYTES.length]);
    for (const [from, to] of [
      [0, 0],
      [0, 10],
      [99_990, 100_000],
      [5, 70_000],
    ]) {
      assert.ok(Buffer.from(await store.read(from, to)).equals(BYTES.subarray(from, to)));
    }
  });

  test('says so if the file has changed', async () => {
    const path = join(scratch(), 'a.pcap');
    writeFileSync(path, BYTES);
    const store = new BlobStore(await openAsBlob(path), 'a.pcap');
    await store.read(0, 10);
    writeFileSync(path, BYTES.subarray(0, 50));
    await assert.rejects(store.read(0, 60), code('READ_FAILED'));
  });
});

describe('RangeStore', () => {
  test('reads bytes at any offset', async (t) => {
    const url = await served(
      t,
      ranges(() => BYTES),
    );
    const store = storeAt({ kind: 'url', name: 'a.pcap', url, size: BYTES.length });
    assert.ok(Buffer.from(await store.read(17, 90_001)).equals(BYTES.subarray(17, 90_001)));
    assert.equal((await store.read(5, 5)).length, 0);
  });

  test('says so if the file has become longer, shorter or another one', async (t) => {
    let bytes = BYTES;
    let tag = '"1"';
    const url = await served(
      t,
      ranges(
        () => bytes,
        () => tag,
      ),
    );
    const open = (): RangeStore => new RangeStore(url, 'a.pcap', BYTES.length);
    bytes = Buffer.concat([BYTES, BYTES]);
    await assert.rejects(open().read(0, 10), code('FILE_CHANGED'));
    bytes = BYTES.subarray(0, 100);
    await assert.rejects(open().read(0, 10), code('FILE_CHANGED'));
    await assert.rejects(open().read(200, 300), code('FILE_CHANGED'));
    bytes = BYTES;
    const store = open();
    await store.read(0, 10);
    tag = '"2"';
    await assert.rejects(store.read(0, 10), code('FILE_CHANGED'));
  });

  test('does not take a whole file, a refusal, or half a response for a range', async (t) => {
    const url = await served(t, ({ url: path = '' }, response) => {
      if (path.endsWith('?all')) response.writeHead(200).end(BYTES);
      else if (path.endsWith('?half')) {
        response.writeHead(206, { 'content-range': 'bytes 0-9/100000', 'content-length': '10' });
        response.write('12345', () => response.destroy());
      } else response.writeHead(403).end();
    });
    const open = (query: string): RangeStore => new RangeStore(url + query, 'a.pcap', BYTES.length);
    await assert.rejects(open('?all').read(0, 10), code('NO_RANGES'));
    await assert.rejects(open('?half').read(0, 10), code('READ_FAILED'));
    await assert.rejects(open('').read(0, 10), code('READ_FAILED'));
    await assert.rejects(new RangeStore('http://127.0.0.1:1/', 'a.pcap', 10).read(0, 10), code('READ_FAILED'));
  });
});

describe('StoreReader', () => {
  test('reads a store from its start to its end, whatever the sizes of pieces and reads', async () => {
    const store = new BlobStore(new Blob([BYTES]), 'a.pcap');
    for (const [piece, read] of [
      [1000, 300],
      [1000, 5000],
      [100_000, 7],
      [99_999, 100_000],
      [1 << 20, 1 << 18],
    ]) {
      assert.ok(Buffer.from(await allOf(store, piece, read)).equals(BYTES), `${piece} ${read}`);
    }
    assert.equal((await allOf(new BlobStore(new Blob([]), 'a.pcap'), 10, 10)).length, 0);
  });

  test('has one piece read ahead', async () => {
    const asked: number[] = [];
    const store: ByteStore = {
      name: 'a.pcap',
      size: 1000,
      read: (from, to) => {
        asked.push(from);
        return Promise.resolve(BYTES.subarray(from, to));
      },
    };
    const reader = new StoreReader(store, 100);
    await reader.read(new Uint8Array(50));
    assert.deepEqual(asked, [0, 100]);
    await reader.read(new Uint8Array(50));
    await reader.read(new Uint8Array(50));
    assert.deepEqual(asked, [0, 100, 200]);
  });

  test('fails as a capture does, and is then at its end', async () => {
    let isGone = false;
    const blob = new BlobStore(new Blob([BYTES]), 'a.pcap');
    const store: ByteStore = {
      name: 'a.pcap',
      size: BYTES.length,
      read: (from, to) =>
        isGone ? Promise.reject(new StoreError('READ_FAILED', 'a.pcap: it is gone')) : blob.read(from, to),
    };
    const reader = new StoreReader(store, 1000);
    assert.equal(await reader.read(new Uint8Array(1000)), 1000);
    isGone = true;
    assert.equal(await reader.read(new Uint8Array(1000)), 1000);
    await assert.rejects(
      async () => reader.read(new Uint8Array(1000)),
      (error) => error instanceof CaptureError && error.code === 'FILE_UNUSABLE' && error.cause instanceof StoreError,
    );
    assert.equal(await reader.read(new Uint8Array(1000)), 0);
  });
});

describe('expandedLocation', () => {
  const at = (bytes: Uint8Array): { kind: 'blob'; name: string; blob: Blob } => ({
    kind: 'blob',
    name: 'a.pcap',
    blob: new Blob([bytes]),
  });
  async function bytesAt(location: Parameters<typeof storeAt>[0]): Promise<Buffer> {
    const store = storeAt(location);
    return Buffer.from(await store.read(0, store.size));
  }

  test('leaves a file that is not compressed as it is', async () => {
    for (const bytes of [BYTES, new Uint8Array(0), Uint8Array.of(0x1f)]) {
      const location = at(bytes);
      assert.deepEqual(await expandedLocation(location), { location, damage: undefined });
    }
  });

  test('expands a compressed one, and says how far it is', async () => {
    const packed = gzipSync(BYTES);
    const positions: number[] = [];
    const progress = (position: number): void => void positions.push(position);
    const { location, damage } = await expandedLocation(at(packed), { progress });
    assert.ok((await bytesAt(location)).equals(BYTES));
    assert.equal(damage, undefined);
    assert.equal(positions.at(-1), packed.length);
  });

  test('keeps what comes before damage, if anything does', async () => {
    const noise = Uint8Array.from({ length: 1 << 20 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
    const packed = gzipSync(noise);
    const { location, damage } = await expandedLocation(at(packed.subarray(0, packed.length - 1000)));
    const found = await bytesAt(location);
    assert.ok(found.length > 1000 && found.equals(noise.subarray(0, found.length)));
    assert.match(damage ?? '', /damaged, cut off/);
    await assert.rejects(expandedLocation(at(packed.subarray(0, 5))), code('NOT_EXPANDED'));
    await assert.rejects(expandedLocation(at(Uint8Array.of(0x1f, 0x8b, 1, 2, 3, 4, 5))), code('NOT_EXPANDED'));
  });

  test('refuses what expands to more than it keeps, before it has done so', async () => {
    const bomb = gzipSync(new Uint8Array(1 << 26));
    await assert.rejects(expandedLocation(at(bomb), { maxBytes: 1 << 20 }), code('TOO_LARGE'));
  });
});
