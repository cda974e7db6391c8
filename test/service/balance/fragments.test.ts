/** Fragments through a balancer: one translation, and the pieces that came in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/replay/random.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';
import { accounts, balancerOf, fragmentsOf, frameOf, UDP } from './frames.js';
import { put } from './recording.js';

/** Puts fragments in, and returns what comes out with the last. */
function through(fragments: readonly Uint8Array[], mtu = 1450): Buffer[] {
  const { balancer } = balancerOf(1, 10, { mtu });
  const results = fragments.map((fragment) => put(balancer, fragment, 0) as string[]);
  const last = results.pop() ?? [];
  assert.ok(results.every(({ length }) => length === 0));
  accounts(balancer);
  return last.map((hex) => Buffer.from(hex, 'hex'));
}

/** The fragments' payloads as one, checked to be contiguous. */
function joined(fragments: readonly Buffer[]): Buffer {
  let at = 0;
  fragments.forEach((fragment, i) => {
    const word = fragment.readUInt16BE(20);
    assert.deepEqual([(word & 0x1fff) * 8, word >>> 13], [at, i < fragments.length - 1 ? 1 : 0]);
    assert.equal(checksum(fragment, 14, 14 + (fragment[14] & 15) * 4), 0);
    at += fragment.length - 34;
  });
  return Buffer.concat(fragments.map((fragment) => fragment.subarray(34)));
}

describe('fragments', () => {
  test('leave in the sizes that they came in, in whatever order they came', () => {
    const property = fc.property(
      fc.integer({ min: 100, max: 3000 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }),
      fc.integer(),
      (size, units, seed) => {
        const frame = frameOf({ protocol: UDP, payload: Uint8Array.from({ length: size }, (_, i) => i) });
        const cuts = units.map((unit) => unit * 8).filter((cut) => cut < size + 8);
        cuts.sort((a, b) => a - b);
        const fragments = fragmentsOf(frame, cuts);
        if (fragments.length === 1 || fragments.some(({ length }) => length > 1464)) return;
        const random = new SeededRandom(seed);
        const shuffled = [...fragments];
        for (let i = shuffled.length - 1; i > 0; i--) {
          const j = random.below(i + 1);
          [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
        }
        const left = through(shuffled);
        assert.deepEqual(
          left.map(({ length }) => length),
          fragments.map(({ length }) => length),
        );
        const payload = joined(left);
        assert.deepEqual(payload.subarray(8), Buffer.from(frame.subarray(42)));
        assert.deepEqual([...left[0].subarray(26, 34)], [10, 0, 9, 7, 10, 0, 9, 100]);
        const pseudo = pseudoHeaderSum(4, left[0], 26, UDP, payload.length);
        assert.equal(checksum(payload, 0, payload.length, pseudo), 0);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test('larger than the MTU are fragmented anew', () => {
    const fragments = fragmentsOf(frameOf({ protocol: UDP, payload: new Uint8Array(2992) }), [1400, 2400]);
    const left = through(fragments, 1000);
    assert.ok(left.every(({ length }) => length <= 1014));
    assert.equal(joined(left).length, 3000);
  });

  test('carry the options that each of them has to, and the first the others too', () => {
    const [first, second] = fragmentsOf(frameOf({ protocol: UDP, payload: new Uint8Array(40) }), [16]);
    // Record route (not copied) in the first, and a security option (copied) in both, 4 bytes each.
    const withOptions = (fragment: Uint8Array, options: readonly number[]): Uint8Array => {
      const longer = Uint8Array.from([...fragment.subarray(0, 34), ...options, ...fragment.subarray(34)]);
      longer[14] = 0x45 + options.length / 4;
      const view = new DataView(longer.buffer);
      view.setUint16(16, longer.length - 14);
      view.setUint16(24, 0);
      view.setUint16(24, checksum(longer, 14, 34 + options.length));
      return longer;
    };
    const left = through([
      withOptions(first, [7, 4, 4, 0, 0x82, 4, 1, 2]),
      withOptions(second, [0x82, 4, 1, 2, 1, 1, 1, 1]),
    ]);
    assert.deepEqual(
      left.map((fragment) => [...fragment.subarray(34, 42)]),
      [
        [7, 4, 4, 0, 0x82, 4, 1, 2],
        [1, 1, 1, 1, 0x82, 4, 1, 2],
      ],
    );
    for (const fragment of left) assert.equal(checksum(fragment, 14, 42), 0);
  });
});
