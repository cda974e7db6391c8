/** Comments of packets in pcapng files. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PcapngWriter } from '../../src/capture/index.js';
import { scratch } from '../cli/run.js';
import { missing } from '../repository.js';
import { noise } from './build.js';
import { read } from './read.js';
import { KeepingSink } from './written.js';

interface Commented {
  readonly data: Uint8Array;
  /** Undefined for none. */
  readonly comment: string | undefined;
}

function written(packets: readonly Commented[]): Uint8Array {
  const kept = new KeepingSink();
  const writer = new PcapngWriter(kept.sink);
  const id = writer.addInterface('web');
  packets.forEach(({ data, comment }, i) => {
    const bytes = comment === undefined ? undefined : new TextEncoder().encode(`${comment}rest`);
    const text = bytes === undefined ? undefined : { bytes, length: bytes.length - 'rest'.length };
    writer.write(data, 0, data.length, data.length, 1_700_000_000 + i, 0, id, text);
  });
  writer.flush();
  return kept.bytes;
}

/** Comments of every length modulo 4, an empty one, and packets without. */
const SAMPLES: readonly Commented[] = ['a', undefined, 'ab', 'abc', '', 'größe → 網', 'abcde', undefined].map(
  (comment, i) => ({ data: noise(60 + i, i), comment }),
);

describe('comments of packets', () => {
  test('are options of the packet block, padded and ended, with the lengths right', () => {
    const [bytes] = [written([{ data: noise(6, 1), comment: 'größe' }])];
    // The block's type, length, interface, time and lengths; the packet and its padding; the comment, its padding, the end.
    const block = Buffer.from(bytes.subarray(bytes.length - (28 + 8 + 4 + 8 + 4 + 4)));
    assert.equal(block.readUInt32LE(4), block.length);
    assert.equal(block.readUInt32LE(block.length - 4), block.length);
    const options = block.subarray(36, -4);
    assert.deepEqual([options.readUInt16LE(0), options.readUInt16LE(2)], [1, 7]);
    assert.equal(options.subarray(4, 11).toString(), 'größe');
    assert.deepEqual([...options.subarray(11)], [0, 0, 0, 0, 0]);
  });

  test('leave the packets as they are', async () => {
    const { packets, damage, notes } = await read(written(SAMPLES));
    assert.deepEqual([damage, notes], [undefined, []]);
    assert.deepEqual(
      packets.map(({ hex }) => hex),
      SAMPLES.map(({ data }) => Buffer.from(data).toString('hex')),
    );
  });

  test('longer than an option are cut at a character', async () => {
    const comment = `${'x'.repeat(65_534)}ö`;
    const bytes = written([
      { data: noise(60, 1), comment },
      { data: noise(60, 2), comment: undefined },
    ]);
    const text = Buffer.from(bytes).toString('latin1');
    assert.ok(text.includes(`${'x'.repeat(65_534)}\0\0`));
    assert.equal((await read(bytes)).packets.length, 2);
  });

  test('outside of their buffer are refused', () => {
    const writer = new PcapngWriter(() => undefined);
    const id = writer.addInterface('web');
    const frame = new Uint8Array(60);
    const comment = { bytes: new Uint8Array(4), length: 5 };
    assert.throws(() => writer.write(frame, 0, 60, 60, 0, 0, id, comment), { code: 'BAD_RANGE' });
  });

  test('are those that tshark shows', { skip: missing('tshark') }, () => {
    const path = join(scratch(), 'comments.pcapng');
    writeFileSync(path, written(SAMPLES));
    const { status, stdout, stderr } = spawnSync('tshark', ['-r', path, '-T', 'fields', '-e', 'frame.comment'], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      stdout.replace(/\n$/, '').split('\n'),
      SAMPLES.map(({ comment = '' }) => comment),
    );
  });
});
