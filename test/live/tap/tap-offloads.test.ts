/** Reading and writing as of a TAP device, with files in its place: a call takes a header and a frame. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, test } from 'node:test';
import { linux } from '../../../src/live/system/linux.js';
import { OFFLOAD_HEADER_BYTES } from '../../../src/live/tap/offload-header.js';
import { TapReader } from '../../../src/live/tap/tap-reader.js';
import { TapWriter } from '../../../src/live/tap/tap-writer.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { scratch } from '../../cli/run.js';
import { FRAME, join } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { type TcpFrame, tcpFrame } from '../../fragment/tcp-frame.js';

const folder = scratch();
/** MTU of the devices written to. */
const MTU = 1500;
let files = 0;

function unavailable(): string | undefined {
  try {
    linux();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const skip = unavailable() ?? false;

/** What one reading of a header and a frame gives. */
function read(header: readonly number[], frame: Uint8Array, slots = 64, capacity = 64, frameBytes = 2000) {
  const path = joinPath(folder, `in-${files++}`);
  const words = new Uint8Array(OFFLOAD_HEADER_BYTES);
  const view = new DataView(words.buffer);
  words.set(header.slice(0, 2));
  header.slice(2).forEach((word, i) => view.setUint16(2 + 2 * i, word, true));
  writeFileSync(path, join(words, frame));
  const descriptor = openSync(path, 'r');
  const arena = new Arena({ slots, frameBytes, debug: true });
  const batch = new PacketBatch(arena, capacity);
  const reader = new TapReader(descriptor);
  const frames: Uint8Array[] = [];
  for (let calls = 0; calls < 100 && reader.receive(batch, 3) > 0; calls++) {
    for (let i = 0; i < batch.count; i++) {
      assert.equal(batch.network[i], 3);
      frames.push(arena.bytes.slice(batch.start[i], batch.end[i]));
    }
    batch.clear();
  }
  closeSync(descriptor);
  assert.deepEqual(arena.holders(), []);
  return { frames, reader };
}

function segments(payload: Uint8Array, size: number, what: TcpFrame): Uint8Array[] {
  return Array.from({ length: Math.ceil(payload.length / size) }, (_, i) =>
    tcpFrame(payload.subarray(i * size, (i + 1) * size), { ...what, sequence: 1 + i * size, identification: i }),
  );
}

describe('TapReader', { skip }, () => {
  test('returns a frame unchanged', () => {
    assert.deepEqual(read([0, 0, 0, 0, 0, 0], FRAME).frames, [FRAME]);
  });

  test('completes a partial checksum', () => {
    const partial = tcpFrame(noise(500, 1), { partial: true });
    assert.deepEqual(read([1, 0, 0, 0, 34, 16], partial).frames, [tcpFrame(noise(500, 1))]);
  });

  for (const [name, size, bytes, slots, capacity] of [
    ['fits a slot', 500, 1500, 64, 64],
    ['is larger than a slot', 1348, 64_000, 64, 64],
    ['has more segments than a batch holds', 100, 64_000, 64, 64],
    ['has more segments than there are slots', 1348, 64_000, 7, 64],
    ['is read into batches of one', 1348, 20_000, 64, 1],
  ] as const) {
    test(`segments a packet that ${name}, and loses nothing`, () => {
      const payload = noise(bytes, 2);
      const { frames, reader } = read([1, 1, 54, size, 34, 16], tcpFrame(payload, { partial: true }), slots, capacity);
      assert.deepEqual(frames, segments(payload, size, {}));
      assert.deepEqual([reader.received, reader.refusals.total], [frames.length, 0]);
    });
  }

  test('with slots larger than any frame of a device, writes no byte beyond them', () => {
    const frame = noise(65_700, 9);
    assert.deepEqual(read([0, 0, 0, 0, 0, 0], frame, 2, 2, 65_791).frames, [frame]);
    const large = read([1, 1, 54, 1000, 34, 16], frame, 64, 64, 65_791);
    assert.deepEqual([large.frames, large.reader.refusals.byName()], [[], { PKT_TOO_BIG: 1 }]);
  });

  for (const bytes of [65_000, 65_600, 65_791]) {
    test(`with slots of ${bytes} bytes, refuses a frame that the device truncated`, () => {
      // A file has no frame boundaries: the rest of it would be returned by the next read.
      const [first] = read([0, 0, 0, 0, 0, 0], noise(Math.max(bytes, 65_600) + 1, 10), 2, 2, bytes).frames;
      assert.equal(first, undefined);
    });
  }

  test('refuses packets that can’t be segmented, segments larger than a slot, and offsets outside the frame, by reason', () => {
    for (const [reason, header, frame] of [
      ['SKB_GSO_SEG', [1, 1, 54, 100, 34, 16], FRAME],
      ['PKT_TOO_BIG', [1, 1, 54, 3000, 34, 16], tcpFrame(noise(9000, 3), { partial: true })],
      ['SKB_CSUM', [1, 0, 0, 0, 5000, 16], FRAME],
      ['PKT_TOO_BIG', [0, 0, 0, 0, 0, 0], noise(2001, 4)],
      ['SKB_GSO_SEG_Size', [1, 1, 54, 1, 34, 16], tcpFrame(noise(60_000, 5), { partial: true })],
      ['SKB_GSO_SEG_Size', [1, 1, 54, 47, 34, 16], tcpFrame(noise(100, 6), { partial: true })],
    ] as const) {
      const { frames, reader } = read(header, frame);
      assert.deepEqual(frames, []);
      assert.deepEqual([reader.received, reader.pending, reader.refusals.byName()], [0, false, { [reason]: 1 }]);
    }
  });
});

/** The output of writing frames from an arena, concatenated. */
function written(
  frames: readonly Uint8Array[],
  partial = false,
): { readonly bytes: Uint8Array; readonly writer: TapWriter } {
  const path = joinPath(folder, `out-${files++}`);
  const descriptor = openSync(path, 'w');
  const batch = new PacketBatch(new Arena({ slots: 128, frameBytes: 2000 }));
  const writer = new TapWriter(descriptor, { partial, mtu: MTU });
  for (const frame of frames) batch.copyIn(frame, 0, frame.length);
  for (let i = 0; i < batch.count; i++) writer.send(batch.arena.bytes, batch.start[i], batch.end[i]);
  writer.flush();
  closeSync(descriptor);
  return { bytes: readFileSync(path), writer };
}

/** Writes the frames four times to a pipe that nobody reads. */
function writtenToPipe(frames: readonly Uint8Array[], frameBytes: number): { readonly writer: TapWriter } {
  const path = joinPath(folder, `pipe-${files++}`);
  execFileSync('mkfifo', [path]);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const batch = new PacketBatch(new Arena({ slots: 128, frameBytes }));
  const writer = new TapWriter(descriptor, { partial: false, mtu: MTU });
  for (let round = 0; round < 4; round++) {
    for (const frame of frames) batch.copyIn(frame, 0, frame.length);
    for (let i = 0; i < batch.count; i++) writer.send(batch.arena.bytes, batch.start[i], batch.end[i]);
    writer.flush();
    batch.clear();
  }
  closeSync(descriptor);
  closeSync(reading);
  return { writer };
}

/** A frame without a flow. */
const ARP = join(FRAME.subarray(0, 12), Uint8Array.of(8, 6), new Uint8Array(28));
const NO_HEADER = new Uint8Array(OFFLOAD_HEADER_BYTES);

describe('TapWriter', { skip }, () => {
  test('writes frames that can’t be coalesced one by one, in order', () => {
    const frames = [FRAME, tcpFrame(noise(100, 5)), tcpFrame(noise(100, 6), { host: 9 }), FRAME];
    const { bytes, writer } = written(frames);
    assert.deepEqual(Uint8Array.from(bytes), join(...frames.flatMap((frame) => [NO_HEADER, frame])));
    assert.equal(writer.sent, 4);
  });

  test('coalesces consecutive segments into the original packet', () => {
    const payload = noise(20_000, 7);
    const { bytes, writer } = written([ARP, ...segments(payload, 1348, {}), ARP]);
    const header = Uint8Array.of(1, 1, 54, 0, 1348 & 0xff, 1348 >> 8, 34, 0, 16, 0);
    const whole = tcpFrame(payload, { partial: true });
    assert.deepEqual(Uint8Array.from(bytes), join(NO_HEADER, ARP, header, whole, NO_HEADER, ARP));
    assert.equal(writer.sent, 2 + Math.ceil(payload.length / 1348));
  });

  for (const partial of [false, true]) {
    test(`a checksum field with the pseudo-header’s sum is ${partial ? 'partial' : 'wrong'} if partial checksums are ${
      partial ? 'accepted' : 'not accepted'
    }`, () => {
      const frames = [1, 1001].map((sequence) => tcpFrame(noise(1000, 5), { sequence, partial: true }));
      const { bytes } = written(frames, partial);
      const one = (frame: Uint8Array) => [NO_HEADER, frame];
      const merged = tcpFrame(join(noise(1000, 5), noise(1000, 5)), { partial: true });
      const header = Uint8Array.of(1, 1, 54, 0, 1000 & 0xff, 1000 >> 8, 34, 0, 16, 0);
      assert.deepEqual(
        Uint8Array.from(bytes),
        partial ? join(header, merged) : join(...one(frames[0]), ...one(frames[1])),
      );
    });
  }

  test('counts frames that the device refuses', () => {
    const batch = new PacketBatch(new Arena({ slots: 4 }));
    const descriptor = openSync('/dev/null', 'r');
    const writer = new TapWriter(descriptor, { partial: false, mtu: MTU });
    batch.copyIn(FRAME, 0, FRAME.length);
    writer.send(batch.arena.bytes, batch.start[0], batch.end[0]);
    writer.flush();
    closeSync(descriptor);
    assert.deepEqual([writer.sent, writer.refusals.byName()], [0, { EBADF: 1 }]);
  });

  for (const merged of [false, true]) {
    test(`does not count ${merged ? 'segments' : 'a frame'} as sent after a partial write`, () => {
      // A pipe that nobody reads has room for 64 KiB: only part of the last frame fits.
      const bytes = noise(30_000, 8);
      const frames = merged ? segments(bytes, 1000, {}) : [tcpFrame(bytes, { flags: 0x11 })];
      const { writer } = writtenToPipe(frames, 100_000);
      const unit = merged ? 30 : 1;
      assert.equal(writer.sent, 2 * unit);
      const { EIO = 0, EAGAIN = 0 } = writer.refusals.byName();
      assert.deepEqual([EIO, EIO + EAGAIN, writer.refusals.total], [unit, writer.refusals.total, 2 * unit]);
    });
  }
});
