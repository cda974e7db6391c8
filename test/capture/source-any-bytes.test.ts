/**
 * Arbitrary bytes through openCapture: it ends, throws nothing but CaptureError, and packets lie within their batch.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  BATCH_PACKETS,
  CaptureError,
  type CaptureInterface,
  MAX_PACKET,
  MemoryReader,
  openCapture,
} from '../../src/capture/index.js';
import { fixture } from '../repository.js';
import { Blocks, noise, PCAP_KINDS, pcapFile, type PcapKind } from './build.js';

const SEED = { seed: 20261121 };
const CODES = ['NOT_A_CAPTURE', 'UNSUPPORTED_CAPTURE', 'CAPTURE_CUT_OFF', 'CAPTURE_DAMAGED'];

/** Outcomes of the runs, so that the tests can check that all of them occurred. */
const outcomes = new Map<string, number>();

/** Reads everything and checks each packet against the batch's guarantees. */
async function survive(bytes: Uint8Array): Promise<void> {
  let packets = 0;
  let outcome: string;
  try {
    const source = await openCapture(new MemoryReader(bytes));
    // Each batch consumes at least a record header of the file, which limits their number.
    let batches = bytes.length;
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      assert.ok(batches-- > 0, 'it does not end');
      assert.ok(batch.count >= 1 && batch.count <= BATCH_PACKETS);
      for (let i = 0; i < batch.count; i++) {
        const offset = batch.offset[i];
        const captured = batch.capturedLength[i];
        assert.ok(offset >= 0 && captured >= 0 && offset + captured <= batch.bytes.length);
        assert.ok(captured <= MAX_PACKET && captured <= bytes.length);
        assert.ok(batch.originalLength[i] >= captured);
        assert.ok(batch.nanoseconds[i] >= 0 && batch.nanoseconds[i] < 1e9);
        assert.ok(Number.isInteger(batch.seconds[i]));
        const from: CaptureInterface = source.interfaces[batch.interfaceId[i]];
        assert.equal(batch.linkType[i], from.linkType);
      }
      packets += batch.count;
    }
    assert.ok(packets * 16 <= bytes.length);
    assert.ok(source.position <= bytes.length);
    assert.equal(await source.next(), undefined);
    outcome = source.damage?.code ?? 'whole';
    await source.close();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    outcome = `refused: ${error.code}`;
  }
  assert.ok(outcome === 'whole' || CODES.includes(outcome.replace('refused: ', '')), outcome);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

/** The first packets of each recording, so that changes soon hit a header. */
const recordings = readdirSync(fixture('vxlan'))
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .map((name) => readFileSync(fixture(`vxlan/${name}`)).subarray(0, 3000));

/** Files with all features that the recordings lack. */
const made = [false, true].flatMap((big) => {
  const blocks = new Blocks(big);
  const pcaps = (Object.keys(PCAP_KINDS) as PcapKind[]).map((kind) =>
    pcapFile(
      [0, 3, 60, 1500].map((length, i) => ({ data: noise(length, i), seconds: i, original: length + i })),
      { kind, big },
    ),
  );
  const every = [
    ...[blocks.section(), blocks.interface(1, 64, [2, Buffer.from('eth0')], [9, Buffer.from([9])])],
    ...[blocks.interface(113, 0, [14, blocks.i64(-5n)], [9, Buffer.from([0x8a])])],
    ...[blocks.enhanced(0, 1n << 60n, noise(30, 1), 99, [1, Buffer.from('comment')]), blocks.simple(noise(20, 2))],
    ...[blocks.obsolete(1, 7n, noise(11, 3)), blocks.block(4, noise(20, 4)), blocks.block(0x0bad, noise(33, 5))],
    ...[new Blocks(!big).section(), new Blocks(!big).interface(101, 0), new Blocks(!big).simple(noise(9, 6))],
  ];
  return [...pcaps, Buffer.concat(every)];
});

/** Boundary values of lengths. */
const NUMBERS = [
  ...[0, 1, 2, 3, 4, 8, 11, 12, 13, 16, 27, 28, 32, 255, 256, 65_535, 65_536],
  ...[262_144, 262_145, 327_676, 327_680, 327_684, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff],
];

type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'word'; readonly at: number; readonly value: number; readonly big: boolean }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop' | 'double' | 'append'; readonly at: number; readonly length: number };

/** Offsets: anywhere, or among the first bytes, where the headers are. */
const offset = fc.oneof(fc.nat(2999), fc.nat(120));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: offset, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constant('word' as const),
    // Whole words, to hit a field more often than not.
    at: offset.map((at) => at & ~3),
    value: fc.constantFrom(...NUMBERS),
    big: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: offset }),
  fc.record({
    kind: fc.constantFrom('drop' as const, 'double' as const, 'append' as const),
    at: offset,
    length: fc.integer({ min: 1, max: 200 }),
  }),
);

function changed(original: Buffer, changes: readonly Change[]): Buffer {
  let bytes = Buffer.from(original);
  for (const one of changes) {
    const at = Math.min(one.at, bytes.length);
    switch (one.kind) {
      case 'flip':
        if (at < bytes.length) bytes[at] ^= 1 << one.bit;
        break;
      case 'word':
        if (at + 4 > bytes.length) break;
        if (one.big) bytes.writeUInt32BE(one.value, at);
        else bytes.writeUInt32LE(one.value, at);
        break;
      case 'cut':
        bytes = bytes.subarray(0, at);
        break;
      case 'drop':
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.length)]);
        break;
      case 'double':
        bytes = Buffer.concat([bytes.subarray(0, at + one.length), bytes.subarray(at)]);
        break;
      case 'append':
        bytes = Buffer.concat([bytes, bytes.subarray(at, at + one.length)]);
        break;
    }
  }
  return bytes;
}

describe('arbitrary bytes', { timeout: 120_000 }, () => {
  test('modified recordings (11,000)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...recordings, ...made),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (file, changes) => survive(changed(file, changes)),
      ),
      { ...SEED, numRuns: 11_000 },
    );
  });

  test('each word of a small file set to each boundary value', async () => {
    for (const file of made) {
      for (let at = 0; at + 4 <= Math.min(file.length, 340); at += 4) {
        for (const value of [0, 1, 4, 13, 65_536, 262_145, 327_684, 0x80000000, 0xfffffffc, 0xffffffff]) {
          await survive(changed(file, [{ kind: 'word', at, value, big: file[0] === 0xa1 }]));
        }
      }
    }
  });

  test('random bytes, most of them after a valid beginning (4,000)', async () => {
    const beginnings = ['', 'd4c3b2a102000400', 'a1b2c3d400020004', '4d3cb2a102000400', 'a1b2cd3400020004']
      .concat(['0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000', '0a0d0d0a0000001c1a2b3c4d0001'])
      .map((hex) => Buffer.from(hex, 'hex'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), (beginning, rest) =>
        survive(Buffer.concat([beginning, rest])),
      ),
      { ...SEED, numRuns: 4000 },
    );
  });

  test('more than 20,000 captures were tried, and every outcome occurred', () => {
    const tried = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(tried >= 20_000, String(tried));
    const expected = ['whole', 'CAPTURE_CUT_OFF', 'CAPTURE_DAMAGED', 'UNSUPPORTED_CAPTURE'];
    const refused = ['NOT_A_CAPTURE', 'UNSUPPORTED_CAPTURE', 'CAPTURE_CUT_OFF'].map((code) => `refused: ${code}`);
    for (const outcome of [...expected, ...refused]) assert.ok((outcomes.get(outcome) ?? 0) >= 10, outcome);
  });
});
