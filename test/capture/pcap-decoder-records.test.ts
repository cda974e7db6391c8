/** Records of classic files: their boundaries, their claims, and what remains of truncated or invalid files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BATCH_PACKETS, MemoryReader, openCapture } from '../../src/capture/index.js';
import { fixture } from '../repository.js';
import { noise, PCAP_KINDS, pcapFile, pcapHeader, type PcapKind, type PcapOptions, pcapRecord } from './build.js';
import { read } from './read.js';

const KINDS = Object.keys(PCAP_KINDS) as PcapKind[];
const FORMS: PcapOptions[] = KINDS.flatMap((kind) => [false, true].map((big) => ({ kind, big })));
const nameOf = ({ kind = 'micro', big = false }: PcapOptions): string => `${kind}, ${big ? 'big' : 'little'}-endian`;
const ONE = Buffer.from([1]);

describe('a pcap of only a header', () => {
  for (const form of FORMS) {
    test(`${nameOf(form)}: no packets, no damage, one interface`, async () => {
      const { packets, damage, notes, source } = await read(pcapHeader({ ...form, link: 276, snap: 4711 }));
      assert.deepEqual([packets, damage, notes], [[], undefined, []]);
      assert.equal(source.format, 'pcap');
      assert.equal(source.position, 24);
      assert.deepEqual(source.interfaces, [
        { linkType: 276, name: undefined, snapLength: 4711, ticksPerSecond: form.kind === 'nano' ? 1e9 : 1e6 },
      ]);
    });
  }

  test('a recording of an idle wire is such a file', async () => {
    const { packets, damage } = await read(readFileSync(fixture('vxlan/07-unknown-dst.underlay.pcap')));
    assert.deepEqual([packets, damage], [[], undefined]);
  });
});

describe('versions', () => {
  for (const [major, minor] of [
    [2, 3],
    [2, 5],
    [1, 4],
    [3, 4],
    [0, 0],
    [543, 0],
  ]) {
    for (const big of [false, true]) {
      test(`${major}.${minor} is rejected, naming the version (${big ? 'big' : 'little'}-endian)`, async () => {
        await assert.rejects(read(pcapHeader({ major, minor, big })), {
          name: 'CaptureError',
          code: 'UNSUPPORTED_CAPTURE',
          message: new RegExp(`version ${major}\\.${minor} is not supported`),
        });
      });
    }
  }
});

describe('any records', () => {
  const word = fc.oneof(fc.nat(3000), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(999_999, 1e6, 1e9));
  const record = fc.record({ data: fc.uint8Array({ maxLength: 40 }), seconds: word, fraction: word, original: word });
  for (const kind of KINDS) {
    test(`${kind}: the same packets and notes in both byte orders`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(record, { maxLength: 12 }), async (records) => {
          const [little, big] = await Promise.all(
            [false, true].map((order) => {
              const form = { kind, big: order };
              return read(Buffer.concat([pcapHeader(form), ...records.map((one) => pcapRecord(one, form))]));
            }),
          );
          assert.deepEqual(little.packets, big.packets);
          assert.deepEqual(little.notes, big.notes);
          assert.equal(little.damage, undefined);
          assert.equal(little.packets.length, records.length);
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('a truncated file', () => {
  for (const form of FORMS) {
    test(`${nameOf(form)}: truncated at any byte, keeps the whole packets before it, and the damage has the offset`, async () => {
      const records = [0, 1, 40, 3].map((length, i) => pcapRecord({ data: noise(length, i), seconds: i }, form));
      const bytes = Buffer.concat([pcapHeader(form), ...records]);
      const all = (await read(bytes)).packets;
      assert.equal(all.length, 4);
      const boundaries = records.reduce((ends, { length }) => [...ends, ends[ends.length - 1] + length], [24]);
      for (let end = 24; end <= bytes.length; end++) {
        const { packets, damage, source } = await read(bytes.subarray(0, end));
        const whole = boundaries.filter((boundary) => boundary <= end).length - 1;
        assert.deepEqual(packets, all.slice(0, whole), `truncated at ${end}`);
        assert.equal(source.position, boundaries[whole]);
        if (boundaries[whole] === end) {
          assert.equal(damage, undefined, `truncated at ${end}`);
        } else {
          assert.equal(damage?.code, 'CAPTURE_CUT_OFF', `truncated at ${end}`);
          assert.match(damage.message, new RegExp(`record at byte ${boundaries[whole]}:`));
        }
      }
    });
  }

  for (const form of FORMS) {
    test(`${nameOf(form)}: truncated in the file header, it can't be opened`, async () => {
      const bytes = pcapHeader(form);
      for (let end = 4; end < 24; end++) {
        await assert.rejects(read(bytes.subarray(0, end)), { code: 'CAPTURE_CUT_OFF' });
      }
    });
  }
});

describe('an invalid record', () => {
  for (const form of FORMS) {
    for (const captured of [262_145, 0x7fffffff, 0x80000000, 0xffffffff]) {
      test(`${nameOf(form)}: ${captured} bytes are damage; the packets before it are kept`, async () => {
        const good = Array.from({ length: 300 }, (_, i) => ({ data: noise(i % 5, i) }));
        const bytes = pcapFile([...good, { data: noise(5000, 1), captured, original: captured }], form);
        const { packets, damage, source } = await read(bytes);
        assert.deepEqual(
          packets.map(({ hex }) => hex),
          good.map(({ data }) => data.toString('hex')),
        );
        assert.equal(damage?.code, 'CAPTURE_DAMAGED');
        assert.match(damage.message, new RegExp(`record at byte ${source.position} claims ${captured} `));
        assert.equal(await source.next(), undefined);
      });
    }
  }

  test('caps an original length of 4 GB at 1 GiB', async () => {
    const { packets, notes } = await read(pcapFile([{ data: ONE, original: 0xffffffff }]));
    assert.equal(packets[0].originalLength, 1 << 30);
    assert.deepEqual(notes, []);
  });

  test('counts original lengths below the captured length in one note', async () => {
    const records = Array.from({ length: 700 }, () => ({ data: noise(9, 1), original: 8 }));
    const { packets, notes } = await read(pcapFile(records));
    assert.ok(packets.every(({ originalLength }) => originalLength === 9));
    assert.deepEqual(
      notes.map(({ count }) => count),
      [700],
    );
  });
});

describe('fractions of a second', () => {
  const CASES: [PcapKind, number, string, number][] = [
    ['micro', 999_999, '5.999999000', 0],
    ['micro', 1_000_000, '6.000000000', 1],
    ['micro', 0xffffffff, '4299.967295000', 1],
    ['modified', 1_999_999, '6.999999000', 1],
    ['nano', 999_999_999, '5.999999999', 0],
    ['nano', 1_000_000_000, '6.000000000', 1],
    ['nano', 0xffffffff, '9.294967295', 1],
  ];
  for (const [kind, fraction, time, notes] of CASES) {
    test(`${kind}: 5 s and ${fraction} is ${time}${notes === 0 ? '' : ', with a note'}`, async () => {
      for (const big of [false, true]) {
        const got = await read(pcapFile([{ data: ONE, seconds: 5, fraction }], { kind, big }));
        assert.equal(got.packets[0].time, time);
        assert.equal(got.notes.length, notes);
      }
    });
  }

  test('seconds are unsigned, and carry beyond 32 bits', async () => {
    const records = [
      { data: ONE, seconds: 0x80000000 },
      { data: ONE, seconds: 0xffffffff, fraction: 1_500_000 },
    ];
    assert.deepEqual(
      (await read(pcapFile(records))).packets.map(({ time }) => time),
      ['2147483648.000000000', '4294967296.500000000'],
    );
  });
});

describe('the link type', () => {
  for (const big of [false, true]) {
    for (const high of [0x0400, 0xf400, 0xffff, 0x0001]) {
      const word = `0x${high.toString(16)}`;
      test(`ignores the upper half ${word} (${big ? 'big' : 'little'}-endian)`, async () => {
        const { packets, source } = await read(pcapFile([{ data: ONE }], { big, link: high * 65536 + 113 }));
        assert.equal(source.interfaces[0].linkType, 113);
        assert.equal(packets[0].linkType, 113);
      });
    }
  }
});

describe('batches', () => {
  for (const count of [255, 256, 257, 512, 513, 1025]) {
    test(`${count} packets come in full batches and a remainder`, async () => {
      const records = Array.from({ length: count }, (_, i) => ({ data: noise(i % 9, i), seconds: i }));
      const source = await openCapture(new MemoryReader(pcapFile(records)));
      const sizes: number[] = [];
      const times: number[] = [];
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        sizes.push(batch.count);
        times.push(...batch.seconds.subarray(0, batch.count));
      }
      const full = Array.from({ length: Math.floor(count / BATCH_PACKETS) }, () => BATCH_PACKETS);
      const rest = count % BATCH_PACKETS;
      assert.deepEqual(sizes, rest === 0 ? full : [...full, rest]);
      assert.deepEqual(
        times,
        records.map(({ seconds }) => seconds),
      );
    });
  }
});

describe('one capture in all formats', () => {
  const FORMS_OF_RUN: [string, number][] = [
    ['usec.pcap', 1000],
    ['modified-kuznetzov.pcap', 1000],
    ['editcap.pcapng', 1000],
    ['nsec.pcap', 1],
    ['editcap-nsec.pcap', 1],
  ];
  for (const [form, step] of FORMS_OF_RUN) {
    test(`${form} is dumpcap.pcapng with times truncated to ${step} ns`, async () => {
      const load = (name: string): ReturnType<typeof read> => read(readFileSync(fixture(`vxlan/10-formats.${name}`)));
      const [got, reference] = [await load(form), await load('dumpcap.pcapng')];
      assert.equal(reference.packets.length, 26);
      const kept = step === 1 ? 9 : 6;
      assert.deepEqual(
        got.packets.map(({ hex, time, originalLength, linkType }) => [hex, time, originalLength, linkType]),
        reference.packets.map(({ hex, time, originalLength, linkType }) => {
          const [seconds, fraction] = time.split('.');
          return [hex, `${seconds}.${fraction.slice(0, kept).padEnd(9, '0')}`, originalLength, linkType];
        }),
      );
    });
  }
});
