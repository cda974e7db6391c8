/** Classic files as written: the exact bytes, the limits, and the packets according to tshark. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { LinkType, MAX_PACKET, PcapWriter, type PcapWriterOptions } from '../../src/capture/index.js';
import { missing } from '../repository.js';
import { noise, pcapFile, timeText } from './build.js';
import { read } from './read.js';
import { KeepingSink } from './written.js';

interface Sample {
  readonly data: Uint8Array;
  readonly more: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

const sample: fc.Arbitrary<Sample> = fc.record({
  data: fc.integer({ min: 0, max: 2000 }).chain((length) => fc.nat(0xffff).map((seed) => noise(length, seed))),
  more: fc.oneof(fc.constant(0), fc.nat(65_535)),
  seconds: fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff)),
  nanoseconds: fc.oneof(fc.nat(999_999_999), fc.constantFrom(0, 999, 1000, 999_999_999)),
});

function written(samples: readonly Sample[], options?: PcapWriterOptions): KeepingSink {
  const kept = new KeepingSink();
  const writer = new PcapWriter(kept.sink, options);
  for (const { data, more, seconds, nanoseconds } of samples) {
    writer.write(data, 0, data.length, data.length + more, seconds, nanoseconds);
  }
  writer.flush();
  return kept;
}

for (const nanoseconds of [false, true]) {
  const tick = nanoseconds ? 1 : 1000;
  const unit = nanoseconds ? 'ns' : 'µs';

  describe(`pcap writer, ${unit}`, () => {
    test('writes the bytes that the draft specifies: little-endian, version 2.4', () => {
      fc.assert(
        fc.property(fc.array(sample, { maxLength: 20 }), fc.constantFrom(1, 101, 113, 276), (samples, link) => {
          const expected = pcapFile(
            samples.map(({ data, more, seconds, nanoseconds: nanos }) => ({
              data,
              seconds,
              fraction: Math.floor(nanos / tick),
              original: data.length + more,
            })),
            { kind: nanoseconds ? 'nano' : 'micro', link },
          );
          assert.ok(written(samples, { nanoseconds, linkType: link }).bytes.equals(expected));
        }),
        { seed: 20261121, numRuns: 100 },
      );
    });

    test('its output reads back the same', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(sample, { maxLength: 300 }), async (samples) => {
          const { packets, damage, notes } = await read(written(samples, { nanoseconds }).bytes);
          assert.equal(damage, undefined);
          assert.deepEqual(notes, []);
          assert.deepEqual(
            packets.map(({ hex, originalLength, time }) => [hex, originalLength, time]),
            samples.map(({ data, more, seconds, nanoseconds: nanos }) => [
              Buffer.from(data).toString('hex'),
              data.length + more,
              timeText(seconds, nanos - (nanos % tick)),
            ]),
          );
        }),
        { seed: 20261121, numRuns: 15 },
      );
    });

    test('writes the file header even without a packet; the default link type is Ethernet', async () => {
      const { packets, source } = await read(written([], { nanoseconds }).bytes);
      assert.deepEqual(packets, []);
      assert.equal(source.interfaces[0].linkType, LinkType.Ethernet);
      assert.equal(source.interfaces[0].snapLength, MAX_PACKET);
    });

    test('writes a packet of 262,144 bytes between small ones', async () => {
      const samples = [10, 262_144, 11, 262_144, 262_144, 0].map((length, i) => ({
        data: noise(length, i),
        more: 0,
        seconds: i,
        nanoseconds: 0,
      }));
      const { packets, damage } = await read(written(samples, { nanoseconds }).bytes);
      assert.equal(damage, undefined);
      assert.deepEqual(
        packets.map(({ hex }) => hex),
        samples.map(({ data }) => data.toString('hex')),
      );
    });

    test('writes a part of a larger array, copied before write returns', async () => {
      const kept = new KeepingSink();
      const writer = new PcapWriter(kept.sink, { nanoseconds });
      const bytes = noise(100, 1);
      const expected = bytes.subarray(20, 50).toString('hex');
      writer.write(bytes, 20, 30, 1500, 1, 0);
      bytes.fill(0);
      writer.flush();
      const { packets } = await read(kept.bytes);
      assert.deepEqual([packets[0].hex, packets[0].originalLength], [expected, 1500]);
    });

    test('rejects times before 1970 and after 2106, and writes nothing of the packet', async () => {
      const kept = new KeepingSink();
      const writer = new PcapWriter(kept.sink, { nanoseconds });
      const data = noise(4, 1);
      for (const seconds of [-1, -0.5, 2 ** 32, 2 ** 34, Infinity, -Infinity]) {
        assert.throws(() => writer.write(data, 0, 4, 4, seconds, 0), {
          name: 'CaptureError',
          code: 'TIME_OUT_OF_RANGE',
          message: /write pcapng instead/,
        });
      }
      writer.write(data, 0, 4, 4, 0, 0);
      writer.write(data, 0, 4, 4, 0xffffffff, 999_999_999);
      writer.flush();
      assert.deepEqual(
        (await read(kept.bytes)).packets.map(({ time }) => time),
        ['0.000000000', timeText(0xffffffff, 1e9 - tick)],
      );
    });

    test('the sink gets few large pieces', () => {
      const samples = Array.from({ length: 2000 }, () => ({
        data: noise(500, 1),
        more: 0,
        seconds: 0,
        nanoseconds: 0,
      }));
      const { pieces } = written(samples, { nanoseconds });
      assert.equal(pieces.length, Math.ceil((24 + 2000 * 516) / 262_144));
    });
  });
}

describe('pcap files in tshark', { skip: missing('tshark') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-pcap-writer-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const nanoseconds of [false, true]) {
    test(`${nanoseconds ? 'ns' : 'µs'}: the same bytes, lengths, times and link type, up to 262,144 bytes`, () => {
      const large = { data: noise(262_144, 1), more: 7, seconds: 1_700_000_000, nanoseconds: 123_456_789 };
      const samples = [...fc.sample(sample, { seed: 20261121, numRuns: 150 }), large];
      const file = join(folder, 'written.pcap');
      // USER0: no dissector looks inside.
      writeFileSync(file, written(samples, { nanoseconds, linkType: 147 }).bytes);
      const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.encap_type', 'frame.md5_hash'];
      const args = ['-r', file, '-o', 'frame.generate_md5_hash:TRUE', '-T', 'fields'];
      const call = spawnSync('tshark', [...args, ...fields.flatMap((name) => ['-e', name])], { maxBuffer: 1 << 26 });
      assert.equal(call.status, 0, call.stderr.toString());
      const lines = call.stdout.toString().trimEnd().split('\n');
      const tick = nanoseconds ? 1 : 1000;
      assert.deepEqual(
        lines.map((line) => line.split('\t')),
        samples.map(({ data, more, seconds, nanoseconds: nanos }) => [
          timeText(seconds, nanos - (nanos % tick)),
          String(data.length),
          String(data.length + more),
          // WTAP_ENCAP_USER0.
          '45',
          createHash('md5').update(data).digest('hex'),
        ]),
      );
    });
  }
});
