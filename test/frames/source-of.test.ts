/** Packets of a program, read like a capture. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { conversations } from '../../src/frames/conversations.js';
import { edit } from '../../src/frames/edit.js';
import type { Frame } from '../../src/frames/frame.js';
import { openFrames, openOverlay } from '../../src/frames/open-overlay.js';
import { type PacketRecord, sourceOf } from '../../src/frames/source-of.js';
import { fixture } from '../repository.js';

const WIRE = fixture('docker/07-encrypted.underlay.pcap');
const COOKED = fixture('vxlan/11-any-sll.pcap');
const KEYS = fixture('docker/swarm-keys.txt');

async function allOf<T>(frames: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

async function packetsOf(path: string): Promise<Frame['packet'][]> {
  return (await allOf(openFrames(path))).map(({ packet }) => packet);
}

function textOf({ vni, number, bytes, timeNanoseconds, spi }: Frame): string {
  return [vni, number, Buffer.from(bytes).toString('hex'), timeNanoseconds, spi].join(' ');
}

describe('sourceOf', () => {
  for (const path of [WIRE, COOKED]) {
    test(`gives what the file gives, from an array and from a generator: ${path.replace(/.*\//, '')}`, async () => {
      const expected = (await allOf(openOverlay(path, { keys: KEYS }))).map(textOf);
      assert.ok(expected.length > 0);
      const packets = await packetsOf(path);
      async function* generated(): AsyncGenerator<PacketRecord> {
        for (const { bytes, linkType, originalLength, timeNanoseconds } of packets) {
          await Promise.resolve();
          yield { bytes, linkType, originalLength, timeNanoseconds };
        }
      }
      for (const source of [sourceOf(packets), sourceOf(generated())]) {
        assert.deepEqual((await allOf(openOverlay(source, { keys: KEYS }))).map(textOf), expected);
        await source.close();
      }
    });
  }

  test('takes frames, edited packets and bytes', async () => {
    const frames = await allOf(openOverlay(WIRE, { keys: KEYS }));
    const inner = await conversations(sourceOf(frames));
    const overlay = (await conversations(WIRE, { keys: KEYS })).filter(({ vni }) => vni !== null);
    // A rate depends on rounding: times count from the first packet, here another one.
    assert.deepEqual(
      inner.map((one) => ({ ...one, bitsPerSecond: null })),
      overlay.map((one) => ({ ...one, vni: null, bitsPerSecond: null })),
    );
    const edited = frames.map((frame) => edit(frame).outer().finish());
    assert.equal((await allOf(openOverlay(sourceOf(edited)))).length, edited.length);
    const [{ inner: headers, time }] = await allOf(openFrames(sourceOf([frames[0].bytes])));
    assert.deepEqual([headers.source, time], [frames[0].inner.source, undefined]);
    const at = new Date('2026-11-21T03:28:06.788Z');
    const [timed] = await allOf(openFrames(sourceOf([{ bytes: frames[0].bytes, time: at, originalLength: 5000 }])));
    assert.deepEqual([timed.time, timed.length, timed.truncated], [at, 5000, true]);
  });

  test('what the iterable throws, or what is no packet, is thrown with the name', async () => {
    function* broken(): Generator<Uint8Array> {
      yield new Uint8Array(60);
      throw new Error('out of packets');
    }
    const read: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const frame of openFrames(sourceOf(broken(), 'radio'))) read.push(frame);
      },
      { code: 'FILE_UNUSABLE', message: 'radio: out of packets' },
    );
    assert.equal(read.length, 1);
    for (const bad of [5, null, undefined, [5], [undefined], [{ bytes: 'text' }]]) {
      await assert.rejects(allOf(openFrames(sourceOf(bad as never))), { code: 'FILE_UNUSABLE' });
    }
  });

  test('packets that are passed without it are refused with a hint', async () => {
    async function* packets(): AsyncGenerator<never> {
      await Promise.resolve();
      yield { bytes: new Uint8Array(60) } as never;
    }
    await assert.rejects(allOf(openFrames(packets())), { code: 'FILE_UNUSABLE', message: /sourceOf/ });
  });

  test('close ends the iteration, also while it waits', async () => {
    let ended = 0;
    function* endless(): Generator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(60);
      } finally {
        ended++;
      }
    }
    const source = sourceOf(endless());
    for await (const frame of openFrames(source)) if (frame.number === 3) break;
    assert.equal(ended, 0, 'the source is the caller’s');
    await source.close();
    assert.deepEqual([ended, await source.next()], [1, undefined]);

    const silent = sourceOf({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) });
    const waiting = allOf(openFrames(silent));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await silent.close();
    assert.deepEqual(await waiting, []);
  });

  test('a long array leaves turns to the event loop', async () => {
    const packets = Array.from({ length: 100_000 }, () => new Uint8Array(60));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await conversations(sourceOf(packets));
    clearInterval(timer);
    assert.ok(turns >= 3, `${turns} turns`);
  });
});
