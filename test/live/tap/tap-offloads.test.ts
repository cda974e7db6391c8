/** Reading and writing as of a TAP device, with files in its place: a call takes a header and a frame. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, test } from 'node:test';
import { MAX_FLOWS } from '../../../src/fragment/index.js';
import { linux } from '../../../src/live/system/linux.js';
import { OFFLOAD_HEADER_BYTES } from '../../../src/live/tap/offload-header.js';
import { TapReader } from '../../../src/live/tap/tap-reader.js';
import { TapWriter } from '../../../src/live/tap/tap-writer.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { EtherType } from '../../../src/wire/index.js';
import { scratch } from '../../cli/run.js';
import { ethernet, FRAME, join, udpIp } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { type TcpFrame, tcpFrame, transportOf } from '../../fragment/tcp-frame.js';
import { udpFrame } from '../../fragment/udp-frame.js';

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
function read(
  header: readonly number[],
  frame: Uint8Array,
  slots = 64,
  capacity = 64,
  frameBytes = 2000,
  takesLarge = false,
) {
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
  const sizes: number[] = [];
  for (let calls = 0; calls < 100 && reader.receive(batch, 3, takesLarge) > 0; calls++) {
    for (let i = 0; i < batch.count; i++) {
      assert.equal(batch.network[i], 3);
      frames.push(arena.bytes.slice(batch.start[i], batch.end[i]));
      sizes.push(batch.segment[i]);
    }
    batch.clear();
  }
  closeSync(descriptor);
  assert.deepEqual(arena.holders(), []);
  return { frames, reader, sizes };
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

  const partial = tcpFrame(noise(64_000, 2), { partial: true });
  const datagrams = ethernet(udpIp(4, 443, noise(6000, 3)), EtherType.Ipv4);

  for (const [name, header, frame, count] of [
    ['TCP', [1, 1, 54, 1348, 34, 16], partial, 48],
    ['TCP with ECN', [1, 0x81, 54, 1348, 34, 16], partial, 48],
    ['UDP', [1, 5, 42, 1200, 34, 6], datagrams, 5],
  ] as const) {
    test(`passes ${name} on unsegmented if the receiver takes it, and counts its segments`, () => {
      const large = read(header, frame, 4, 4, 66_000, true);
      assert.deepEqual([large.frames, large.sizes], [[frame], [header[3]]]);
      assert.deepEqual([large.reader.received, large.reader.refusals.total], [count, 0]);
      const split = read(header, frame, 64, 64, 66_000);
      assert.deepEqual([split.frames.length, split.reader.received], [count, count]);
      const small = read(header, frame, 64, 64, 2000, true);
      assert.deepEqual([small.frames, small.sizes.some((size) => size > 0)], [split.frames, false]);
    });
  }

  test('refuses what can’t be segmented even if the receiver takes frames unsegmented', () => {
    for (const [reason, header, frame] of [
      ['SKB_GSO_SEG', [1, 1, 54, 100, 34, 16], FRAME],
      ['SKB_GSO_SEG', [1, 5, 54, 1348, 34, 16], partial],
      ['SKB_GSO_SEG', [1, 3, 54, 1348, 34, 16], datagrams],
      ['SKB_GSO_SEG', [1, 0x7f, 54, 1348, 34, 16], partial],
      ['SKB_GSO_SEG', [1, 1, 54, 1348, 34, 16], noise(3000, 7)],
      ['SKB_GSO_SEG_Size', [1, 1, 54, 1, 34, 16], partial],
      ['SKB_GSO_SEG_Size', [1, 5, 54, 40, 34, 16], datagrams],
      ['PKT_TOO_BIG', [1, 1, 54, 1348, 34, 16], noise(66_500, 8)],
    ] as const) {
      const { frames, reader } = read(header, frame, 4, 4, 66_600, true);
      assert.deepEqual(frames, []);
      assert.deepEqual([reader.received, reader.pending, reader.refusals.byName()], [0, false, { [reason]: 1 }]);
    }
  });

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

/** The output of writing frames, each with the size of its segments, directly one behind the other in one array. */
function writtenFrom(
  frames: readonly (readonly [frame: Uint8Array, segment: number])[],
  partial: boolean,
  system?: ConstructorParameters<typeof TapWriter>[2],
): { readonly bytes: Uint8Array; readonly writer: TapWriter } {
  const path = joinPath(folder, `out-${files++}`);
  const descriptor = openSync(path, 'w');
  const writer = new TapWriter(descriptor, { partial, mtu: MTU }, system);
  const memory = join(...frames.map(([frame]) => frame));
  let at = 0;
  for (const [frame, segment] of frames) {
    writer.send(memory, at, at + frame.length, segment);
    at += frame.length;
  }
  writer.flush();
  closeSync(descriptor);
  return { bytes: Uint8Array.from(readFileSync(path)), writer };
}

