import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { read } from './read.js';

interface Record {
  readonly data: string;
  readonly seconds?: number;
  readonly fraction?: number;
  readonly original?: number;
}

/** A classic capture file. */
function pcap(
  records: readonly Record[],
  options: { magic?: number; big?: boolean; link?: number; version?: number } = {},
): Buffer {
  const big = options.big === true;
  const words = (values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => (big ? bytes.writeUInt32BE(value, 4 * i) : bytes.writeUInt32LE(value, 4 * i)));
    return bytes;
  };
  const version = options.version ?? 0x0004_0002;
  const header = words([
    options.magic ?? 0xa1b2c3d4,
    big ? ((version & 0xffff) << 16) | (version >>> 16) : version,
    0,
    0,
    65535,
    options.link ?? 1,
  ]);
  const parts = records.flatMap(({ data, seconds = 7, fraction = 5, original }) => {
    const bytes = Buffer.from(data, 'hex');
    const extra = options.magic === 0xa1b2cd34 ? Buffer.alloc(8) : Buffer.alloc(0);
    return [words([seconds, fraction, bytes.length, original ?? bytes.length]), extra, bytes];
  });
  return Buffer.concat([header, ...parts]);
}

describe('pcap', () => {
  for (const big of [false, true]) {
    for (const [name, magic, time] of [
      ['microseconds', 0xa1b2c3d4, '7.000005000'],
      ['nanoseconds', 0xa1b23c4d, '7.000000005'],
      ['the modified format', 0xa1b2cd34, '7.000005000'],
    ] as const) {
      test(`${name}, ${big ? 'big' : 'little'}-endian`, async () => {
        const { packets, source } = await read(pcap([{ data: '0102' }, { data: '', original: 60 }], { magic, big }));
        assert.deepEqual(
          packets.map((packet) => [packet.hex, packet.time, packet.originalLength, packet.linkType]),
          [
            ['0102', time, 2, 1],
            ['', time, 60, 1],
          ],
        );
        assert.equal(source.interfaces[0].ticksPerSecond, magic === 0xa1b23c4d ? 1e9 : 1e6);
      });
    }
  }

  test("the bits above the link type are the frame check sequence's, and don't change the link type", async () => {
    assert.equal((await read(pcap([{ data: '00' }], { link: 0x24000001 }))).packets[0].linkType, 1);
  });

  test('rejects another version', async () => {
    await assert.rejects(read(pcap([], { version: 0x0003_0002 })), { code: 'UNSUPPORTED_CAPTURE' });
  });

  test('carries a fraction of a second or more over, with a note', async () => {
    const { packets, notes } = await read(pcap([{ data: '00', fraction: 2_500_000 }]));
    assert.equal(packets[0].time, '9.500000000');
    assert.match(notes[0].message, /carried over/);
  });

  test('raises an original length below the captured length to it, with a note', async () => {
    const { packets, notes } = await read(pcap([{ data: '010203', original: 1 }]));
    assert.equal(packets[0].originalLength, 3);
    assert.match(notes[0].message, /original length/);
  });

  test('reads a packet of 262,144 bytes; a longer one is damage', async () => {
    const largest = await read(pcap([{ data: 'ab'.repeat(262_144) }, { data: '01' }]));
    assert.deepEqual(
      largest.packets.map(({ hex }) => hex.length / 2),
      [262_144, 1],
    );
    const { packets, damage } = await read(pcap([{ data: '01' }, { data: 'ab'.repeat(262_145) }]));
    assert.equal(packets.length, 1);
    assert.equal(damage?.code, 'CAPTURE_DAMAGED');
    assert.match(damage.message, /record at byte 41 claims 262145 bytes/);
  });

  test('splits more packets than a batch holds over several batches', async () => {
    const records = Array.from({ length: 1000 }, (_, i) => ({ data: i.toString(16).padStart(8, '0'), seconds: i }));
    const { packets } = await read(pcap(records));
    assert.deepEqual(
      packets.map(({ hex }) => hex),
      records.map(({ data }) => data),
    );
  });
});
