import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Packet, read } from './read.js';

type Option = readonly [code: number, value: Buffer];

/** Blocks in one byte order. */
class Blocks {
  readonly #big: boolean;

  constructor(big: boolean) {
    this.#big = big;
  }

  u32(...values: number[]): Buffer {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => (this.#big ? bytes.writeUInt32BE(value, 4 * i) : bytes.writeUInt32LE(value, 4 * i)));
    return bytes;
  }

  u16(...values: number[]): Buffer {
    const bytes = Buffer.alloc(values.length * 2);
    values.forEach((value, i) => (this.#big ? bytes.writeUInt16BE(value, 2 * i) : bytes.writeUInt16LE(value, 2 * i)));
    return bytes;
  }

  i64(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    if (this.#big) bytes.writeBigInt64BE(value);
    else bytes.writeBigInt64LE(value);
    return bytes;
  }

  block(type: number, ...body: Buffer[]): Buffer {
    const bytes = Buffer.concat(body);
    const padding = Buffer.alloc(-bytes.length & 3);
    const length = 12 + bytes.length + padding.length;
    return Buffer.concat([this.u32(type, length), bytes, padding, this.u32(length)]);
  }

  section(): Buffer {
    return this.block(0x0a0d0d0a, this.u32(0x1a2b3c4d), this.u16(1, 0), this.u32(0xffffffff, 0xffffffff));
  }

  interface(linkType: number, snap: number, ...options: Option[]): Buffer {
    const parts = options.map(([code, value]) =>
      Buffer.concat([this.u16(code, value.length), value, Buffer.alloc(-value.length & 3)]),
    );
    return this.block(1, this.u16(linkType, 0), this.u32(snap), ...parts, this.u32(0));
  }

  enhanced(id: number, ticks: bigint, data: string, original?: number): Buffer {
    const bytes = Buffer.from(data, 'hex');
    const high = Number(ticks >> 32n);
    const low = Number(ticks & 0xffffffffn);
    return this.block(6, this.u32(id, high, low, bytes.length, original ?? bytes.length), bytes);
  }
}

const little = new Blocks(false);
const shown = ({ hex, time, interfaceId }: Packet): unknown[] => [hex, time, interfaceId];

describe('pcapng', () => {
  test('reads sections of both byte orders; interface ids restart in each', async () => {
    const big = new Blocks(true);
    const file = Buffer.concat([
      ...[little.section(), little.interface(1, 0), little.interface(101, 0), little.enhanced(1, 1_500_000n, 'aa')],
      ...[big.section(), big.interface(113, 0), big.enhanced(0, 2_500_000n, 'bbcc')],
    ]);
    const { packets, source } = await read(file);
    assert.deepEqual(packets.map(shown), [
      ['aa', '1.500000000', 1],
      ['bbcc', '2.500000000', 2],
    ]);
    assert.deepEqual(
      source.interfaces.map(({ linkType }) => linkType),
      [1, 101, 113],
    );
  });

  const RESOLUTIONS: [string, number, bigint, string][] = [
    ['10^-3', 3, 1_700_000_000_123n, '1700000000.123000000'],
    ['10^-6', 6, 1_700_000_000_123_456n, '1700000000.123456000'],
    ['10^-9', 9, 1_700_000_000_123_456_789n, '1700000000.123456789'],
    ['10^-12, cut to nanoseconds', 12, 1_700_000_123_456_789_012n, '1700000.123456789'],
    ['2^-10', 0x8a, 1_700_000_000n * 1024n + 512n, '1700000000.500000000'],
    ['2^-20', 0x94, 1_700_000_000n * 1048576n + 1n, '1700000000.000000953'],
    ['2^-40', 0xa8, 17n * 2n ** 40n + 2n ** 39n, '17.500000000'],
    ['one second', 0, 1_700_000_000n, '1700000000.000000000'],
  ];
  for (const [name, resolution, ticks, time] of RESOLUTIONS) {
    test(`times in ticks of ${name}`, async () => {
      const described = little.interface(1, 0, [9, Buffer.from([resolution])]);
      const { packets } = await read(Buffer.concat([little.section(), described, little.enhanced(0, ticks, '00')]));
      assert.equal(packets[0].time, time);
    });
  }

  test('adds if_tsoffset, which may be negative, and keeps the name', async () => {
    const first = little.interface(1, 0, [2, Buffer.from('eth0')], [14, little.i64(1000n)]);
    const second = little.interface(1, 0, [14, little.i64(-1000n)]);
    const packets = [little.enhanced(0, 5_000_000n, '00'), little.enhanced(1, 5_000_000_000n, '01')];
    const got = await read(Buffer.concat([little.section(), first, second, ...packets]));
    assert.deepEqual(
      got.packets.map(({ time }) => time),
      ['1005.000000000', '4000.000000000'],
    );
    assert.equal(got.source.interfaces[0].name, 'eth0');
  });

  test('a simple packet is as long as the snaplen allows, and has no time', async () => {
    const simple = (original: number, data: string): Buffer =>
      little.block(3, little.u32(original), Buffer.from(data, 'hex'));
    const file = Buffer.concat([little.section(), little.interface(1, 4), simple(2, 'aabb'), simple(9, 'aabbccdd')]);
    const { packets, notes } = await read(file);
    assert.deepEqual(
      packets.map(({ hex, originalLength, timeless }) => [hex, originalLength, timeless]),
      [
        ['aabb', 2, true],
        ['aabbccdd', 9, true],
      ],
    );
    assert.equal(notes[0].count, 2);
  });

  test('reads obsolete packet blocks', async () => {
    const obsolete = little.block(2, little.u16(0, 0xffff), little.u32(0, 3_000_000, 2, 2), Buffer.from('abcd', 'hex'));
    const { packets } = await read(Buffer.concat([little.section(), little.interface(1, 0), obsolete]));
    assert.deepEqual(packets.map(shown), [['abcd', '3.000000000', 0]]);
  });

  test('skips unknown blocks of any size, with a note', async () => {
    const blocks = [little.block(0x0bad, Buffer.alloc(5)), little.block(0x0bad, Buffer.alloc(2_000_000))];
    const file = Buffer.concat([little.section(), little.interface(1, 0), ...blocks, little.enhanced(0, 1n, '77')]);
    const { packets, damage, notes } = await read(file);
    assert.equal(damage, undefined);
    assert.deepEqual(
      packets.map(({ hex }) => hex),
      ['77'],
    );
    assert.equal(notes.length, 2);
  });

  const start = Buffer.concat([little.section(), little.interface(1, 0), little.enhanced(0, 1n, '77')]);
  const bad: [string, Buffer, RegExp][] = [
    ['a length below 12', little.u32(6, 8, 8), /a block of length 8 at byte/],
    ['a length that is not a multiple of 4', little.u32(6, 33, 33), /a block of length 33/],
    ['a packet block of 4 GB', little.u32(6, 0xfffffffc, 0), /a block of length 4294967292/],
    [
      'another trailing length',
      Buffer.concat([little.u32(5, 16, 0), little.u32(20)]),
      /length 16 at its start and 20 at its end/,
    ],
    ['no byte-order magic', little.u32(0x0a0d0d0a, 28, 0, 0, 0, 0, 28), /without its byte-order magic/],
    ['a packet block that is too short', little.block(6, little.u32(0)), /too short/],
    ['an interface block that is too short', little.block(1, little.u32(0)), /too short/],
  ];
  for (const [what, bytes, pattern] of bad) {
    test(`${what} is damage; the packets before it are kept`, async () => {
      const { packets, damage } = await read(Buffer.concat([start, bytes, little.enhanced(0, 1n, '88')]));
      assert.deepEqual(
        packets.map(({ hex }) => hex),
        ['77'],
      );
      assert.equal(damage?.code, 'CAPTURE_DAMAGED');
      assert.match(damage.message, pattern);
    });
  }

  test('skips a packet longer than its block, or of an undescribed interface, with a note', async () => {
    const long = little.block(6, little.u32(0, 0, 1, 99, 99), Buffer.from('aa', 'hex'));
    const { packets, notes } = await read(
      Buffer.concat([start, long, little.enhanced(3, 1n, '88'), little.enhanced(0, 1n, '99')]),
    );
    assert.deepEqual(
      packets.map(({ hex }) => hex),
      ['77', '99'],
    );
    assert.match(notes[0].message, /longer than its block/);
    assert.match(notes[1].message, /has not described/);
  });
});