function written(frames: readonly Uint8Array[], partial = false) {
  return writtenFrom(
    frames.map((frame) => [frame, 0]),
    partial,
  );
}

/** A header that requests segmentation: its type, the bytes of headers, the size, and where the checksum is. */
function gso(type: number, headers: number, size: number, transport: number, field: number): Uint8Array {
  return Uint8Array.of(1, type, headers, 0, size & 0xff, size >> 8, transport, 0, field, 0);
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

/** Segments of one connection, and the packet that they are coalesced into. */
function connection(sourcePort: number, count: number, what: TcpFrame = {}) {
  const payload = noise(count * 1000, sourcePort);
  const frames = Array.from({ length: count }, (_, i) =>
    tcpFrame(payload.subarray(i * 1000, (i + 1) * 1000), { sourcePort, sequence: 1 + i * 1000, ...what }),
  );
  const whole = join(gso(1, 54, 1000, 34, 16), tcpFrame(payload, { sourcePort, ...what, partial: true }));
  return { frames, whole };
}

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

  test('coalesces connections whose segments alternate, each by itself', () => {
    const flows = Array.from({ length: MAX_FLOWS }, (_, i) => connection(1000 + i, 12));
    const frames = Array.from({ length: 12 }, (_, round) => flows.map((flow) => flow.frames[round])).flat();
    const { bytes, writer } = written(frames);
    assert.deepEqual(bytes, join(...flows.map(({ whole }) => whole)));
    assert.equal(writer.sent, frames.length);
  });

  test('loses and reorders nothing with more connections than it keeps', () => {
    const flows = Array.from({ length: 2 * MAX_FLOWS }, (_, i) => connection(1000 + i, 2));
    const frames = [0, 1].flatMap((round) => flows.map((flow) => flow.frames[round]));
    const { bytes, writer } = written(frames);
    assert.equal(writer.sent, frames.length);
    const text = Buffer.from(bytes);
    for (const { frames: own } of flows) {
      const at = own.map((frame) => text.indexOf(frame.subarray(54)));
      assert.ok(at[0] >= 0 && at[1] > at[0], at.join());
    }
  });

  for (const [name, flags] of [
    ['FIN', 0x11],
    ['RST', 0x14],
    ['SYN', 0x02],
  ] as const) {
    test(`a ${name} comes after its connection’s earlier data and before later ones, but not after another’s`, () => {
      const one = connection(1000, 4);
      const other = connection(2000, 2);
      const special = tcpFrame(new Uint8Array(0), { sourcePort: 1000, sequence: 2001, flags });
      const { frames } = one;
      const { bytes } = written([
        frames[0],
        other.frames[0],
        frames[1],
        special,
        frames[2],
        other.frames[1],
        frames[3],
      ]);
      const first = connection(1000, 2).whole;
      const payload = join(...frames.slice(2).map((frame) => frame.subarray(54)));
      const second = tcpFrame(payload, { sourcePort: 1000, sequence: 2001, partial: true });
      const last = [other.whole, join(gso(1, 54, 1000, 34, 16), second)];
      const before = join(first, NO_HEADER, special);
      // Which of the two connections is last does not matter.
      assert.ok(
        [last, last.toReversed()].some((order) => Buffer.compare(bytes, join(before, ...order)) === 0),
        'another order',
      );
    });
  }

  test('a pure ACK comes after the data before it', () => {
    const { frames, whole } = connection(1000, 2);
    const ack = tcpFrame(new Uint8Array(0), { sourcePort: 1000, sequence: 2001, acknowledgment: 9 });
    assert.deepEqual(written([...frames, ack]).bytes, join(whole, NO_HEADER, ack));
  });

  test('a frame without a flow comes after all before it', () => {
    const one = connection(1000, 2);
    const datagram = udpFrame(noise(10, 1));
    const { bytes } = written([datagram, ...one.frames, ARP, datagram]);
    assert.deepEqual(bytes, join(one.whole, NO_HEADER, datagram, NO_HEADER, ARP, NO_HEADER, datagram));
  });

  test('coalesces datagrams of equal size', () => {
    const payload = noise(2500, 3);
    const frames = [0, 1, 2].map((i) => udpFrame(payload.subarray(i * 1000, (i + 1) * 1000), { identification: i }));
    const { bytes, writer } = written(frames);
    assert.deepEqual(bytes, join(gso(5, 42, 1000, 34, 6), udpFrame(payload, { partial: true })));
    assert.equal(writer.sent, 3);
  });

  for (const family of [4, 6] as const) {
    test(`segments UDP over IPv${family} itself, once a kernel before Linux 6.2 has refused to`, () => {
      /** The first call fails with EINVAL, the kernel's answer to an unknown type of segmentation. */
      const oldKernel = () => {
        let calls = 0;
        return {
          writev: (descriptor: number, pieces: number, count: number): number =>
            linux().writev(descriptor, pieces, calls++ === 0 ? -1 : count),
        };
      };
      const datagrams = [0, 1, 2].map((i) => udpFrame(noise(1000 - (i >> 1), i), { family, identification: i }));
      const payload = noise(2500, 9);
      const large = udpFrame(payload, { family, identification: 5, partial: true });
      const parts = [0, 1, 2].map((i) =>
        udpFrame(payload.subarray(i * 1000, (i + 1) * 1000), { family, identification: 5 + i }),
      );
      for (const [frames, expected] of [
        [
          [...datagrams, ARP, ...datagrams, large],
          [...datagrams, ARP, ...datagrams, ...parts],
        ],
        [
          [large, ...datagrams],
          [...parts, ...datagrams],
        ],
      ] as const) {
        const sized = frames.map((frame) => [frame, frame === large ? 1000 : 0] as const);
        const { bytes, writer } = writtenFrom(sized, true, oldKernel());
        assert.deepEqual(bytes, join(...expected.flatMap((frame) => [NO_HEADER, frame])));
        assert.deepEqual([writer.sent, writer.refusals.total], [expected.length, 0]);
      }
    });
  }

  for (const family of [4, 6] as const) {
    const transport = transportOf(family);
    test(`writes a TCP packet over IPv${family} longer than the MTU whole, to be segmented by it`, () => {
      const options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
      const large = tcpFrame(noise(50_000, 1), { family, options, partial: true });
      const header = gso(family === 4 ? 1 : 4, transport + 32, MTU - (transport - 14) - 32, transport, 16);
      assert.deepEqual(written([large], true).bytes, join(header, large));
      // A complete checksum is as good, also where there are no partial ones.
      const complete = tcpFrame(noise(50_000, 1), { family, options });
      for (const partial of [false, true]) assert.deepEqual(written([complete], partial).bytes, join(header, large));
    });

    test(`writes a packet over IPv${family} with a segment size whole, to be segmented so`, () => {
      const tcp = tcpFrame(noise(5000, 1), { family, partial: true });
      const type = family === 4 ? 1 : 4;
      const { bytes } = writtenFrom([[tcp, 1234]], false);
      assert.deepEqual(bytes, join(gso(type, transport + 20, 1234, transport, 16), tcp));
      const udp = udpFrame(noise(5000, 1), { family, partial: true });
      assert.deepEqual(writtenFrom([[udp, 500]], false).bytes, join(gso(5, transport + 8, 500, transport, 6), udp));
    });
  }

  test('a large packet comes after the data before it, and before the data after it', () => {
    const { frames, whole } = connection(1000, 2);
    const large = tcpFrame(noise(5000, 1), { sourcePort: 1000, sequence: 2001, partial: true });
    const after = tcpFrame(noise(5, 1), { sourcePort: 1000, sequence: 7001 });
    const { bytes } = written([...frames, large, after], true);
    assert.deepEqual(bytes, join(whole, gso(1, 54, MTU - 40, 34, 16), large, NO_HEADER, after));
  });

  test('refuses a large packet with a wrong checksum, or without a payload to segment, by reason', () => {
    const large = tcpFrame(noise(5000, 1));
    const corrupted = large.with(4000, large[4000] ^ 1);
    const partial = tcpFrame(noise(5000, 1), { partial: true });
    const empty = tcpFrame(new Uint8Array(0));
    for (const [reason, frame, segment] of [
      ['TCP_CSUM', corrupted, 0],
      ['TCP_CSUM', partial, 0],
      ['SKB_GSO_SEG', empty, 1000],
      ['SKB_GSO_SEG', large, 1],
      ['SKB_GSO_SEG', udpFrame(new Uint8Array(0)), 1000],
    ] as const) {
      const { bytes, writer } = writtenFrom([[frame, segment]], false);
      assert.deepEqual([bytes.length, writer.sent, writer.refusals.byName()], [0, 0, { [reason]: 1 }]);
    }
  });

  test('changes no byte outside a frame, with frames directly behind each other', () => {
    // Each is followed by the next one's header in memory; what is written is as it would be far apart.
    const { frames } = connection(1000, 3);
    const mixed = [ARP, frames[0], udpFrame(noise(9, 1), { partial: true }), frames[2], ARP];
    const { bytes } = written(mixed, true);
    const checksum = Uint8Array.of(1, 0, 0, 0, 0, 0, 34, 0, 6, 0);
    const none = (frame: Uint8Array): Uint8Array => join(NO_HEADER, frame);
    assert.deepEqual(bytes, join(none(ARP), none(frames[0]), none(frames[2]), join(checksum, mixed[2]), none(ARP)));
  });

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
