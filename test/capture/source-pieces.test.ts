/** Captures larger than the window, in pieces of any size: the pieces never change the packets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ByteReader, MemoryReader, openCapture } from '../../src/capture/index.js';
import { Blocks, noise, pcapFile, type PcapKind } from './build.js';
import { drain, PiecemealReader, type Read, read } from './read.js';

const SEED = { seed: 20261121 };

/** Packet lengths, 1.5 MB in total: small, medium and maximal, so that some straddle each window. */
const LENGTHS = Array.from({ length: 420 }, (_, i) => {
  if (i % 140 === 70) return 262_144 - (i % 4);
  return i % 20 === 3 ? 20_000 + 7 * i : (i * 37) % 1500;
});
const PACKETS = LENGTHS.map((length, i) => noise(length, i));
const EXPECTED = PACKETS.map((data) => data.toString('hex'));

const pcap = (kind: PcapKind, big: boolean): Buffer =>
  pcapFile(
    PACKETS.map((data, i) => ({ data, seconds: i })),
    { kind, big },
  );

function pcapng(): Buffer {
  const orders = [new Blocks(false), new Blocks(true)];
  return Buffer.concat(
    PACKETS.flatMap((data, i) => {
      // Now and then a new section in the other byte order, and blocks that are skipped.
      const blocks = orders[Math.floor(i / 100) % 2];
      const section = i % 100 === 0 ? [blocks.section(), blocks.interface(1, 0)] : [];
      const unknown = i % 50 === 7 ? [blocks.block(0x0bad, Buffer.alloc(i * 1000))] : [];
      return [...section, ...unknown, blocks.enhanced(0, BigInt(i) * 1_000_000n, data)];
    }),
  );
}

const FILES: [string, Buffer][] = [
  ['a µs pcap', pcap('micro', false)],
  ['a modified pcap, big-endian', pcap('modified', true)],
  ['a pcapng of several sections', pcapng()],
];

function same(got: Read, bytes: Buffer): void {
  assert.equal(got.damage, undefined);
  assert.equal(got.packets.length, EXPECTED.length);
  got.packets.forEach(({ hex, time, originalLength }, i) => {
    assert.ok(hex === EXPECTED[i], `packet ${i}`);
    assert.equal(time, `${i}.000000000`);
    assert.equal(originalLength, LENGTHS[i]);
  });
  assert.equal(got.source.position, bytes.length);
}

describe('captures larger than the window', () => {
  for (const [name, bytes] of FILES) {
    test(`${name}: read in one piece`, async () => {
      assert.ok(bytes.length > 1_400_000);
      same(await read(bytes), bytes);
    });

    test(`${name}: in pieces of any size`, async () => {
      const size = fc.oneof(
        fc.integer({ min: 8000, max: 70_000 }),
        fc.integer({ min: 250_000, max: 262_144 }),
        fc.constantFrom(4096, 65_536, 262_143, 262_144),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 6 }), async (sizes) => {
          same(await drain(await openCapture(new PiecemealReader(bytes, sizes))), bytes);
        }),
        { ...SEED, numRuns: 12 },
      );
    });
  }
});

describe('a reader that returns one byte at a time', () => {
  const small = [0, 1, 2, 3, 64, 1500, 5].map((length, i) => ({ data: noise(length, i), seconds: i, fraction: i }));
  const FORMS = (['micro', 'nano', 'modified'] as const).flatMap((kind) =>
    [false, true].map((big): [string, Buffer] => [
      `${kind} pcap, ${big ? 'big' : 'little'}-endian`,
      pcapFile(small, { kind, big }),
    ]),
  );
  for (const big of [false, true]) {
    const blocks = new Blocks(big);
    const packets = small.flatMap(({ data }, i) => [
      blocks.enhanced(i % 2, BigInt(i), data, data.length + i),
      blocks.obsolete(i % 2, BigInt(i), data),
      blocks.simple(data),
      blocks.block(0x0bad, data),
    ]);
    const file = [blocks.section(), blocks.interface(1, 0), blocks.interface(101, 9, [9, Buffer.from([9])])];
    FORMS.push([`pcapng, ${big ? 'big' : 'little'}-endian`, Buffer.concat([...file, ...packets])]);
  }
  for (const [name, bytes] of FORMS) {
    test(`${name}: the same packets, notes and interfaces`, async () => {
      const expected = await read(bytes);
      const got = await drain(await openCapture(new PiecemealReader(bytes, [1])));
      assert.equal(got.damage, undefined);
      assert.deepEqual(got.packets, expected.packets);
      assert.ok(got.packets.length >= 7);
      assert.deepEqual(got.notes, expected.notes);
      assert.deepEqual(got.source.interfaces, expected.source.interfaces);
    });

    test(`${name}: a truncated file ends the same way`, async () => {
      const step = Math.ceil(bytes.length / 10);
      for (let end = 28; end < bytes.length; end += step) {
        const expected = await read(bytes.subarray(0, end));
        const got = await drain(await openCapture(new PiecemealReader(bytes.subarray(0, end), [1])));
        assert.deepEqual(got.packets, expected.packets);
        assert.equal(got.damage?.message, expected.damage?.message);
      }
    });
  }
});

