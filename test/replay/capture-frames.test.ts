/** Each packet of a capture gives one frame, or is counted as one without. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile } from '../../src/capture/index.js';
import { CaptureFrames, CaptureKind } from '../../src/replay/index.js';
import { framesOf } from '../cli/frames.js';
import { fixture } from '../repository.js';

interface Found {
  readonly frames: string[];
  readonly vnis: number[];
  readonly times: string[];
  readonly withoutFrame: number;
}

async function read(name: string, kind: CaptureKind): Promise<Found> {
  const found = { frames: [] as string[], vnis: [] as number[], times: [] as string[] };
  const frames = new CaptureFrames(kind);
  const source = await openCaptureFile(fixture(name));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    frames.begin(batch);
    while (frames.next()) {
      found.frames.push(Buffer.from(frames.bytes.subarray(frames.start, frames.end)).toString('hex'));
      found.vnis.push(frames.vni);
      found.times.push(`${frames.seconds}.${frames.nanoseconds}`);
    }
  }
  await source.close();
  return { ...found, withoutFrame: frames.withoutFrame };
}

describe('a capture of containers', () => {
  test('its packets are the frames, with their times and without a VNI', async () => {
    const name = 'vxlan/01-icmp.c1.pcap';
    const packets = await framesOf(fixture(name));
    const { frames, vnis, times, withoutFrame } = await read(name, CaptureKind.Frames);
    assert.deepEqual(
      frames,
      packets.map(({ hex }) => hex),
    );
    assert.deepEqual(
      times,
      packets.map(({ seconds, nanoseconds }) => `${seconds}.${nanoseconds}`),
    );
    assert.deepEqual([new Set(vnis), withoutFrame], [new Set([-1]), 0]);
  });

  test('truncated packets are counted and give no frame', async () => {
    const name = 'vxlan/10-formats.snap96.pcap';
    const whole = await framesOf(fixture('vxlan/10-formats.usec.pcap'));
    const { frames, withoutFrame } = await read(name, CaptureKind.Frames);
    const cut = whole.filter(({ hex }) => hex.length / 2 > 96).length;
    assert.ok(cut > 0);
    assert.deepEqual([withoutFrame, frames.length], [cut, whole.length - cut]);
  });

  test('packets of another link type give no frame', async () => {
    const name = 'vxlan/11-any-sll2.pcap';
    const { frames, withoutFrame } = await read(name, CaptureKind.Frames);
    assert.deepEqual([frames.length, withoutFrame], [0, (await framesOf(fixture(name))).length]);
  });
});

describe('a capture of an underlay', () => {
  test('its frames are the inner frames; every other packet is counted', async () => {
    const name = 'docker/05-ingress.underlay.pcap';
    const packets = await framesOf(fixture(name));
    const { frames, vnis, withoutFrame } = await read(name, CaptureKind.Wire);
    assert.ok(frames.length > 0);
    assert.ok(vnis.every((vni) => vni >= 0));
    assert.ok(frames.every((hex) => packets.some((packet) => packet.hex.endsWith(hex))));
    assert.equal(frames.length + withoutFrame, packets.length);
  });

  test('the outer fragment that completes a frame gives it; the others are counted', async () => {
    const name = 'vxlan/30-outerfrag-1500-icmp.underlay.pcap';
    const packets = await framesOf(fixture(name));
    const sent = await framesOf(fixture(name.replace('underlay', 'c1')));
    const { frames, withoutFrame } = await read(name, CaptureKind.Wire);
    assert.ok(frames.length > 0 && withoutFrame > 0);
    assert.equal(frames.length + withoutFrame, packets.length);
    for (const frame of frames) assert.ok(sent.some(({ hex }) => hex === frame));
  });

  test('encrypted packets give no frame without keys', async () => {
    const name = 'docker/07-encrypted.underlay.pcap';
    const { frames, withoutFrame } = await read(name, CaptureKind.Wire);
    assert.equal(frames.length + withoutFrame, (await framesOf(fixture(name))).length);
    assert.ok(withoutFrame > 0);
  });
});
