import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  addShort,
  addWord,
  beginHash,
  drawHashKey,
  finishHash,
  flowKey,
  hash1,
  hash2,
  hashFlow4,
  type HashKey,
  hashKeyOf,
  hashMac,
  hashWords,
  seedFlows,
  seedHashes,
} from '../../src/memory/hash.js';
import { SeededRandom } from '../../src/replay/random.js';

const SEED = 20261129;
const TOP = 0x80000000 | 0;

afterEach(() => {
  seedHashes();
});

/** How many keys give two inputs the same hash. */
function collisions(one: readonly number[], two: readonly number[], keys: number): number {
  let count = 0;
  for (let seed = 0; seed < keys; seed++) {
    const key = hashKeyOf(seed, one.length);
    const hashOf = (words: readonly number[]): number => hashWords(key, Int32Array.from(words), 0, words.length);
    if (hashOf(one) === hashOf(two)) count++;
  }
  return count;
}

/** Slots probed while inserting some keys into a half-full table with linear probing. */
function probes(key: HashKey, inputs: readonly (readonly number[])[]): number {
  let slots = 4;
  while (slots < 2 * inputs.length) slots *= 2;
  const taken = new Uint8Array(slots);
  let looked = 0;
  for (const words of inputs) {
    let slot = hashWords(key, Int32Array.from(words), 0, words.length) & (slots - 1);
    for (looked++; taken[slot] === 1; looked++) slot = (slot + 1) & (slots - 1);
    taken[slot] = 1;
  }
  return looked;
}

test('the hash of an IPv4 flow is that of its words, one by one', () => {
  const word = fc.integer();
  fc.assert(
    fc.property(word, word, fc.nat(255), word, word, (seed, ports, protocol, source, destination) => {
      const key = hashKeyOf(seed, 4);
      let sum = addWord(key, beginHash(key), 0, ports);
      sum = addWord(key, addShort(key, sum, 1, protocol), 2, source);
      sum = addWord(key, sum, 3, destination);
      assert.equal(hashFlow4(key, ports, protocol, source, destination), finishHash(key, sum));
    }),
  );
});

/** The inverse of `word ^ (word >>> bits)`. */
function unshift(value: number, bits: number): number {
  let word = value;
  for (let done = bits; done < 32; done += bits) word = value ^ (word >>> bits);
  return word;
}

function inverse(factor: number): number {
  let result = factor;
  for (let i = 0; i < 5; i++) result = Math.imul(result, 2 - Math.imul(factor, result));
  return result;
}

/** Triples that all hash to 0 under a known seed and the invertible mix of many tables: what an attacker computes. */
function collidingUnderKnownMix(count: number): number[][] {
  const first = 0x85ebca6b | 0;
  const second = 0xc2b2ae35 | 0;
  const mix = (hash: number, word: number): number => {
    const mixed = Math.imul(hash ^ word, first);
    return mixed ^ (mixed >>> 15);
  };
  return Array.from({ length: count }, (_, i) => {
    const before = mix(mix(0x9e3779b9 | 0, 0), i);
    const wanted = Math.imul(unshift(0, 16), inverse(second));
    return [0, i, Math.imul(unshift(wanted, 15), inverse(first)) ^ before];
  });
}

