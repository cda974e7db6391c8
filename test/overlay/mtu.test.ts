import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dockerMtu, type EspOverhead, mtuOf, outerLength, type PathOptions } from '../../src/overlay/index.js';

const SEED = 20261121;
const DOCKER_ESP: EspOverhead = { icvLength: 8 };

/** What Docker's maxMTU answers, and how long a full encrypted frame is outside. */
const DOCKER = [
  [1500, 1450, 1424, 1500],
  [1460, 1410, 1384, 1460],
  [1430, 1380, 1352, 1428],
  [1420, 1370, 1344, 1420],
  [1400, 1350, 1324, 1400],
  [9000, 8950, 8924, 9000],
] as const;

const OVERHEADS: readonly (EspOverhead | undefined)[] = [
  undefined,
  ...[8, 12, 16].flatMap((icvLength) =>
    ([undefined, 4, 6] as const).flatMap((tunnel) =>
      [false, true].map((encap): EspOverhead => ({ icvLength, encap, ...(tunnel === undefined ? {} : { tunnel }) })),
    ),
  ),
];

const PATHS: readonly Omit<PathOptions, 'underlayMtu'>[] = OVERHEADS.flatMap((esp) =>
  ([4, 6] as const).flatMap((family) =>
    [0, 1, 2].map((innerTags) => ({ family, innerTags, ...(esp === undefined ? {} : { esp }) })),
  ),
);

/** The answer, or undefined if there is no room. */
function answerOf(options: PathOptions): ReturnType<typeof mtuOf> | undefined {
  try {
    return mtuOf(options);
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, 'BAD_MTU');
    return undefined;
  }
}

describe("Docker's MTU", () => {
  for (const [underlayMtu, plain, encrypted, outer] of DOCKER) {
    test(`of an underlay of ${underlayMtu} is ${plain}, encrypted ${encrypted}, and a full frame then has ${outer} bytes`, () => {
      assert.equal(dockerMtu(underlayMtu, false), plain);
      assert.equal(dockerMtu(underlayMtu, true), encrypted);
      assert.equal(outerLength(plain, { family: 4 }), underlayMtu);
      assert.equal(outerLength(encrypted, { family: 4, esp: DOCKER_ESP }), outer);
    });

    test(`of an underlay of ${underlayMtu} is the largest that fits over IPv4, and 20 bytes too many over IPv6`, () => {
      for (const [esp, docker] of [
        [undefined, plain],
        [DOCKER_ESP, encrypted],
      ] as const) {
        const withEsp = esp === undefined ? {} : { esp };
        const over4 = mtuOf({ underlayMtu, family: 4, ...withEsp });
        assert.deepEqual([over4.innerMtu, over4.docker, over4.dockerExcess], [docker, docker, 0]);
        const over6 = mtuOf({ underlayMtu, family: 6, ...withEsp });
        assert.deepEqual([over6.innerMtu, over6.docker, over6.dockerExcess], [docker - 20, docker, 20]);
        assert.ok(outerLength(docker, { family: 6, ...withEsp }) > underlayMtu);
      }
    });
  }

  test('of an underlay of 1230 is 1152 encrypted, as users saw it', () => {
    assert.equal(dockerMtu(1230, true), 1152);
  });

  test('leaves bytes over on a path with a smaller header, and is too large with a longer ICV', () => {
    assert.equal(mtuOf({ underlayMtu: 1500, family: 4, esp: { icvLength: 16 } }).dockerExcess, 8);
    assert.equal(mtuOf({ underlayMtu: 1500, family: 4, esp: { icvLength: 8, encap: true } }).dockerExcess, 8);
  });
});

