import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { writeCopy } from '../../../../src/live/mesh/http1/write-copy.js';

const PIECE = 65_536;

/** A stream that says when a chunk is written. */
class Slow extends Writable {
  readonly chunks: Buffer[] = [];
  readonly #done: ((error?: Error) => void)[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.chunks.push(chunk);
    this.#done.push(done);
  }

  finish(error?: Error): void {
    this.#done.shift()?.(error);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('written copies', () => {
  it('stay what they were, until they are written', async () => {
    const slow = new Slow();
    const bytes = Buffer.alloc(PIECE);
    for (let i = 1; i <= 3; i++) writeCopy(slow, bytes.fill(i), i, PIECE - i);
    for (let i = 1; i <= 3; i++) {
      assert.deepEqual(slow.chunks[i - 1], Buffer.alloc(PIECE - 2 * i, i));
      slow.finish();
      await turn();
    }
  });

  it('use memory again that has been written, and no other', async () => {
    const [one, other] = [new Slow(), new Slow()];
    const bytes = Buffer.alloc(PIECE);
    writeCopy(one, bytes, 0, PIECE);
    one.finish();
    await turn();
    writeCopy(one, bytes, 0, PIECE);
    assert.equal(one.chunks[1].buffer, one.chunks[0].buffer);
    writeCopy(other, bytes, 0, PIECE);
    assert.notEqual(other.chunks[0].buffer, one.chunks[1].buffer);
  });

  it('leave memory alone whose writing failed', async () => {
    const [failed, next] = [new Slow(), new Slow()];
    failed.on('error', () => undefined);
    const bytes = Buffer.alloc(PIECE);
    writeCopy(failed, bytes, 0, PIECE);
    failed.finish(new Error('reset'));
    await turn();
    writeCopy(next, bytes, 0, PIECE);
    assert.notEqual(next.chunks[0].buffer, failed.chunks[0].buffer);
  });

  it('may be longer than a piece of memory', () => {
    const slow = new Slow();
    writeCopy(slow, Buffer.alloc(PIECE + 2, 7), 1, PIECE + 2);
    assert.deepEqual(slow.chunks[0], Buffer.alloc(PIECE + 1, 7));
  });
});
