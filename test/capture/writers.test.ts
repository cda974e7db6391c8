/** What is written reads back the same, in vtep and in tshark. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { PcapngWriter, PcapWriter } from '../../src/capture/index.js';
import { missing } from '../repository.js';
import { read } from './read.js';

const packet = fc.record({
  data: fc.uint8Array({ maxLength: 2000 }),
  more: fc.nat(3000),
  seconds: fc.nat(0xffffffff),
  nanoseconds: fc.nat(999_999_999),
  network: fc.nat(2),
});
type Sample = typeof packet extends fc.Arbitrary<infer T> ? T : never;
const FORMATS = ['µs pcap', 'ns pcap', 'pcapng'] as const;

function written(format: (typeof FORMATS)[number], samples: readonly Sample[]): Buffer {
  const parts: Buffer[] = [];
  const sink = (bytes: Uint8Array): void => {
    parts.push(Buffer.from(bytes));
  };
  const pcapng = format === 'pcapng' ? new PcapngWriter(sink) : undefined;
  const writer = pcapng ?? new PcapWriter(sink, { nanoseconds: format === 'ns pcap' });
  for (const name of ['vni 1', 'vni 2', 'vni 3']) pcapng?.addInterface(name);
  for (const { data, more, seconds, nanoseconds, network } of samples) {
    writer.write(data, 0, data.length, data.length + more, seconds, nanoseconds, network);
  }
  writer.flush();
  return Buffer.concat(parts);
}

function timeOf({ seconds, nanoseconds }: Sample, format: string): string {
  const kept = format === 'µs pcap' ? nanoseconds - (nanoseconds % 1000) : nanoseconds;
  return `${seconds}.${String(kept).padStart(9, '0')}`;
}

describe('writers', () => {
  for (const format of FORMATS) {
    test(`${format}: packets, original lengths, times and interfaces are preserved`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(packet, { maxLength: 40 }), async (samples) => {
          const { packets, damage, notes } = await read(written(format, samples));
          assert.equal(damage, undefined);
          assert.deepEqual(notes, []);
          assert.deepEqual(
            packets.map((got) => [got.hex, got.originalLength, got.time, got.interfaceId]),
            samples.map((sample) => [
              Buffer.from(sample.data).toString('hex'),
              sample.data.length + sample.more,
              timeOf(sample, format),
              format === 'pcapng' ? sample.network : 0,
            ]),
          );
        }),
        { seed: 20261121, numRuns: 60 },
      );
    });

    test(`${format}: packets larger than the writer's buffer`, async () => {
      const data = new Uint8Array(262_144).fill(0x5a);
      const sample = { data, more: 0, seconds: 1, nanoseconds: 0, network: 0 };
      const { packets } = await read(written(format, [sample, sample]));
      assert.deepEqual(
        packets.map(({ hex }) => hex.length / 2),
        [262_144, 262_144],
      );
    });
  }

  test("rejects times that a format can't represent", () => {
    const writer = new PcapWriter(() => undefined);
    const bytes = new Uint8Array(1);
    for (const seconds of [-1, 2 ** 32]) {
      assert.throws(() => writer.write(bytes, 0, 1, 1, seconds, 0), { code: 'TIME_OUT_OF_RANGE' });
    }
    assert.throws(() => new PcapngWriter(() => undefined).write(bytes, 0, 1, 1, 2 ** 35, 0), {
      code: 'TIME_OUT_OF_RANGE',
    });
  });

  describe('tshark', { skip: missing('tshark') }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-writers-'));
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    for (const format of FORMATS) {
      test(`finds the same in ${format}`, () => {
        const samples = fc.sample(packet, { seed: 20261121, numRuns: 200 });
        const file = join(folder, 'written');
        writeFileSync(file, written(format, samples));
        const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len'].flatMap((name) => ['-e', name]);
        const call = spawnSync('tshark', ['-r', file, '-T', 'fields', ...fields], { maxBuffer: 1 << 26 });
        assert.equal(call.status, 0, call.stderr.toString());
        assert.deepEqual(
          call.stdout.toString().trimEnd().split('\n'),
          samples.map((sample) =>
            [timeOf(sample, format), sample.data.length, sample.data.length + sample.more].join('\t'),
          ),
        );
      });
    }
  });
});