describe('the hash', () => {
  test('is the same from every function', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 10 }), fc.integer(), (words, seed) => {
        const key = hashKeyOf(seed, 10);
        const wanted = hashWords(key, Int32Array.of(99, ...words, 99), 1, words.length);
        const sum = words.reduce((before, word, i) => addWord(key, before, i, word), beginHash(key));
        assert.equal(finishHash(key, sum), wanted);
        const [a, b] = words;
        if (words.length === 1) assert.equal(hash1(key, a), wanted);
        if (words.length === 2) assert.equal(hash2(key, a, b), wanted);
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  // By chance a pair collides under at most one key in 2^17: 0.15 of 20,000.
  for (const [name, one, two] of [
    ['the top bits of two words', [5, 6, 7], [5 ^ TOP, 6 ^ TOP, 7]],
    [
      'a bit of one word, and where a multiplication and a shift by 15 would take it',
      [1, 2, 3],
      [1 ^ TOP, 2 ^ TOP ^ (1 << 16), 3],
    ],
    ['the lowest bit', [0, 0, 0], [1, 0, 0]],
    ['swapped words', [1, 2, 0], [2, 1, 0]],
    ['swapped halves of a word', [0x00010002, 0, 0], [0x00020001, 0, 0]],
    ['the middle bits of both halves', [0x80008000 | 0, 0, 0], [0, 0, 0]],
    ['the same amount added to one word and subtracted from another', [1000, 2000, 0], [1001, 1999, 0]],
  ] as const) {
    test(`collides for almost no key when two inputs differ in ${name}`, () => {
      const count = collisions(one, two, 20_000);
      assert.ok(count <= 3, `${count} of 20,000 keys`);
    });
  }

  // The upper 16 bits, which select the slot: by chance at most one in 2^15, 0.6 of 20,000.
  for (const [name, high, low] of [
    ['the top bits of both parts', TOP, 0x8000],
    ['the top bit of its first half', TOP, 0],
    ['the lowest bit', 0, 1],
    ['the top bit of its last part', 0, 0x8000],
    ['a bit of each half', 0x00010001, 1],
    ['all bits', -1, 0xffff],
  ] as const) {
    test(`has the same upper bits for almost no key when two MACs of a network differ in ${name}`, () => {
      let count = 0;
      for (let seed = 0; seed < 20_000; seed++) {
        const key = hashKeyOf(seed, 2);
        const [one, two] = [hashMac(key, 0x02420a00, 5, 4097), hashMac(key, 0x02420a00 ^ high, 5 ^ low, 4097)];
        if (one >>> 16 === two >>> 16) count++;
      }
      assert.ok(count <= 6, `${count} of 20,000 keys`);
    });
  }

  test('spreads MACs that an attacker picks from a grid of top bits like any others', () => {
    // Under a sum of plain products all of these would share 256 slots.
    for (let seed = 0; seed < 8; seed++) {
      const key = hashKeyOf(seed, 2);
      const slots = new Map<number, number>();
      for (let i = 0; i < 4096; i++) {
        const slot = hashMac(key, (i & 15) << 28, (i >>> 4) << 8, 4097) >>> 19;
        slots.set(slot, (slots.get(slot) ?? 0) + 1);
      }
      assert.ok(slots.size > 500, `seed ${seed}: ${slots.size} slots`);
    }
  });

  test('spreads inputs that collide under a known mix like any others: lookups are no longer', () => {
    const chosen = collidingUnderKnownMix(8192);
    for (let seed = 0; seed < 8; seed++) {
      const random = new SeededRandom(seed);
      const others = chosen.map(() => [random.word(), random.word(), random.word()]);
      const key = hashKeyOf(seed, 3);
      const [hostile, usual] = [probes(key, chosen), probes(key, others)];
      // A half-full table with linear probing takes 1.5 on average; all keys in one slot would take 4,096.
      assert.ok(usual < 1.7 * 8192, `usual: ${usual}`);
      assert.ok(hostile < 1.7 * 8192, `chosen: ${hostile}`);
    }
  });

  test('spreads counters, with any step, in any word', () => {
    for (const step of [1, 2, 3, 256, 0x10000, 0x10001, 0x01000000, 0x00010000 - 1]) {
      for (let word = 0; word < 3; word++) {
        const inputs = Array.from({ length: 4096 }, (_, i) => [0, 0, 0].with(word, Math.imul(i, step)));
        const distinct = new Set(inputs.map(String)).size;
        const looked = [0, 1, 2, 3].map((seed) => probes(hashKeyOf(seed, 3), inputs.slice(0, distinct)));
        // The median, since about one key in a hundred is bad for such a sequence.
        looked.sort((a, b) => a - b);
        assert.ok(looked[1] < 3 * distinct, `step ${step} in word ${word}: ${looked.join()}`);
      }
    }
  });
});

describe('a short number in a hash', () => {
  test('distinguishes inputs that differ only in it: the upper bits collide for almost no key', () => {
    for (const [one, two] of [
      [6, 17],
      [1, 0],
      [0x0800, 0x86dd],
      [0, 0x8000],
    ]) {
      let count = 0;
      for (let seed = 0; seed < 20_000; seed++) {
        const key = hashKeyOf(seed, 2);
        const sum = addWord(key, beginHash(key), 0, 99);
        if (addShort(key, sum, 1, one) >>> 16 === addShort(key, sum, 1, two) >>> 16) count++;
      }
      assert.ok(count <= 6, `${one} and ${two}: ${count} of 20,000 keys`);
    }
  });
});

describe('hash keys', () => {
  test('are drawn: no two are equal, and the factor is odd', () => {
    const keys = Array.from({ length: 50 }, () => drawHashKey(3));
    assert.equal(new Set(keys.map(String)).size, 50);
    assert.ok(keys.every((key) => key.length === 8 && (key[1] & 1) === 1));
  });

  test('are reproducible from a source that the caller sets, and secret again afterwards', () => {
    const drawn = (): string[] => {
      const random = new SeededRandom(7);
      seedHashes((bytes) => {
        random.fill(bytes);
      });
      return [drawHashKey(3), drawHashKey(5), flowKey()].map(String);
    };
    const first = drawn();
    assert.deepEqual(drawn(), first);
    assert.notDeepEqual(drawHashKey(3), drawHashKey(3));
    seedHashes();
    assert.notEqual(String(flowKey()), first[2]);
  });

  test("of flows are one per thread, and reproducible from a seed, while tables' keys stay secret", () => {
    const drawn = flowKey();
    assert.equal(flowKey(), drawn);
    seedFlows(1);
    assert.deepEqual(flowKey(), hashKeyOf(1, 10));
    assert.notDeepEqual(drawHashKey(3), drawHashKey(3));
    seedFlows();
    assert.notDeepEqual(flowKey(), hashKeyOf(1, 10));
  });

  test('differ from process to process', () => {
    const program = `
      const { drawHashKey, flowKey } = await import(process.argv[1]);
      process.stdout.write(drawHashKey(3) + ' ' + flowKey());`;
    const url = new URL('../../src/memory/hash.js', import.meta.url).href;
    const texts = [0, 1].map(() => {
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program, url], { encoding: 'utf8' });
      return stdout.split(' ');
    });
    assert.equal(texts[0].length, 2);
    assert.notEqual(texts[0][0], texts[1][0]);
    assert.notEqual(texts[0][1], texts[1][1]);
  });
});
