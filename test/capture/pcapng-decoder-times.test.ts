/** Times of pcapng files, compared with BigInt and with tshark. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_SECONDS } from '../../src/capture/timestamp.js';
import { missing } from '../repository.js';
import { Blocks, timeText } from './build.js';
import { read } from './read.js';

const NANO = 1_000_000_000n;
/** 10^-3, -6, -9, -12, 0; 2^-10, -20, -30, -9. */
const RESOLUTIONS = [3, 6, 9, 12, 0, 0x8a, 0x94, 0x9e, 0x89];

interface Clock {
  readonly resolution: number;
  readonly offset: bigint;
}

interface Stamp {
  readonly clock: number;
  readonly ticks: bigint;
}

function perSecond({ resolution }: Clock): bigint {
  return resolution >= 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
}

/** The meaning of a tick count according to the draft: its whole nanoseconds, plus the seconds of if_tsoffset. */
function expected(clock: Clock, ticks: bigint): { time: string; timeless: boolean } {
  const units = perSecond(clock);
  const seconds = ticks / units + clock.offset;
  if (seconds < 0n || seconds > BigInt(MAX_SECONDS)) return { time: timeText(0, 0n), timeless: true };
  return { time: timeText(Number(seconds), ((ticks % units) * NANO) / units), timeless: false };
}

function fileOf(blocks: Blocks, clocks: readonly Clock[], stamps: readonly Stamp[]): Buffer {
  return Buffer.concat([
    blocks.section(),
    ...clocks.map(({ resolution, offset }) =>
      blocks.interface(1, 0, [9, Buffer.from([resolution])], [14, blocks.i64(offset)]),
    ),
    ...stamps.map(({ clock, ticks }, i) =>
      i % 3 === 2 ? blocks.obsolete(clock, ticks, Buffer.alloc(20)) : blocks.enhanced(clock, ticks, Buffer.alloc(20)),
    ),
  ]);
}

describe('times of pcapng', () => {
  for (const big of [false, true]) {
    test(`any 64-bit count, resolution and offset is exact from 1970 to 2554, and timeless outside (${big ? 'big' : 'little'}-endian)`, async () => {
      const clock = fc.record({
        resolution: fc.constantFrom(...RESOLUTIONS),
        offset: fc.oneof(fc.constant(0n), fc.bigInt(-(2n ** 40n), 2n ** 40n)),
      });
      const stamp = fc.record({
        clock: fc.nat(3),
        ticks: fc.oneof(
          fc.bigInt(0n, 2n ** 64n - 1n),
          fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
        ),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(clock, { minLength: 4, maxLength: 4 }),
          fc.array(stamp, { minLength: 1, maxLength: 200 }),
          async (clocks, stamps) => {
            const { packets, damage } = await read(fileOf(new Blocks(big), clocks, stamps));
            assert.equal(damage, undefined);
            assert.deepEqual(
              packets.map(({ time, timeless, interfaceId }) => ({ time, timeless, interfaceId })),
              stamps.map((one) => ({ ...expected(clocks[one.clock], one.ticks), interfaceId: one.clock })),
            );
          },
        ),
        { seed: 20261121, numRuns: 100 },
      );
    });
  }

  test('ignores a time before 1970 or after 2554, with a note', async () => {
    const clocks = [
      { resolution: 6, offset: -(2n ** 62n) },
      { resolution: 6, offset: BigInt(MAX_SECONDS) },
      { resolution: 6, offset: 0n },
    ];
    const stamps = clocks.map((_, clock) => ({ clock, ticks: 1_500_000n }));
    const { packets, notes } = await read(fileOf(new Blocks(false), clocks, stamps));
    assert.deepEqual(
      packets.map(({ time, timeless }) => [time, timeless]),
      [
        ['0.000000000', true],
        ['0.000000000', true],
        ['1.500000000', false],
      ],
    );
    assert.deepEqual(
      notes.map(({ message, count }) => [/before 1970 or after 2554/.test(message), count]),
      [[true, 2]],
    );
  });

  test('notes ticks that are not whole nanoseconds once per interface', async () => {
    const clocks = RESOLUTIONS.map((resolution) => ({ resolution, offset: 0n }));
    const { notes } = await read(fileOf(new Blocks(false), clocks, []));
    assert.deepEqual(
      notes.map(({ count }) => count),
      [4],
    );
    assert.match(notes[0].message, /not whole nanoseconds/);
  });

  describe('tshark', { skip: missing('tshark') }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-times-'));
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    test('finds the same times with every resolution, with and without an offset', async () => {
      const clocks = RESOLUTIONS.flatMap((resolution) => [0n, 1000n, -1000n].map((offset) => ({ resolution, offset })));
      const stamps = clocks.flatMap((clock, i) =>
        [0n, 1n, perSecond(clock) / 3n, perSecond(clock) - 1n]
          // tshark multiplies the fraction of a second in 64 bits, and reports another time where that overflows.
          .filter((rest) => rest * NANO < 2n ** 64n)
          .map((rest) => ({ clock: i, ticks: 1_700_000n * perSecond(clock) + rest })),
      );
      assert.equal(stamps.length, 4 * clocks.length - 6);
      const bytes = fileOf(new Blocks(true), clocks, stamps);
      const file = join(folder, 'times.pcapng');
      writeFileSync(file, bytes);
      const call = spawnSync('tshark', ['-r', file, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.cap_len']);
      assert.equal(call.status, 0, call.stderr.toString());
      assert.deepEqual(
        (await read(bytes)).packets.map(({ time, hex }) => `${time}\t${hex.length / 2}`),
        call.stdout.toString().trimEnd().split('\n'),
      );
    });
  });
});
