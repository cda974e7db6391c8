/** Frames of a capture as objects: the same bytes as `vtep decap` writes, and copies that stay valid. */
import assert from 'node:assert/strict';
import { createReadStream, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { CaptureError, type CaptureInput, openCaptureFile } from '../../src/capture/index.js';
import { CapturedPacket } from '../../src/frames/captured-packet.js';
import { FramesError } from '../../src/frames/error.js';
import type { DroppedPacket, Frame } from '../../src/frames/frame.js';
import { openFrames, openOverlay } from '../../src/frames/open-overlay.js';
import { scratch, vtep } from '../cli/run.js';
import { fixture } from '../repository.js';

const WIRE = fixture('docker/07-encrypted.underlay.pcap');
const CLEAR = fixture('docker/03-vip-http.underlay.pcap');
const KEYS = fixture('docker/swarm-keys.txt');
const folder = scratch();

async function allOf<T>(frames: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

/** What `vtep decap` writes for a recording, as frames. */
async function decapped(path: string, ...more: readonly string[]): Promise<Frame[]> {
  const output = join(folder, 'decap.pcapng');
  const { status } = await vtep(['decap', path, '-o', output, ...more]);
  assert.equal(status, 0);
  return allOf(openFrames(output));
}

/** How many descriptors of this process refer to a path. */
function openDescriptors(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

describe('openOverlay', () => {
  for (const [name, path, keys] of [
    ['clear', CLEAR, undefined],
    ['of the ingress network', fixture('docker/05-ingress.underlay.pcap'), undefined],
    ['with fragments', fixture('vxlan/30-outerfrag-1500-icmp.underlay.pcap'), undefined],
    ['encrypted', WIRE, KEYS],
  ] as const) {
    test(`gives the frames that decap writes: ${name}`, async () => {
      const read = await allOf(openOverlay(path, keys === undefined ? {} : { keys }));
      const written = await decapped(path, ...(keys === undefined ? [] : ['--keys', keys]));
      assert.ok(read.length > 0);
      assert.equal(read.length, written.length);
      for (const [i, frame] of read.entries()) {
        // decap marks congestion in the frame, as a receiver does; none of these packets is marked.
        assert.deepEqual(frame.bytes, written[i].bytes);
        assert.equal(frame.timeNanoseconds, written[i].timeNanoseconds);
        assert.equal(frame.length, frame.bytes.length);
      }
    });
  }

  test('counts every packet once', async () => {
    for (const keys of [undefined, KEYS]) {
      const frames = openOverlay(WIRE, keys === undefined ? {} : { keys });
      const all = await allOf(frames);
      const { packets, framePackets, truncated, esp, other, held, filtered, dropped } = frames.counts;
      const drops = Object.values(dropped).reduce((sum, count) => sum + count, 0);
      assert.equal(packets, framePackets + truncated + esp + other + held + filtered + drops);
      assert.equal(frames.counts.frames, all.length);
      assert.deepEqual([packets, esp], [773, keys === undefined ? 126 : 0]);
    }
  });

  test('names addresses, ports, flags and times', async () => {
    const [first] = await allOf(openOverlay(CLEAR));
    const frame = (await allOf(openOverlay(CLEAR))).find(({ inner }) => inner.tcp?.syn === true);
    assert.ok(frame !== undefined);
    assert.equal(frame.vni, 4097);
    assert.equal(frame.encrypted, false);
    assert.equal(frame.spi, undefined);
    assert.equal(frame.dropReason, undefined);
    assert.equal(frame.inner.protocol, 'TCP');
    assert.equal(frame.inner.tcp?.ack, false);
    assert.equal(frame.inner.destinationPort, 80);
    assert.match(frame.inner.source ?? '', /^10\.0\.9\.\d+$/);
    assert.match(frame.inner.sourceMac ?? '', /^02:42:0a:00:09:/);
    assert.match(frame.outer?.source ?? '', /^192\.168\.50\.\d$/);
    assert.equal(frame.outer?.protocol, 'UDP');
    assert.equal(frame.outer.destinationPort, 4789);
    assert.equal(first.time?.getTime(), Number((first.timeNanoseconds ?? 0n) / 1_000_000n));
  });

  test('tells frames that came encrypted, with SPI and the packet as it was on the wire', async () => {
    const frames = await allOf(openOverlay(WIRE, { keys: KEYS }));
    const source = await openCaptureFile(WIRE);
    const captured: Buffer[] = [];
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      for (let i = 0; i < batch.count; i++) {
        captured.push(Buffer.from(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.capturedLength[i])));
      }
    }
    await source.close();
    assert.equal(frames.length, 126);
    for (const frame of frames) {
      assert.equal(frame.encrypted, true);
      assert.deepEqual(Buffer.from(frame.packet.bytes), captured[frame.number - 1]);
      assert.equal(frame.packet.headers.protocol, 'ESP');
      assert.equal(frame.outer?.destinationPort, 4789);
      assert.equal(frame.outer.source, frame.packet.headers.source);
    }
    assert.deepEqual(new Set(frames.map(({ spi }) => spi)), new Set([0xc207fc1c, 0x98a1ca54]));
  });

  test('bytes stay valid after the loop, and are not shared', async () => {
    const once = await allOf(openOverlay(WIRE, { keys: KEYS }));
    const copies = once.map(({ bytes }) => bytes.slice());
    for (const frame of await allOf(openOverlay(WIRE, { keys: KEYS }))) frame.bytes.fill(0);
    for (const [i, frame] of once.entries()) assert.deepEqual(frame.bytes, copies[i]);
  });

  test('reassembled frames name all of their packets', async () => {
    const frames = openOverlay(fixture('vxlan/30-outerfrag-1500-icmp.underlay.pcap'));
    const all = await allOf(frames);
    const carried = all.reduce((sum, { packets }) => sum + packets.length, 0);
    assert.equal(carried, frames.counts.framePackets);
    const fragmented = all.filter(({ packets }) => packets.length > 1);
    assert.ok(fragmented.length > 0);
    for (const { packets, packet } of fragmented) {
      assert.equal(packets.at(-1), packet);
      const ids = packets.map(({ headers }) => `${headers.isFragment} ${headers.source} ${headers.destination}`);
      assert.equal(new Set(ids).size, 1);
    }
  });

  test('dropped packets are given only if asked for, with their reason', async () => {
    const wrong = Buffer.from(readFileSync(KEYS, 'utf8').replaceAll(/key [0-9a-f]{6}/g, 'key 012345'));
    assert.deepEqual(await allOf(openOverlay(WIRE, { keys: wrong })), []);
    const frames = openOverlay(WIRE, { keys: wrong, drops: true });
    const reasons = (await allOf(frames)).map((packet: Frame | DroppedPacket) => packet.dropReason);
    assert.equal(reasons.length, 126);
    assert.deepEqual(new Set(reasons), new Set(Object.keys(frames.counts.dropped)));
  });

  test('gives truncated frames, and says so', async () => {
    const snapped = join(folder, 'snapped.pcap');
    writeFileSync(snapped, truncate(readFileSync(CLEAR), 110));
    const whole = await allOf(openOverlay(CLEAR));
    const frames = openOverlay(snapped);
    const cut = await allOf(frames);
    assert.equal(cut.length, whole.length);
    assert.ok(cut.some(({ truncated }) => truncated));
    for (const [i, frame] of cut.entries()) {
      assert.equal(frame.length, whole[i].length);
      assert.equal(frame.inner.destinationPort, whole[i].inner.destinationPort);
      assert.equal(frame.inner.payloadLength, whole[i].inner.payloadLength);
    }
    assert.equal(frames.counts.truncated, cut.filter(({ truncated }) => truncated).length);
  });

  test('only the frames of one VNI', async () => {
    const frames = openOverlay(CLEAR, { vni: 5 });
    assert.deepEqual(await allOf(frames), []);
    assert.equal(frames.counts.filtered, 181);
  });
});

/** A microsecond pcap file with its packets truncated to a snaplen. */
function truncate(file: Buffer, length: number): Buffer {
  const pieces = [file.subarray(0, 24)];
  for (let at = 24; at < file.length;) {
    const captured = file.readUInt32LE(at + 8);
    const header = Buffer.from(file.subarray(at, at + 16));
    header.writeUInt32LE(Math.min(captured, length), 8);
    pieces.push(header, file.subarray(at + 16, at + 16 + Math.min(captured, length)));
    at += 16 + captured;
  }
  return Buffer.concat(pieces);
}

describe('inputs', () => {
  const bytes = readFileSync(CLEAR);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1000) {
      await Promise.resolve();
      yield bytes.subarray(at, at + 1000);
    }
  }
  const inputs: [string, () => CaptureInput][] = [
    ['a path', () => CLEAR],
    ['a file URL', () => pathToFileURL(CLEAR)],
    ['bytes', () => new Uint8Array(bytes)],
    ['gzip-compressed bytes', () => gzipSync(bytes)],
    ['an ArrayBuffer', () => new Uint8Array(bytes).buffer],
    ['a Blob', () => new Blob([bytes])],
    ['a stream of a file', () => createReadStream(CLEAR)],
    ['the body of a response', () => new Response(bytes).body as AsyncIterable<Uint8Array>],
    ['a generator', () => pieces()],
  ];
  for (const [name, make] of inputs) {
    test(`${name} gives the same frames`, async () => {
      const frames = await allOf(openOverlay(make()));
      assert.equal(frames.length, 181);
    });
  }

  test('what is none of these is refused by name', async () => {
    for (const input of [undefined, null, 7, {}, new URL('https://example.org/a.pcap')]) {
      await assert.rejects(allOf(openOverlay(input as never)), { code: 'FILE_UNUSABLE' });
    }
  });

  test('an empty path is called that', async () => {
    await assert.rejects(allOf(openOverlay('')), { code: 'FILE_UNUSABLE', message: /^an empty path: no such file/ });
  });

  test('a source that is passed in stays open', async () => {
    const source = await openCaptureFile(CLEAR);
    for await (const frame of openOverlay(source)) {
      assert.equal(frame.vni, 4097);
      break;
    }
    assert.equal(openDescriptors(CLEAR), 1);
    await source.close();
  });

  test('an upload that is no capture can still be answered', async () => {
    const server = createServer((incoming, response) => {
      allOf(openOverlay(incoming)).then(
        (frames) => response.end(String(frames.length)),
        (error: unknown) => {
          response.statusCode = 400;
          response.end((error as CaptureError).code);
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const post = async (body: Uint8Array): Promise<string> => {
      const answer = await fetch(url, { method: 'POST', body });
      return `${answer.status} ${await answer.text()}`;
    };
    try {
      assert.equal(await post(Buffer.alloc(1 << 22, 0x20)), '400 NOT_A_CAPTURE');
      assert.equal(await post(bytes), '200 181');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('keys', () => {
  const ring = readFileSync(KEYS, 'utf8');
  for (const [name, keys] of [
    ['a path', KEYS],
    ['a file URL', pathToFileURL(KEYS)],
    ['a text', ring],
    ['bytes', Buffer.from(ring)],
    ['a list', [KEYS]],
    ['the output of ip xfrm state', fixture('docker/07-encrypted.xfrm.txt')],
  ] as const) {
    test(`${name} decrypts`, async () => {
      assert.equal((await allOf(openOverlay(WIRE, { keys }))).length, 126);
    });
  }

  test('an esp_sa file that decap wrote decrypts', async () => {
    const espSa = join(folder, 'esp_sa');
    await decapped(WIRE, '--keys', KEYS, '--esp-sa', espSa);
    assert.equal((await allOf(openOverlay(WIRE, { keys: espSa }))).length, 126);
  });

  test('bytes that are passed in stay as they are', async () => {
    const bytes = Buffer.from(ring);
    await allOf(openOverlay(WIRE, { keys: bytes }));
    assert.equal(bytes.toString(), ring);
  });

  test('unusable ones are refused before the capture is opened, without showing them', async () => {
    for (const keys of [join(folder, 'missing'), 'not\nkeys', [KEYS, KEYS], [], Buffer.from('')]) {
      await assert.rejects(allOf(openOverlay(join(folder, 'no.pcap'), { keys })), (error: unknown) => {
        assert.ok(error instanceof FramesError);
        assert.equal(error.code, 'KEYS_UNUSABLE');
        return true;
      });
    }
  });
});

describe('the end of a loop', () => {
  test('closes the file: at the end, at break, and when the body throws', async () => {
    for await (const frame of openOverlay(CLEAR)) assert.equal(openDescriptors(CLEAR), 1, String(frame.number));
    assert.equal(openDescriptors(CLEAR), 0);
    for await (const frame of openOverlay(CLEAR)) {
      assert.ok(frame.number > 0);
      break;
    }
    assert.equal(openDescriptors(CLEAR), 0);
    await assert.rejects(async () => {
      for await (const frame of openOverlay(CLEAR)) throw new Error(`stop at ${frame.number}`);
    }, /stop at \d+/);
    assert.equal(openDescriptors(CLEAR), 0);
  });

  test('a capture that ends early gives its frames, and then the reason', async () => {
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, readFileSync(CLEAR).subarray(0, -5));
    const frames = openOverlay(cut);
    let count = 0;
    await assert.rejects(
      async () => {
        for await (const frame of frames) count += frame.length > 0 ? 1 : 0;
      },
      (error: unknown) =>
        error instanceof CaptureError && error.code === 'CAPTURE_CUT_OFF' && /cut\.pcap/.test(error.message),
    );
    assert.ok(count >= 180);
    const allowed = openOverlay(cut, { allowDamage: true });
    assert.equal((await allOf(allowed)).length, count);
    assert.equal(allowed.damage?.code, 'CAPTURE_CUT_OFF');
  });
});

test('the event loop never waits longer than 10 ms, however slow the cipher', async () => {
  const records = readFileSync(WIRE).subarray(24);
  // The same packets again and again: the kernel's own SAs accept repeated sequence numbers (replay window 0).
  const large = join(folder, 'large.pcap');
  writeFileSync(large, Buffer.concat([readFileSync(WIRE), ...Array.from({ length: 160 }, () => records)]));
  const keys = Buffer.from(readFileSync(KEYS));
  // What loads modules and native code is over with the first frame.
  const frames = openOverlay(large, { keys, aead: 'node' })[Symbol.asyncIterator]();
  await frames.next();
  // Processor time: on a busy machine others run in between.
  let last = process.cpuUsage();
  const gaps: number[] = [];
  let pending = setImmediate(tick);
  function tick(): void {
    const { user, system } = process.cpuUsage(last);
    gaps.push((user + system) / 1000);
    last = process.cpuUsage();
    pending = setImmediate(tick);
  }
  let count = 1;
  for (let next = await frames.next(); next.done !== true; next = await frames.next()) count++;
  clearImmediate(pending);
  assert.ok(count > 16_000);
  gaps.sort((a, b) => a - b);
  assert.ok(gaps.length > 5);
  // Half of them: garbage collection and compilation lengthen others, the more so the busier the machine is.
  assert.ok(gaps[Math.floor(gaps.length / 2)] < 10, `${gaps.length}: ${gaps.slice(-10).join(', ')}`);
});

test('packets keep an unknown time unknown', () => {
  const packet = new CapturedPacket(new Uint8Array(60));
  assert.deepEqual([packet.time, packet.timeNanoseconds], [undefined, undefined]);
  assert.equal(new CapturedPacket(new Uint8Array(60), 1, 5).timeNanoseconds, 1_000_000_005n);
});
