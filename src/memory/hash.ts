/**
 * The hash function for all tables and flows. Keys come from packets and files, so an attacker who chooses them must
 * not be able to choose their buckets: the hash is keyed, each table has its own secret key, and any two inputs collide
 * for at most one key in 2^17, whatever their difference (pair-multiply-shift: M. Thorup, "High Speed Hashing for
 * Integers and Strings", section 3.4, over halves of words, since JavaScript multiplies 32 bits). A seed that only sets
 * the initial state doesn't achieve this: differences that cancel out do so under every seed.
 *
 * Keys are drawn from the platform's cryptographic random source (`globalThis.crypto`) unless `seedHashes` sets another
 * one.
 */

/** Fills an array with random bytes. */
export type RandomBytes = (bytes: Uint8Array) => void;

/**
 * Secret that selects one function of the family: an addend, an odd factor, and two multipliers per input word. Created
 * by `drawHashKey` or `hashKeyOf`.
 */
export type HashKey = Int32Array;

const ADDEND = 0;
const FACTOR = 1;
const FIRST = 2;
/** Maximum number of bytes that `crypto.getRandomValues` fills per call (Web Cryptography API, section 10.1.1). */
const MAX_RANDOM = 65_536;
/** Maximum number of words in a flow's input: two IPv6 addresses, ports, protocol. */
const FLOW_WORDS = 10;

interface WebCrypto {
  readonly getRandomValues: (bytes: Uint8Array) => void;
}

/** Fills an array from the platform's cryptographic source, in Node and in browsers. */
export function platformRandom(bytes: Uint8Array): void {
  const { crypto } = globalThis as unknown as { readonly crypto: WebCrypto };
  for (let at = 0; at < bytes.length; at += MAX_RANDOM) crypto.getRandomValues(bytes.subarray(at, at + MAX_RANDOM));
}

let source: RandomBytes = platformRandom;
let flows: HashKey | undefined;

/**
 * Sets the source of this thread's hash keys instead of the platform's, for reproducible runs. Existing tables keep
 * their keys. Anyone who can predict the source can choose keys that collide, so don't use a fixed one on hostile
 * input.
 * @param random fills an array; undefined restores the platform's source
 */
export function seedHashes(random?: RandomBytes): void {
  source = random ?? platformRandom;
  flows = undefined;
}

/**
 * Sets only the key of flow hashes (`flowKey`), so that the UDP source ports of a run are reproducible while its tables
 * keep secret keys. Per thread.
 * @param seed any 32-bit number; undefined to draw a random key
 */
export function seedFlows(seed?: number): void {
  flows = seed === undefined ? undefined : hashKeyOf(seed, FLOW_WORDS);
}

/** The key of this thread's flow hashes: drawn on first use, unless `seedFlows` has set it. */
export function flowKey(): HashKey {
  flows ??= drawHashKey(FLOW_WORDS);
  return flows;
}

/**
 * Draws a secret key.
 * @param words 32-bit words of the longest input
 */
export function drawHashKey(words: number): HashKey {
  const key = new Int32Array(FIRST + 2 * words);
  source(new Uint8Array(key.buffer));
  key[FACTOR] |= 1;
  return key;
}

/**
 * Derives a key from a seed, deterministically: for tests, and for reproducible hashes that needn't be secret.
 * @param seed any 32-bit number
 * @param words 32-bit words of the longest input
 */
export function hashKeyOf(seed: number, words: number): HashKey {
  let state = seed | 0;
  // SplitMix32: adjacent seeds give unrelated keys.
  const key = Int32Array.from({ length: FIRST + 2 * words }, () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  });
  key[FACTOR] |= 1;
  return key;
}

/** Hashes one word. All 32 bits of the result are usable. */
export function hash1(key: HashKey, word: number): number {
  return finish(key[ADDEND] + pair(word, key[2], key[3]), key[FACTOR]);
}

/** Hashes two words. */
export function hash2(key: HashKey, first: number, second: number): number {
  return finish(key[ADDEND] + pair(first, key[2], key[3]) + pair(second, key[4], key[5]), key[FACTOR]);
}

/**
 * Hashes a MAC and a VNI for a table that uses only the upper bits of the result. The lower ones are weak, since the
 * final mixing steps are skipped for speed. Two MACs of one network collide as rarely as any other inputs; the VNI is
 * hashed as one word, since VNIs come from configuration.
 * @param key for at least two words
 * @param high the MAC's first 4 bytes
 * @param low its last 2 bytes
 * @param vni 24 bits
 */
export function hashMac(key: HashKey, high: number, low: number, vni: number): number {
  return (pair(high, key[2], key[3]) + Math.imul(low + key[4], vni + key[5])) | 0;
}

/**
 * Hashes words of an array. Gives the same result as `hash1` for one word and `hash2` for two.
 * @param key for at least `count` words
 * @param at index of the first word
 */
export function hashWords(key: HashKey, words: Int32Array, at: number, count: number): number {
  let sum = key[ADDEND];
  for (let i = 0; i < count; i++) sum = addWord(key, sum, i, words[at + i]);
  return finish(sum, key[FACTOR]);
}

/**
 * Begins an incremental hash: call `addWord` for each word, then `finishHash`.
 * @returns the initial sum
 */
export function beginHash(key: HashKey): number {
  return key[ADDEND];
}

/** Adds the word at an index to the sum. */
export function addWord(key: HashKey, sum: number, index: number, word: number): number {
  return (sum + pair(word, key[FIRST + 2 * index], key[FIRST + 1 + 2 * index])) | 0;
}

/**
 * Hashes an IPv4 flow: the same as `addWord` of the ports, `addShort` of the protocol, and `addWord` of the addresses,
 * in one function that V8 inlines into a loop.
 * @param key for at least four words
 */
export function hashFlow4(key: HashKey, ports: number, protocol: number, source: number, destination: number): number {
  const { imul } = Math;
  const sum =
    key[ADDEND] +
    imul((ports & 0xffff) + key[2], (ports >>> 16) + key[3]) +
    imul(protocol, key[4]) +
    imul((source & 0xffff) + key[6], (source >>> 16) + key[7]) +
    imul((destination & 0xffff) + key[8], (destination >>> 16) + key[9]);
  return finish(sum | 0, key[FACTOR]);
}

/** Adds a number below 2^16 to the sum, at an index that no word uses; takes one multiplier instead of two. */
export function addShort(key: HashKey, sum: number, index: number, short: number): number {
  return (sum + Math.imul(short, key[FIRST + 2 * index])) | 0;
}

/** Finishes an incremental hash. */
export function finishHash(key: HashKey, sum: number): number {
  return finish(sum, key[FACTOR]);
}

function pair(word: number, low: number, high: number): number {
  return Math.imul((word & 0xffff) + low, (word >>> 16) + high);
}

/** Mixes the sum's strong upper bits into all 32, bijectively: tables use the lower bits, and ranges the upper ones. */
function finish(sum: number, factor: number): number {
  const mixed = Math.imul(sum ^ (sum >>> 16), factor);
  return mixed ^ (mixed >>> 15);
}