describe('mtuOf', () => {
  test('of IPv4 and IPv6, in ESP of both profiles, gives the sums that one reckons by hand', () => {
    const esp = (icvLength: number, more: Partial<EspOverhead> = {}): { esp: EspOverhead } => ({
      esp: { icvLength, ...more },
    });
    const rows: readonly (readonly [PathOptions, number])[] = [
      [{ underlayMtu: 1500, family: 4 }, 1500 - 20 - 8 - 8 - 14],
      [{ underlayMtu: 1500, family: 6 }, 1500 - 40 - 8 - 8 - 14],
      [{ underlayMtu: 1500, family: 4, innerTags: 2 }, 1500 - 20 - 8 - 8 - 14 - 8],
      // 1500 - 20 - 16 - 16 = 1448 sealed bytes, whole words.
      [{ underlayMtu: 1500, family: 4, ...esp(16) }, 1448 - 2 - 30],
      // 1500 - 20 - 20 in the tunnel; 1500 - 20 - 16 - 8 = 1456 sealed, whole words.
      [{ underlayMtu: 1500, family: 4, ...esp(8, { tunnel: 4 }) }, 1456 - 2 - 20 - 30],
      [{ underlayMtu: 1500, family: 6, ...esp(12, { tunnel: 6, encap: true }) }, 1424 - 2 - 40 - 30],
      // 1501 has one byte that fills no word.
      [{ underlayMtu: 1501, family: 4, ...esp(8) }, 1424],
      [{ underlayMtu: 1504, family: 4, ...esp(8) }, 1428],
    ];
    for (const [path, inner] of rows) assert.equal(mtuOf(path).innerMtu, inner, JSON.stringify(path));
  });

  test('gives the largest that fits: it fits, and one byte more does not, on every path', () => {
    const sizes = [
      ...Array.from({ length: 240 }, (_, i) => i),
      576,
      1280,
      1399,
      1400,
      1401,
      1402,
      1403,
      1500,
      9000,
      65_535,
    ];
    let refused = 0;
    for (const path of PATHS) {
      for (const underlayMtu of sizes) {
        const answer = answerOf({ ...path, underlayMtu });
        const where = `${underlayMtu} ${JSON.stringify(path)}`;
        if (answer === undefined) {
          refused++;
          assert.ok(outerLength(1, path) > underlayMtu, `${where}: there would be room`);
        } else {
          assert.ok(answer.innerMtu > 0, where);
          assert.ok(outerLength(answer.innerMtu, path) <= underlayMtu, `${where}: ${answer.innerMtu} doesn't fit`);
          assert.ok(outerLength(answer.innerMtu + 1, path) > underlayMtu, `${where}: ${answer.innerMtu} + 1 would fit`);
        }
      }
    }
    assert.ok(refused > PATHS.length);
  });

  test('so it does for any underlay MTU', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 65_535 }), fc.constantFrom(...PATHS), (underlayMtu, path) => {
        const { innerMtu } = mtuOf({ ...path, underlayMtu });
        assert.ok(outerLength(innerMtu, path) <= underlayMtu);
        assert.ok(outerLength(innerMtu + 1, path) > underlayMtu);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });

  test('has steps that add up, from the underlay MTU down to the inner one', () => {
    for (const path of PATHS) {
      for (const underlayMtu of [576, 1430, 1500, 1501, 1502, 1503]) {
        const { steps, innerMtu, mss4, mss6, docker, dockerExcess } = mtuOf({ ...path, underlayMtu });
        let left = underlayMtu;
        for (const step of steps) {
          assert.ok(step.bytes >= 0, step.what);
          left -= step.bytes;
          assert.equal(step.left, left, step.what);
        }
        assert.equal(left, innerMtu);
        assert.deepEqual([mss4, mss6], [innerMtu - 40, innerMtu - 60]);
        assert.equal(docker, dockerMtu(underlayMtu, path.esp !== undefined));
        assert.equal(dockerExcess, docker - innerMtu);
      }
    }
  });

  test('never gives a segment of less than nothing', () => {
    const { innerMtu, mss4, mss6 } = mtuOf({ underlayMtu: 51, family: 4 });
    assert.deepEqual([innerMtu, mss4, mss6], [1, 0, 0]);
  });

  test('is BAD_MTU where nothing is left, and says for which underlay', () => {
    assert.throws(() => mtuOf({ underlayMtu: 50, family: 4 }), { code: 'BAD_MTU', message: /\b50 bytes/ });
    assert.throws(() => mtuOf({ underlayMtu: 70, family: 6 }), { code: 'BAD_MTU' });
    assert.throws(() => mtuOf({ underlayMtu: 76, family: 4, esp: DOCKER_ESP }), { code: 'BAD_MTU' });
    assert.throws(() => mtuOf({ underlayMtu: 0, family: 4, esp: DOCKER_ESP }), { code: 'BAD_MTU' });
  });
});
