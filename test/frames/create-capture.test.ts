/** Captures that are written: complete or not at all, and unchanged where nothing was to change. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CapturedPacket } from '../../src/frames/captured-packet.js';
import { createCapture } from '../../src/frames/create-capture.js';
import type { Frame } from '../../src/frames/frame.js';
import { openFrames, openOverlay } from '../../src/frames/open-overlay.js';
import { scratch } from '../cli/run.js';
import { fixture } from '../repository.js';

const WIRE = fixture('docker/07-encrypted.underlay.pcap');
const KEYS = fixture('docker/swarm-keys.txt');
const folder = scratch();

async function allOf<T>(frames: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const frames = await allOf(openOverlay(fixture('docker/03-vip-http.underlay.pcap')));

describe('createCapture', () => {
  test('writes inner frames, and reads them back', async () => {
    const path = join(folder, 'frames.pcapng');
    const output = await createCapture(path);
    for (const frame of frames) await output.write(frame);
    assert.ok(!existsSync(path));
    await output.close();
    const back = await allOf(openFrames(path));
    assert.deepEqual(
      back.map(({ bytes, timeNanoseconds }) => [Buffer.from(bytes), timeNanoseconds]),
      frames.map(({ bytes, timeNanoseconds }) => [Buffer.from(bytes), timeNanoseconds]),
    );
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('packets selected by their inner frames are written unchanged, still encrypted, with all fragments', async () => {
    const path = join(folder, 'selected.pcap');
    const output = await createCapture(path, { ownerOnly: false });
    const wanted: Frame[] = [];
    for await (const frame of openOverlay(WIRE, { keys: KEYS })) {
      if (frame.inner.protocol !== 'TCP') continue;
      wanted.push(frame);
      await output.write(frame.packets);
    }
    await output.close();
    assert.ok(wanted.length > 0 && wanted.length < 126);
    const sealed = openOverlay(path);
    assert.deepEqual(await allOf(sealed), []);
    assert.equal(sealed.counts.esp, wanted.length);
    const opened = await allOf(openOverlay(path, { keys: KEYS }));
    assert.deepEqual(
      opened.map(({ bytes }) => Buffer.from(bytes)),
      wanted.map(({ bytes }) => Buffer.from(bytes)),
    );
  });

  test('leaves nothing when it is abandoned, and refuses writes afterwards', async () => {
    const path = join(folder, 'abandoned.pcapng');
    const output = await createCapture(path);
    await output.write(frames);
    output.abandon();
    await output.close();
    assert.ok(!existsSync(path));
    await assert.rejects(output.write(frames[0]), { code: 'NOT_WRITABLE' });
  });

  test('leaves nothing behind an error, with await using', async () => {
    const path = join(folder, 'using.pcapng');
    const output = await createCapture(path);
    await output.write(frames);
    await output[Symbol.asyncDispose]();
    assert.ok(!existsSync(path));
    const closed = await createCapture(path);
    await closed.close();
    await closed[Symbol.asyncDispose]();
    assert.ok(existsSync(path));
  });

  test('a pcap file takes one link type, pcapng any', async () => {
    const raw = new CapturedPacket(frames[0].bytes.slice(14), 1, 2, 1, 101);
    const pcap = await createCapture(join(folder, 'mixed.pcap'));
    await pcap.write(raw);
    await assert.rejects(pcap.write(frames[0]), { code: 'NOT_WRITABLE' });
    pcap.abandon();
    const path = join(folder, 'mixed.pcapng');
    const pcapng = await createCapture(path);
    await pcapng.write([raw, frames[0], frames[0].bytes]);
    await pcapng.close();
    const back = await allOf(openFrames(path));
    assert.deepEqual(
      back.map(({ packet }) => packet.linkType),
      [101, 1, 1],
    );
    assert.equal(back[0].timeNanoseconds, 1_000_000_002n);
  });

  test('what is no packet is refused, and what follows is written', async () => {
    const path = join(folder, 'refused.pcap');
    const output = await createCapture(path);
    for (const bad of [5, undefined, {}, 'text', [frames[0], 5]]) {
      await assert.rejects(output.write(bad as never), { code: 'NOT_WRITABLE' });
    }
    for (const bad of [5, undefined]) await assert.rejects(createCapture(bad as never), { code: 'NOT_WRITABLE' });
    await output.write(frames[1]);
    await output.close();
    assert.equal((await allOf(openFrames(path))).length, 2);
  });

  test('an empty capture is a valid file', async () => {
    for (const name of ['empty.pcap', 'empty.pcapng']) {
      const output = await createCapture(join(folder, name));
      await output.close();
      assert.deepEqual(await allOf(openFrames(join(folder, name))), []);
    }
  });
});
