/** Blocks, rule by rule: which are read, which are skipped, which end the reading. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_INTERFACES } from '../../src/capture/pcapng-decoder.js';
import { Blocks, noise, type Option } from './build.js';
import { read } from './read.js';

const ORDERS = [new Blocks(false), new Blocks(true)];
const orderOf = ({ big }: Blocks): string => (big ? 'big-endian' : 'little-endian');
const A = Buffer.from('aa', 'hex');
const B = Buffer.from('bbbb', 'hex');
const MIB = 1 << 20;

/** A section with one Ethernet interface without snaplen and one packet. */
const begun = (blocks: Blocks): Buffer =>
  Buffer.concat([blocks.section(), blocks.interface(1, 0), blocks.enhanced(0, 1n, A)]);

const hexes = ({ packets }: Awaited<ReturnType<typeof read>>): string[] => packets.map(({ hex }) => hex);

for (const blocks of ORDERS) {
  const start = begun(blocks);

  describe(`pcapng, ${orderOf(blocks)}: blocks that are read`, () => {
    test('a lone section header: no packets, no damage', async () => {
      const { packets, damage, notes, source } = await read(blocks.section());
      assert.deepEqual([packets, damage, notes, source.interfaces], [[], undefined, [], []]);
      assert.equal(source.format, 'pcapng');
    });

    test('each kind of packet block yields the same bytes, with any padding', async () => {
      for (let length = 0; length < 9; length++) {
        const data = noise(length, length);
        const kinds = [blocks.enhanced(0, 7n, data, 99), blocks.obsolete(0, 7n, data, 99), blocks.simple(data)];
        const got = await read(Buffer.concat([blocks.section(), blocks.interface(1, 0), ...kinds]));
        assert.equal(got.damage, undefined);
        assert.deepEqual(
          got.packets.map(({ hex, time, originalLength, timeless }) => [hex, time, originalLength, timeless]),
          [
            [data.toString('hex'), '0.000007000', 99, false],
            [data.toString('hex'), '0.000007000', 99, false],
            [data.toString('hex'), '0.000000000', length, true],
          ],
        );
      }
    });

    test('options after a packet are not part of it', async () => {
      const options: Option[] = [
        [2, Buffer.alloc(4)],
        [1, Buffer.from('a comment of some length')],
        [0, Buffer.alloc(0)],
      ];
      const got = await read(
        Buffer.concat([start, blocks.enhanced(0, 1n, B, 2, ...options), blocks.enhanced(0, 2n, A)]),
      );
      assert.deepEqual(hexes(got), ['aa', 'bbbb', 'aa']);
      assert.deepEqual(got.notes, []);
    });

    test('the drop count of the obsolete block is not part of the interface id', async () => {
      const file = [
        blocks.section(),
        ...[1, 113, 101].map((link) => blocks.interface(link, 0)),
        ...[0, 1, 2].map((id) => blocks.obsolete(id, 1n, A, 1, 1 + id)),
      ];
      const { packets } = await read(Buffer.concat(file));
      assert.deepEqual(
        packets.map(({ interfaceId, linkType }) => [interfaceId, linkType]),
        [
          [0, 1],
          [1, 113],
          [2, 101],
        ],
      );
    });

    test('a simple packet belongs to the first interface of its section, and is limited by its snaplen', async () => {
      const file = [
        ...[blocks.section(), blocks.interface(1, 3), blocks.interface(101, 1), blocks.simple(noise(3, 1), 1500)],
        ...[blocks.section(), blocks.interface(113, 0), blocks.simple(noise(5, 2))],
      ];
      const { packets, notes } = await read(Buffer.concat(file));
      assert.deepEqual(
        packets.map(({ hex, originalLength, interfaceId, linkType }) => [hex, originalLength, interfaceId, linkType]),
        [
          [noise(3, 1).toString('hex'), 1500, 0, 1],
          [noise(5, 2).toString('hex'), 5, 2, 113],
        ],
      );
      assert.deepEqual(
        notes.map(({ count }) => count),
        [2],
      );
    });

    test('with snaplen 0, a simple packet is as long as it was on the wire', async () => {
      const long = noise(70_000, 3);
      const got = await read(Buffer.concat([blocks.section(), blocks.interface(1, 0), blocks.simple(long)]));
      assert.deepEqual(hexes(got), [long.toString('hex')]);
    });

    test('skips a simple packet that would exceed its block, with a note', async () => {
      const got = await read(Buffer.concat([start, blocks.simple(noise(8, 1), 9), blocks.enhanced(0, 1n, B)]));
      assert.deepEqual(hexes(got), ['aa', 'bbbb']);
      assert.match(got.notes[0].message, /longer than its block/);
    });

    test('reads a packet of 262,144 bytes with 60,000 bytes of options', async () => {
      const data = noise(262_144, 4);
      const comment: Option = [1, noise(60_000, 5)];
      const got = await read(Buffer.concat([start, blocks.enhanced(0, 1n, data, data.length, comment), start]));
      assert.deepEqual(hexes(got), ['aa', data.toString('hex'), 'aa']);
      assert.equal(got.damage, undefined);
    });

    test('skips a packet of 262,145 bytes, with a note, and reads what follows', async () => {
      for (const block of [blocks.enhanced(0, 1n, noise(262_145, 4)), blocks.simple(noise(262_145, 4))]) {
        const got = await read(Buffer.concat([start, block, blocks.enhanced(0, 2n, B)]));
        assert.deepEqual(hexes(got), ['aa', 'bbbb']);
        assert.equal(got.damage, undefined);
        assert.equal(got.notes.length, 1);
      }
    });

    test('caps an original length of 4 GB at 1 GiB, raises one below the captured length to it', async () => {
      const { packets, notes } = await read(
        Buffer.concat([start, blocks.enhanced(0, 1n, B, 0xffffffff), blocks.enhanced(0, 1n, B, 1)]),
      );
      assert.deepEqual(
        packets.map(({ originalLength }) => originalLength),
        [1, 1 << 30, 2],
      );
      assert.match(notes[0].message, /original length/);
    });

    test('reads an interface description between packets', async () => {
      const got = await read(Buffer.concat([start, blocks.interface(113, 0), blocks.enhanced(1, 1n, B)]));
      assert.deepEqual(
        got.packets.map(({ linkType, interfaceId }) => [linkType, interfaceId]),
        [
          [1, 0],
          [113, 1],
        ],
      );
    });

    test('more packets than a batch holds come in order', async () => {
      const many = Array.from({ length: 900 }, (_, i) => blocks.enhanced(0, BigInt(i), noise(i % 7, i)));
      const { packets } = await read(Buffer.concat([blocks.section(), blocks.interface(1, 0), ...many]));
      assert.deepEqual(
        packets.map(({ hex, time }) => [hex, time]),
        many.map((_, i) => [noise(i % 7, i).toString('hex'), `0.${String(i * 1000).padStart(9, '0')}`]),
      );
    });
  });

  describe(`pcapng, ${orderOf(blocks)}: interfaces`, () => {
    test('names are UTF-8, and options count in any order', async () => {
      const options: Option[] = [
        [14, blocks.i64(-7n)],
        [3, Buffer.from('a description')],
        [9, Buffer.from([9])],
        [2, Buffer.from('größe → 網')],
        [0, Buffer.alloc(0)],
        [2, Buffer.from('behind the end')],
      ];
      const file = [blocks.section(), blocks.interface(1, 96, ...options), blocks.enhanced(0, 8_000_000_001n, A)];
      const { packets, source, notes } = await read(Buffer.concat(file));
      assert.equal(packets[0].time, '1.000000001');
      assert.equal(source.interfaces[0].name, 'größe → 網');
      assert.equal(source.interfaces[0].snapLength, 96);
      assert.equal(source.interfaces[0].ticksPerSecond, 1e9);
      assert.deepEqual(notes, []);
    });

    test('truncates names at 1024 bytes, at a character boundary', async () => {
      for (const [name, kept] of [
        ['e'.repeat(60_000), 'e'.repeat(1024)],
        [`e${'網'.repeat(400)}`, `e${'網'.repeat(341)}`],
      ]) {
        const { source } = await read(
          Buffer.concat([blocks.section(), blocks.interface(1, 0, [2, Buffer.from(name)])]),
        );
        assert.equal(source.interfaces[0].name, kept);
      }
    });

    test('keeps 65,536 interfaces over all sections; one more is damage, after the packets before it', async () => {
      const half = Buffer.concat([
        blocks.section(),
        ...Array.from({ length: MAX_INTERFACES / 2 }, () => blocks.interface(1, 0)),
      ]);
      const full = await read(Buffer.concat([half, half, blocks.enhanced(0, 1n, A)]));
      assert.equal(full.damage, undefined);
      assert.equal(full.source.interfaces.length, MAX_INTERFACES);
      assert.equal(full.packets[0].interfaceId, MAX_INTERFACES / 2);
      const more = [half, half, blocks.enhanced(0, 1n, A), blocks.interface(1, 0), blocks.enhanced(0, 1n, B)];
      const beyond = await read(Buffer.concat(more));
      assert.deepEqual(hexes(beyond), ['aa']);
      assert.equal(beyond.damage?.code, 'CAPTURE_DAMAGED');
      assert.match(beyond.damage.message, /more than the maximum of 65536 interface descriptions/);
      assert.equal(beyond.source.interfaces.length, MAX_INTERFACES);
    });

    test('without options, times are in microseconds and the name is unknown', async () => {
      const { source } = await read(start);
      assert.deepEqual([source.interfaces[0].name, source.interfaces[0].ticksPerSecond], [undefined, 1e6]);
    });

    test('skips an option that exceeds its block and those after it, with a note', async () => {
      const body = Buffer.concat([blocks.u16(1, 0), blocks.u32(0), blocks.option(9, Buffer.from([3]))]);
      for (const length of [5, 100, 0xffff]) {
        const beyond = Buffer.concat([blocks.u16(2, length), Buffer.from('eth0')]);
        const got = await read(
          Buffer.concat([blocks.section(), blocks.block(1, body, beyond), blocks.enhanced(0, 1500n, A)]),
        );
        assert.equal(got.damage, undefined);
        assert.equal(got.packets[0].time, '1.500000000');
        assert.equal(got.source.interfaces[0].name, undefined);
        assert.match(got.notes[0].message, /option of an interface exceeds its block/);
      }
    });

    test('ignores an option that is too short for its value', async () => {
      const options: Option[] = [
        [9, Buffer.alloc(0)],
        [14, Buffer.alloc(4, 0xff)],
      ];
      const file = [blocks.section(), blocks.interface(1, 0, ...options), blocks.enhanced(0, 2_500_000n, A)];
      assert.equal((await read(Buffer.concat(file))).packets[0].time, '2.500000000');
    });

    test('skips a packet of an interface that its section has not described, with a note', async () => {
      const file = [
        ...[start, blocks.enhanced(1, 1n, B), blocks.enhanced(0xffffffff, 1n, B), blocks.obsolete(0xffff, 1n, B)],
        // The previous section had one, but its ids end with it.
        ...[blocks.section(), blocks.enhanced(0, 1n, B), blocks.simple(B), blocks.obsolete(0, 1n, B)],
      ];
      const got = await read(Buffer.concat(file));
      assert.deepEqual(hexes(got), ['aa']);
      assert.equal(got.damage, undefined);
      assert.deepEqual(
        got.notes.map(({ count }) => count),
        [6],
      );
      assert.match(got.notes[0].message, /has not described/);
    });
  });

  describe(`pcapng, ${orderOf(blocks)}: blocks that are skipped`, () => {
    test('skips standard blocks without packets silently (also secrets and journal entries), others with a note per type', async () => {
      const types = [4, 5, 9, 10, 0x0bad, 0x0bad, 0x40000bad, 0x80000001];
      const got = await read(
        Buffer.concat([
          start,
          ...types.map((type) => blocks.block(type, noise(type % 50, 1))),
          blocks.enhanced(0, 1n, B),
        ]),
      );
      assert.deepEqual(hexes(got), ['aa', 'bbbb']);
      assert.deepEqual(
        got.notes.map(({ message, count }) => [/0x[0-9a-f]{8}/.exec(message)?.[0], count]),
        [
          ['0x00000bad', 2],
          ['0x40000bad', 1],
          ['0x80000001', 1],
        ],
      );
    });

    test('skips an unknown block without content', async () => {
      const got = await read(Buffer.concat([start, blocks.block(0x0bad), blocks.enhanced(0, 1n, B)]));
      assert.deepEqual(hexes(got), ['aa', 'bbbb']);
    });

    for (const size of [300_000, 327_668, 327_672, 600_000, 3 * MIB]) {
      test(`an unknown block of ${size} bytes of content is skipped; what follows is read`, async () => {
        // Content that looks like packets must not be parsed as packets.
        const content = Buffer.concat(Array.from({ length: Math.ceil(size / 36) }, () => blocks.enhanced(0, 5n, B)));
        const large = blocks.block(0x0bad, content.subarray(0, size));
        const got = await read(Buffer.concat([start, large, blocks.enhanced(0, 1n, B), large]));
        assert.deepEqual(hexes(got), ['aa', 'bbbb']);
        assert.equal(got.damage, undefined);
        assert.deepEqual(
          got.notes.map(({ count }) => count),
          [2],
        );
      });
    }

    test('an unknown block that is truncated by the end of the file is damage', async () => {
      const large = blocks.block(0x0bad, Buffer.alloc(2 * MIB));
      for (const missing of [1, 4, MIB, 2 * MIB]) {
        const got = await read(Buffer.concat([start, large.subarray(0, large.length - missing)]));
        assert.deepEqual(hexes(got), ['aa']);
        assert.equal(got.damage?.code, 'CAPTURE_CUT_OFF');
      }
    });

    test('unknown blocks of any number of types leave a bounded number of notes', async () => {
      const types = Array.from({ length: 4000 }, (_, i) => blocks.block(0x10000 + i));
      const got = await read(Buffer.concat([start, ...types, blocks.enhanced(0, 1n, B)]));
      assert.deepEqual(hexes(got), ['aa', 'bbbb']);
      assert.equal(
        got.notes.reduce((sum, { count }) => sum + count, 0),
        4000,
      );
      assert.ok(got.notes.length <= 1000, `${got.notes.length} notes`);
    });
  });

  describe(`pcapng, ${orderOf(blocks)}: damage ends the packets, and those before it are kept`, () => {
    const at = start.length;
    const cases: [string, Buffer, RegExp][] = [];
    for (const type of [0x0bad, 1, 2, 3, 6]) {
      for (const length of [0, 4, 8, 11, 13, 14, 15, 33]) {
        const block = Buffer.concat([blocks.u32(type, length), Buffer.alloc(40)]);
        cases.push([`a block of type ${type} of length ${length}`, block, /a block of length \d+ at byte/]);
      }
    }
    for (const type of [1, 2, 3, 6, 0x0a0d0d0a]) {
      for (const length of [327_684, 0x7ffffffc, 0x80000000, 0xfffffffc]) {
        const block = Buffer.concat([blocks.u32(type, length, 0x1a2b3c4d), Buffer.alloc(40)]);
        cases.push([`a block of type ${type} of length ${length}`, block, /a block of length \d+ at byte/]);
      }
    }
    for (const trailing of [0, 12, 40, 0xffffffff]) {
      const whole = blocks.enhanced(0, 1n, B);
      const block = Buffer.concat([whole.subarray(0, -4), blocks.u32(trailing)]);
      cases.push([
        `the trailing length ${trailing}`,
        block,
        new RegExp(`length 36 at its start and ${trailing} at its end at byte`),
      ]);
    }
    for (const magic of [0, 0x1a2b3c4e, 0x0a0d0d0a]) {
      const block = blocks.block(0x0a0d0d0a, blocks.u32(magic, 0x00010000, 0, 0));
      cases.push([`the byte-order magic ${magic.toString(16)}`, block, /without its byte-order magic at byte/]);
    }
    for (const [name, type, least] of [
      ['section header', 0x0a0d0d0a, 16],
      ['interface description', 1, 8],
      ['enhanced packet', 6, 20],
      ['obsolete packet', 2, 20],
      ['simple packet', 3, 4],
    ] as const) {
      for (let length = 0; length < least; length += 4) {
        const content = Buffer.concat([blocks.u32(0x1a2b3c4d), Buffer.alloc(20)]).subarray(0, length);
        cases.push([`a ${name} of ${length} bytes`, blocks.block(type, content), / at byte/]);
      }
    }
    for (const [what, block, pattern] of cases) {
      test(what, async () => {
        // Enough data after it that no length waits for more.
        const behind = Buffer.concat(Array.from({ length: 30 }, () => blocks.enhanced(0, 1n, B)));
        const got = await read(Buffer.concat([start, block, behind]));
        assert.deepEqual(hexes(got), ['aa']);
        assert.equal(got.damage?.code, 'CAPTURE_DAMAGED');
        assert.match(got.damage.message, pattern);
        assert.match(got.damage.message, new RegExp(`at byte ${at}$`));
        assert.equal(got.source.position, at);
      });
    }

    test('a file that begins with a section header without byte-order magic has no packets', async () => {
      const got = await read(blocks.block(0x0a0d0d0a, blocks.u32(0x4d3c2b1b, 0x00010000, 0, 0)));
      assert.deepEqual(hexes(got), []);
      assert.equal(got.damage?.code, 'CAPTURE_DAMAGED');
    });

    test('rejects a section of another major version, naming it; reads a newer minor version', async () => {
      const newer = await read(Buffer.concat([start, blocks.section(1, 2), blocks.interface(1, 0), blocks.simple(B)]));
      assert.deepEqual(hexes(newer), ['aa', 'bbbb']);
      const other = await read(Buffer.concat([start, blocks.section(2, 1), blocks.interface(1, 0), blocks.simple(B)]));
      assert.deepEqual(hexes(other), ['aa']);
      assert.equal(other.damage?.code, 'UNSUPPORTED_CAPTURE');
      assert.match(other.damage.message, /version 2\.1/);
    });

    test('a truncated file yields the packets of its whole blocks, and the damage has the offset', async () => {
      const parts = [
        ...[blocks.section(), blocks.interface(1, 0, [2, Buffer.from('eth0')]), blocks.enhanced(0, 1n, noise(5, 1))],
        ...[blocks.block(0x0bad, noise(9, 2)), blocks.obsolete(0, 2n, noise(6, 3)), blocks.simple(noise(7, 4))],
        ...[blocks.section(), blocks.interface(113, 0), blocks.enhanced(0, 3n, noise(8, 5))],
      ];
      const bytes = Buffer.concat(parts);
      const all = (await read(bytes)).packets;
      const boundaries = parts.reduce((ends, { length }) => [...ends, ends[ends.length - 1] + length], [0]);
      const PACKET_BLOCKS = [2, 4, 5, 8];
      for (let end = 4; end <= bytes.length; end++) {
        const { packets, damage, source } = await read(bytes.subarray(0, end));
        const whole = boundaries.filter((boundary) => boundary <= end).length - 1;
        assert.deepEqual(
          packets,
          all.slice(0, PACKET_BLOCKS.filter((block) => block < whole).length),
          `truncated at ${end}`,
        );
        assert.equal(source.position, boundaries[whole]);
        assert.equal(damage?.code, boundaries[whole] === end ? undefined : 'CAPTURE_CUT_OFF', `truncated at ${end}`);
      }
    });
  });
}

describe('sections', () => {
  test('each has its own byte order and interfaces, whose ids continue through the file', async () => {
    const file = Array.from({ length: 8 }, (_, section) => {
      const blocks = ORDERS[section % 2];
      const links = [1, 101, 113].slice(0, 1 + (section % 3));
      return Buffer.concat([
        blocks.section(),
        ...links.map((link) => blocks.interface(link, section)),
        ...links.map((_link, id) => blocks.enhanced(id, 1_000_000n * BigInt(section), Buffer.from([section, id]))),
      ]);
    });
    const { packets, damage, source } = await read(Buffer.concat(file));
    assert.equal(damage, undefined);
    const expected = file.flatMap((_, section) =>
      [1, 101, 113].slice(0, 1 + (section % 3)).map((link, id) => ({ section, link, id })),
    );
    assert.deepEqual(
      packets.map(({ hex, time, linkType, interfaceId }) => [hex, time, linkType, interfaceId]),
      expected.map(({ section, link, id }, i) => [
        Buffer.from([section, id]).toString('hex'),
        `${section}.000000000`,
        link,
        i,
      ]),
    );
    assert.deepEqual(
      source.interfaces.map(({ snapLength }) => snapLength),
      expected.map(({ section }) => section),
    );
  });
});
