import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dockerMtu, type EspOverhead, mtuOf, outerLength, type PathOptions } from '../../src/overlay/index.js';

const SEED = 20261121;
const DOCKER_ESP: EspOverhead = { icvLength: 8 };

/** Docker's maxMTU for an option, and the outer length of a full encrypted frame. */
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

/** The result, or undefined if there is no room. */
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
    test(`with the option ${underlayMtu} is ${plain}, encrypted ${encrypted}, and a full frame then has ${outer} bytes`, () => {
      assert.equal(dockerMtu(underlayMtu, false), plain);
      assert.equal(dockerMtu(underlayMtu, true), encrypted);
      assert.equal(outerLength(plain, { family: 4 }), underlayMtu);
      assert.equal(outerLength(encrypted, { family: 4, esp: DOCKER_ESP }), outer);
    });

    test(`with the option ${underlayMtu} is the largest that fits over such an IPv4 underlay, and 20 bytes too many over IPv6`, () => {
      for (const [esp, docker] of [
        [undefined, plain],
        [DOCKER_ESP, encrypted],
      ] as const) {
        const path = { underlayMtu, driverMtu: underlayMtu, ...(esp === undefined ? {} : { esp }) };
        const over4 = mtuOf({ ...path, family: 4 });
        assert.deepEqual([over4.innerMtu, over4.docker, over4.dockerExcess], [docker, docker, 0]);
        const over6 = mtuOf({ ...path, family: 6 });
        assert.deepEqual([over6.innerMtu, over6.docker, over6.dockerExcess], [docker - 20, docker, 20]);
        assert.ok(outerLength(docker, { ...path, family: 6 }) > underlayMtu);
      }
    });

    test(`without the option is 1450, encrypted 1424, also over an underlay of ${underlayMtu}`, () => {
      const clear = mtuOf({ underlayMtu, family: 4 });
      assert.deepEqual([clear.docker, clear.dockerExcess], [1450, 1450 - plain]);
      const sealed = mtuOf({ underlayMtu, family: 4, esp: DOCKER_ESP });
      assert.deepEqual([sealed.docker, sealed.dockerExcess], [1424, 1424 - encrypted]);
    });
  }

  test('of an option of 1230 is 1152 encrypted, as users reported', () => {
    assert.equal(dockerMtu(1230, true), 1152);
  });

  test('is undefined for paths that Docker does not support: another ICV, tunnel mode, ESP in UDP', () => {
    for (const esp of [{ icvLength: 16 }, { icvLength: 8, encap: true }, { icvLength: 8, tunnel: 4 }] as const) {
      const { docker, dockerExcess, dockerOption } = mtuOf({ underlayMtu: 1500, family: 4, esp });
      assert.deepEqual([docker, dockerExcess, dockerOption], [undefined, undefined, undefined]);
    }
  });

  test('with the suggested option is the largest that fits, on every path that Docker supports', () => {
    let checked = 0;
    for (const path of PATHS) {
      for (const underlayMtu of [576, 1399, 1400, 1401, 1402, 1403, 1420, 1500, 9001]) {
        const { dockerOption } = mtuOf({ ...path, underlayMtu });
        if (dockerOption === undefined) continue;
        checked++;
        assert.equal(mtuOf({ ...path, underlayMtu, driverMtu: dockerOption }).dockerExcess, 0);
      }
    }
    // Clear and with Docker's ESP, over IPv4 and IPv6, with zero, one and two tags.
    assert.equal(checked, 2 * 2 * 3 * 9);
  });
});

describe('mtuOf', () => {
  test('for IPv4 and IPv6, with ESP of both profiles, matches manual calculation', () => {
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
      // 1501 has one byte that doesn't fill a word.
      [{ underlayMtu: 1501, family: 4, ...esp(8) }, 1424],
      [{ underlayMtu: 1504, family: 4, ...esp(8) }, 1428],
    ];
    for (const [path, inner] of rows) assert.equal(mtuOf(path).innerMtu, inner, JSON.stringify(path));
  });

  test('is the largest that fits: one more byte does not, on every path', () => {
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

  test('also for any underlay MTU', () => {
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
        const { steps, innerMtu, mss4, mss6, docker = 0, dockerExcess } = mtuOf({ ...path, underlayMtu });
        let left = underlayMtu;
        for (const step of steps) {
          assert.ok(step.bytes >= 0, step.what);
          left -= step.bytes;
          assert.equal(step.left, left, step.what);
        }
        assert.equal(left, innerMtu);
        assert.deepEqual([mss4, mss6], [innerMtu - 40, innerMtu - 60]);
        if (dockerExcess === undefined) continue;
        assert.equal(docker, dockerMtu(1500, path.esp !== undefined));
        assert.equal(dockerExcess, docker - innerMtu);
      }
    }
  });

  test('never yields a negative segment size', () => {
    const { innerMtu, mss4, mss6 } = mtuOf({ underlayMtu: 51, family: 4 });
    assert.deepEqual([innerMtu, mss4, mss6], [1, 0, 0]);
  });

  test('is BAD_MTU if nothing is left, naming the underlay MTU', () => {
    assert.throws(() => mtuOf({ underlayMtu: 50, family: 4 }), { code: 'BAD_MTU', message: /\b50 bytes/ });
    assert.throws(() => mtuOf({ underlayMtu: 70, family: 6 }), { code: 'BAD_MTU' });
    assert.throws(() => mtuOf({ underlayMtu: 76, family: 4, esp: DOCKER_ESP }), { code: 'BAD_MTU' });
    assert.throws(() => mtuOf({ underlayMtu: 0, family: 4, esp: DOCKER_ESP }), { code: 'BAD_MTU' });
  });
});