/** Counts the calls to another reader. */
class WatchedReader implements ByteReader {
  readonly name = 'watched';
  readonly size = undefined;
  reads = 0;
  closes = 0;
  readonly #inner: MemoryReader;
  readonly #failAt: number;
  readonly #failure: Error;

  constructor(bytes: Uint8Array, failAt = Infinity, failure = new Error('the cable was pulled')) {
    this.#inner = new MemoryReader(bytes);
    this.#failAt = failAt;
    this.#failure = failure;
  }

  read(into: Uint8Array): number {
    if (this.reads++ === this.#failAt) throw this.#failure;
    return this.#inner.read(into.subarray(0, 1000));
  }

  close(): void {
    this.closes++;
  }
}

describe('a source and its reader', () => {
  const bytes = pcapFile(Array.from({ length: 50 }, (_, i) => ({ data: noise(100, i) })));

  test("doesn't read past the end, and next keeps returning undefined", async () => {
    const reader = new WatchedReader(bytes);
    const source = await openCapture(reader);
    while ((await source.next()) !== undefined);
    const { reads } = reader;
    assert.equal(await source.next(), undefined);
    assert.equal(await source.next(), undefined);
    assert.equal(reader.reads, reads);
  });

  test("doesn't read past damage", async () => {
    const damaged = Buffer.concat([bytes.subarray(0, 24 + 116), Buffer.alloc(16, 0xff), bytes.subarray(140)]);
    const reader = new WatchedReader(damaged);
    const source = await openCapture(reader);
    while ((await source.next()) !== undefined);
    assert.equal(source.damage?.code, 'CAPTURE_DAMAGED');
    assert.equal(reader.reads, 1);
    assert.equal(await source.next(), undefined);
  });

  test('after close there are no more packets, and it may be closed again', async () => {
    const reader = new WatchedReader(bytes);
    const source = await openCapture(reader);
    assert.notEqual(await source.next(), undefined);
    await source.close();
    await source.close();
    assert.equal(await source.next(), undefined);
    assert.equal(source.damage, undefined);
    assert.ok(reader.closes >= 1);
  });

  test("closes the reader of a capture that can't be opened", async () => {
    for (const bad of [Buffer.alloc(0), Buffer.from('text'), bytes.subarray(0, 20), Buffer.alloc(100, 7)]) {
      const reader = new WatchedReader(bad);
      await assert.rejects(openCapture(reader), { name: 'CaptureError' });
      assert.equal(reader.closes, 1);
    }
    const broken = new WatchedReader(bytes, 0);
    await assert.rejects(openCapture(broken), { message: 'the cable was pulled' });
    assert.equal(broken.closes, 1);
  });

  test("passes on errors that are not the capture's unchanged", async () => {
    const failure = new TypeError('not a capture error');
    const source = await openCapture(new WatchedReader(bytes, 2, failure));
    await assert.rejects(async () => {
      while ((await source.next()) !== undefined);
    }, failure);
  });

  test("name and size are the reader's", async () => {
    const source = await openCapture(new MemoryReader(bytes, 'upload.pcap'));
    assert.deepEqual([source.name, source.size], ['upload.pcap', bytes.length]);
    assert.deepEqual([(await openCapture(new WatchedReader(bytes))).size], [undefined]);
  });
});
