import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type CaptureError, openCaptureStream, StreamReader } from '../../src/capture/index.js';
import { pcapFile } from './build.js';
import { drain } from './read.js';

const FILE = pcapFile([{ data: Buffer.alloc(60, 1) }, { data: Buffer.alloc(70_000, 2) }]);

describe('StreamReader', () => {
  test('gives every byte, whatever the pieces are', async () => {
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

  test('an end, a close and an error wake whoever waits', async () => {
    for (const end of [(stream: PassThrough) => void stream.end(), (stream: PassThrough) => void stream.destroy()]) {
      const stream = new PassThrough();
      const reader = new StreamReader(stream, 'x');
      const read = reader.read(new Uint8Array(1));
      setImmediate(() => end(stream));
      assert.equal(await read, 0);
    }
    const stream = new PassThrough();
    const read = new StreamReader(stream, 'x').read(new Uint8Array(1));
    setImmediate(() => stream.destroy(new Error('torn')));
    await assert.rejects(async () => read, { code: 'FILE_UNUSABLE', message: 'x: torn' });
  });
});

describe('openCaptureStream', () => {
  test('reads captures of streams as of files, gzip-compressed or not', async () => {
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

  test('names the stream that holds no capture', async () => {
    const stream = Readable.from([Buffer.from('nothing of the kind, but long enough')], { objectMode: false });
    await assert.rejects(openCaptureStream(stream, 'a stream'), (error: CaptureError) => {
      assert.equal(error.code, 'NOT_A_CAPTURE');
      assert.match(error.message, /^a stream: /);
      return true;
    });
  });
});
