import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openCaptureFile, PcapWriter } from '../../../src/capture/index.js';
import { CapturePort } from '../../../src/live/index.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { Blocks } from '../../capture/build.js';
import { framesOf } from '../../cli/frames.js';
import { scratch } from '../../cli/run.js';
import { fixture } from '../../repository.js';
import { C1 } from '../../dataplane/topology.js';

const scratchFolder = scratch();
const RECORDING = fixture('vxlan/01-icmp.c1.pcap');

/** A port over the recording, with a clock set by the test. */
async function paced(
  speed: number | undefined,
  networkOf: (mac: string) => number,
  { slots = 256, frameBytes = 2000, path = RECORDING } = {},
) {
  const time = { now: 5000 };
  const source = await openCaptureFile(path);
  const port = new CapturePort({
    source,
    networkOf: (bytes, offset) => networkOf(Buffer.from(bytes.subarray(offset, offset + 6)).toString('hex')),
    ...(speed === undefined ? {} : { speed }),
    clock: () => time.now,
    wallClock: () => 1_700_000_000_123,
  });
  const arena = new Arena({ slots, frameBytes, debug: true });
  const batch = new PacketBatch(arena);
  // Reads complete in a later turn.
  const take = async (): Promise<number> => {
    for (let i = 0; i < 20; i++) {
      port.receive(batch);
      await turn();
    }
    port.receive(batch);
    return batch.count;
  };
  return { time, port, arena, batch, take };
}

describe('a capture port', () => {
  for (const speed of [undefined, 4]) {
    test(`provides frames at the recorded pace${speed === undefined ? '' : `, ${speed} times as fast`}`, async () => {
      const frames = await framesOf(RECORDING);
      const first = frames[0].seconds * 1000 + frames[0].nanoseconds / 1e6;
      const { time, take, arena, batch, port } = await paced(speed, () => 3);
      for (const passed of [0, 1, 500, 1000, 2500, 60_000]) {
        time.now = 5000 + passed;
        const due = frames.filter(
          ({ seconds, nanoseconds }) => seconds * 1000 + nanoseconds / 1e6 - first <= passed * (speed ?? 1),
        );
        assert.equal(await take(), due.length, `after ${passed} ms`);
      }
      for (let i = 0; i < batch.count; i++) {
        assert.equal(Buffer.from(arena.bytes.subarray(batch.start[i], batch.end[i])).toString('hex'), frames[i].hex);
        assert.equal(batch.network[i], 3);
      }
      assert.equal(port.ended, true);
      assert.deepEqual([port.counters.received, port.skipped], [frames.length, 0]);
      batch.clear();
      assert.deepEqual(arena.holders(), []);
    });
  }

  test('provides frames without a timestamp immediately, and starts the clock at the first with one', async () => {
    const blocks = new Blocks(false);
    const frame = new Uint8Array(60).fill(2);
    const second = 1_000_000n;
    const path = join(scratchFolder, 'timeless.pcapng');
    // One block has no timestamp, and another has an absurd one.
    const stamped = [1_700_000_000n, 1_700_000_001n].map((at) => blocks.enhanced(0, at * second, frame));
    const absurd = blocks.enhanced(1, 1n, frame);
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(-(2n ** 62n));
    writeFileSync(
      path,
      Buffer.concat([
        blocks.section(),
        blocks.interface(1, 0),
        blocks.interface(1, 0, [14, offset]),
        ...[blocks.simple(frame), absurd, stamped[0], absurd, stamped[1]],
      ]),
    );
    const { time, take, batch } = await paced(undefined, () => 0, { path });
    time.now = 7000;
    assert.equal(await take(), 4);
    time.now = 7999;
    assert.equal(await take(), 4);
    time.now = 8000;
    assert.equal(await take(), 5);
    batch.clear();
  });

  test('skips and counts frames that aren’t from a local endpoint', async () => {
    const frames = await framesOf(RECORDING);
    const { take, port, batch } = await paced(Infinity, (mac) => (mac === C1 ? 0 : -1));
    const own = frames.filter(({ hex }) => hex.slice(12, 24) === C1).length;
    assert.equal(await take(), own);
    assert.equal(port.skipped, frames.length - own);
    batch.clear();
  });

  test('holds frames back while the arena has no free slot, and loses none', async () => {
    const frames = await framesOf(RECORDING);
    const { take, port, batch, arena } = await paced(Infinity, () => 0, { slots: 3 });
    const came: string[] = [];
    for (let rounds = 0; came.length < frames.length && rounds < frames.length; rounds++) {
      assert.equal(await take(), Math.min(3, frames.length - came.length));
      for (let i = 0; i < batch.count; i++) {
        came.push(Buffer.from(arena.bytes.subarray(batch.start[i], batch.end[i])).toString('hex'));
      }
      batch.clear();
    }
    assert.deepEqual(
      came,
      frames.map(({ hex }) => hex),
    );
    assert.deepEqual([port.counters.received, port.skipped], [frames.length, 0]);
  });

  test('skips and counts frames longer than a slot', async () => {
    const frames = await framesOf(RECORDING);
    const { take, port, batch } = await paced(Infinity, () => 0, { frameBytes: 200 });
    const short = frames.filter(({ hex }) => hex.length <= 400).length;
    assert.ok(short > 0 && short < frames.length);
    assert.equal(await take(), short);
    assert.equal(port.skipped, frames.length - short);
    batch.clear();
  });

  test('writes frames with the current time, and provides none without a capture', () => {
    const parts: Uint8Array[] = [];
    const sink = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
    const port = new CapturePort({ sink, networkOf: () => 0, clock: () => 0, wallClock: () => 1_700_000_000_123 });
    port.send(
      Uint8Array.from({ length: 100 }, (_, i) => i),
      10,
      74,
    );
    sink.flush();
    const bytes = Buffer.concat(parts);
    assert.deepEqual(
      [24, 28, 32, 36].map((at) => bytes.readUInt32LE(at)),
      [1_700_000_000, 123_000_000, 64, 64],
    );
    assert.deepEqual([...bytes.subarray(40, 43)], [10, 11, 12]);
    assert.equal(port.ended, true);
    assert.deepEqual(port.counters, { received: 0, sent: 1, refused: 0 });
    assert.equal(port.receive(new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }))), 0);
    port.close();
    port.close();
  });
});
