/** pcapng files as written: several interfaces, the limits, and the packets according to tshark. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { PcapngWriter } from '../../src/capture/index.js';
import { missing } from '../repository.js';
import { Blocks, noise, timeText } from './build.js';
import { read } from './read.js';
import { KeepingSink } from './written.js';

/** The last second whose nanoseconds all fit 64 bits, in the year 2554. */
const LAST_SECOND = 18_446_744_072;
const INTERFACES: [name: string, linkType: number][] = [
  ['vni 4097', 1],
  ['größe → 網', 101],
  ['', 113],
  ['x'.repeat(255), 276],
];

interface Sample {
  readonly data: Uint8Array;
  readonly more: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly id: number;
}

const sample: fc.Arbitrary<Sample> = fc.record({
  data: fc.integer({ min: 0, max: 2000 }).chain((length) => fc.nat(0xffff).map((seed) => noise(length, seed))),
  more: fc.oneof(fc.constant(0), fc.nat(65_535)),
  seconds: fc.oneof(fc.nat(0xffffffff), fc.nat(LAST_SECOND), fc.constantFrom(0, LAST_SECOND)),
  nanoseconds: fc.oneof(fc.nat(999_999_999), fc.constantFrom(0, 1, 999_999_999)),
  id: fc.nat(INTERFACES.length - 1),
});

function written(samples: readonly Sample[], interfaces = INTERFACES): KeepingSink {
  const kept = new KeepingSink();
  const writer = new PcapngWriter(kept.sink);
  interfaces.forEach(([name, linkType], i) => assert.equal(writer.addInterface(name, linkType), i));
  for (const { data, more, seconds, nanoseconds, id } of samples) {
    writer.write(data, 0, data.length, data.length + more, seconds, nanoseconds, id);
  }
  writer.flush();
  return kept;
}

describe('pcapng writer', () => {
  test('writes the packet blocks that the draft specifies, zero-padded', () => {
    const little = new Blocks(false);
    for (let length = 0; length < 9; length++) {
      const data = noise(length, length);
      const kept = written([{ data, more: 3, seconds: 5_000_000_000, nanoseconds: 1, id: 2 }]);
      const expected = little.enhanced(2, 5_000_000_000_000_000_001n, data, length + 3);
      assert.deepEqual(kept.bytes.subarray(-expected.length), expected);
      assert.deepEqual(kept.bytes.subarray(0, 28), little.section());
    }
  });

  test('its output reads back the same, with the interface of each packet', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { maxLength: 300 }), async (samples) => {
        const { packets, damage, notes, source } = await read(written(samples).bytes);
        assert.equal(damage, undefined);
        assert.deepEqual(notes, []);
        assert.deepEqual(
          packets.map(({ hex, originalLength, time, interfaceId, linkType }) => [
            ...[hex, originalLength, time, interfaceId, linkType],
          ]),
          samples.map(({ data, more, seconds, nanoseconds, id }) => [
            ...[Buffer.from(data).toString('hex'), data.length + more, timeText(seconds, nanoseconds)],
            ...[id, INTERFACES[id][1]],
          ]),
        );
        if (samples.length > 0) {
          assert.deepEqual(
            source.interfaces.map(({ name, linkType, ticksPerSecond }) => [name, linkType, ticksPerSecond]),
            INTERFACES.map(([name, linkType]) => [name, linkType, 1e9]),
          );
        }
      }),
      { seed: 20261121, numRuns: 20 },
    );
  });

  test('writes the section header even without an interface or a packet', async () => {
    const { packets, damage, source } = await read(written([], []).bytes);
    assert.deepEqual([packets, damage, source.interfaces], [[], undefined, []]);
    assert.equal(source.format, 'pcapng');
  });

  test('accepts an interface between packets; defaults are Ethernet and the first interface', async () => {
    const kept = new KeepingSink();
    const writer = new PcapngWriter(kept.sink);
    writer.addInterface('first');
    writer.write(noise(3, 1), 0, 3, 3, 1, 0);
    const second = writer.addInterface('second', 101);
    writer.write(noise(3, 2), 0, 3, 3, 2, 0, second);
    writer.write(noise(3, 3), 0, 3, 3, 3, 0);
    writer.flush();
    const { packets } = await read(kept.bytes);
    assert.deepEqual(
      packets.map(({ time, linkType, interfaceId }) => [time, linkType, interfaceId]),
      [
        ['1.000000000', 1, 0],
        ['2.000000000', 101, 1],
        ['3.000000000', 1, 0],
      ],
    );
  });

  test('writes a packet of 262,144 bytes between small ones', async () => {
    const samples = [10, 262_144, 11, 262_143, 262_141, 0].map((length, i) => ({
      data: noise(length, i),
      more: 0,
      seconds: i,
      nanoseconds: 0,
      id: i % 2,
    }));
    const { packets, damage } = await read(written(samples).bytes);
    assert.equal(damage, undefined);
    assert.deepEqual(
      packets.map(({ hex }) => hex),
      samples.map(({ data }) => data.toString('hex')),
    );
  });

  test('writes a part of a larger array, copied before write returns', async () => {
    const kept = new KeepingSink();
    const writer = new PcapngWriter(kept.sink);
    writer.addInterface('only');
    const bytes = noise(100, 1);
    const expected = bytes.subarray(20, 51).toString('hex');
    writer.write(bytes, 20, 31, 1500, 1, 0);
    bytes.fill(0);
    writer.flush();
    const { packets } = await read(kept.bytes);
    assert.deepEqual([packets[0].hex, packets[0].originalLength], [expected, 1500]);
  });

  test('rejects times before 1970 and after 2554, and writes nothing of the packet', async () => {
    const kept = new KeepingSink();
    const writer = new PcapngWriter(kept.sink);
    writer.addInterface('only');
    const data = noise(4, 1);
    for (const seconds of [-1, -0.5, LAST_SECOND + 1, 2 ** 35, Infinity, -Infinity]) {
      assert.throws(() => writer.write(data, 0, 4, 4, seconds, 0), {
        name: 'CaptureError',
        code: 'TIME_OUT_OF_RANGE',
      });
    }
    writer.write(data, 0, 4, 4, LAST_SECOND, 999_999_999);
    writer.flush();
    assert.deepEqual(
      (await read(kept.bytes)).packets.map(({ time }) => time),
      [timeText(LAST_SECOND, 999_999_999)],
    );
  });

  test('truncates a name of more than 1024 bytes at a character boundary', async () => {
    for (const character of ['a', 'é', '網', '🐳']) {
      // One byte first, so that truncation at a power of two doesn't hit a character boundary by chance.
      const name = `x${character.repeat(1100)}`;
      const { source, damage } = await read(
        written([{ data: noise(1, 1), more: 0, seconds: 0, nanoseconds: 0, id: 0 }], [[name, 1]]).bytes,
      );
      assert.equal(damage, undefined);
      const got = source.interfaces[0].name ?? '';
      const bytes = Buffer.from(got);
      assert.ok(name.startsWith(got), `${character}: ends in ${JSON.stringify(got.slice(-2))}`);
      assert.ok(bytes.length <= 1024 && bytes.length > 1020);
    }
  });

  test('describes more interfaces than fit the buffer', async () => {
    const interfaces = Array.from({ length: 1000 }, (_, i): [string, number] => [`${i} ${'x'.repeat(700)}`, 1]);
    const last = { data: noise(1, 1), more: 0, seconds: 0, nanoseconds: 0, id: 999 };
    const { source } = await read(written([last], interfaces).bytes);
    assert.deepEqual(
      source.interfaces.map(({ name }) => name),
      interfaces.map(([name]) => name),
    );
  });
});

describe('pcapng files in tshark', { skip: missing('tshark') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-pcapng-writer-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('the same packets, lengths, times and interfaces, up to 262,144 bytes', () => {
    // USER0 to USER3: no dissector looks inside. tshark invents a name where there is none.
    const interfaces = INTERFACES.map(([name], i): [string, number] => [name === '' ? 'third' : name, 147 + i]);
    const large = { data: noise(262_144, 1), more: 7, seconds: 1_700_000_000, nanoseconds: 123_456_789, id: 3 };
    const samples = [...fc.sample(sample, { seed: 20261121, numRuns: 150 }), large];
    const file = join(folder, 'written.pcapng');
    writeFileSync(file, written(samples, interfaces).bytes);
    const fields = ['time_epoch', 'cap_len', 'len', 'encap_type', 'interface_name', 'interface_id'];
    const args = ['-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', `frame.${name}`])];
    const call = spawnSync('tshark', args, { maxBuffer: 1 << 26 });
    assert.equal(call.status, 0, call.stderr.toString());
    assert.deepEqual(
      call.stdout.toString().trimEnd().split('\n'),
      samples.map(({ data, more, seconds, nanoseconds, id }) =>
        // 45 is WTAP_ENCAP_USER0.
        [
          timeText(seconds, nanoseconds),
          ...[data.length, data.length + more, 45 + id, interfaces[id][0], id].map(String),
        ].join('\t'),
      ),
    );
  });
});
