/**
 * The one hash of all tables and flows. Keys come off the wire and out of files, so whoever chooses them must not be able
 * to choose where they fall: the hash is keyed, each table has a secret key of its own, and a pair of inputs collides for
 * one key in 2^17 at most, whatever their difference (pair-multiply-shift: M. Thorup, "High Speed Hashing for Integers and
 * Strings", section 3.4, over halves of words, since JavaScript multiplies 32 bits). A secret that is only mixed in at the
 * beginning doesn't give that: differences that cancel do so under every seed.
 *
 * Keys are drawn from the platform's cryptographic source (`globalThis.crypto`) unless `seedHashes` names another one.
 */

/** Fills an array with random bytes. */
export type RandomBytes = (bytes: Uint8Array) => void;

/**
 * A secret that selects one function of the family: an addend, an odd factor, and two numbers for each word of the input.
 * Make it with `drawHashKey` or `hashKeyOf`.
 */
export type HashKey = Int32Array;

const ADDEND = 0;
const FACTOR = 1;
const FIRST = 2;
/** Bytes that `crypto.getRandomValues` gives at once, at most (Web Cryptography API, section 10.1.1). */
const MAX_RANDOM = 65_536;
/** Words of the input that a flow has at most: two IPv6 addresses, ports, protocol. */
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
 * Names the source that the hash keys of this thread are drawn from, instead of the platform's: for runs that are to be
 * repeated exactly. Tables that exist keep their keys. Whoever can foretell the source can choose keys that collide, so
 * don't use a fixed one where input is hostile.
 * @param random fills an array; undefined for the platform's source again
 */
export function seedHashes(random?: RandomBytes): void {
  source = random ?? platformRandom;
  flows = undefined;
}

/**
 * Sets the key of flow hashes alone (`flowKey`), so that the UDP source ports of a run can be repeated while its tables
 * keep secret keys. Each thread has its own.
 * @param seed any 32-bit number; undefined to draw a random key
 */
export function seedFlows(seed?: number): void {
  flows = seed === undefined ? undefined : hashKeyOf(seed, FLOW_WORDS);
}

/** The key of this thread's flow hashes: drawn at the first use, unless `seedFlows` has set it. */
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
 * The key of a number, the same for the same number: for tests, and for what must be repeatable and needs no secret.
 * @param seed any 32-bit number
 * @param words 32-bit words of the longest input
 */
export function hashKeyOf(seed: number, words: number): HashKey {
  let state = seed | 0;
  // SplitMix32: neighbouring seeds give unrelated keys.
  const key = Int32Array.from({ length: FIRST + 2 * words }, () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  });
  key[FACTOR] |= 1;
  return key;
}

/** The hash of one word; any bits of it will do. */
export function hash1(key: HashKey, word: number): number {
  return finish(key[ADDEND] + pair(word, key[2], key[3]), key[FACTOR]);
}

/** The hash of two words. */
export function hash2(key: HashKey, first: number, second: number): number {
  return finish(key[ADDEND] + pair(first, key[2], key[3]) + pair(second, key[4], key[5]), key[FACTOR]);
}

/**
 * The hash of a MAC and a VNI, for a table that takes its upper bits: these alone are strong, which saves the last steps.
 * Two MACs of one network collide as seldom as other inputs do. VNIs come from configurations, so they are one number.
 * @param key for at least two words
 * @param high the MAC's first 4 bytes
 * @param low its last 2 bytes
 * @param vni 24 bits
 */
export function hashMac(key: HashKey, high: number, low: number, vni: number): number {
  return (pair(high, key[2], key[3]) + Math.imul(low + key[4], vni + key[5])) | 0;
}

/**
 * The hash of words in an array: the same as the functions above give for as many.
 * @param key for at least `count` words
 * @param at index of the first word
 */
export function hashWords(key: HashKey, words: Int32Array, at: number, count: number): number {
  let sum = key[ADDEND];
  for (let i = 0; i < count; i++) sum = addWord(key, sum, i, words[at + i]);
  return finish(sum, key[FACTOR]);
}

/**
 * Begins the hash of words that come one after the other: then `addWord` for each, and `finishHash`.
 * @returns the sum so far
 */
export function beginHash(key: HashKey): number {
  return key[ADDEND];
}

/** Adds the word at an index to the sum of the words before it. */
export function addWord(key: HashKey, sum: number, index: number, word: number): number {
  return (sum + pair(word, key[FIRST + 2 * index], key[FIRST + 1 + 2 * index])) | 0;
}

/** Adds a number below 2^16 at an index of its own to the sum of the words before it, with one key number instead of two. */
export function addShort(key: HashKey, sum: number, index: number, short: number): number {
  return (sum + Math.imul(short, key[FIRST + 2 * index])) | 0;
}

/** The hash of the words whose sum it is. */
export function finishHash(key: HashKey, sum: number): number {
  return finish(sum, key[FACTOR]);
}

function pair(word: number, low: number, high: number): number {
  return Math.imul((word & 0xffff) + low, (word >>> 16) + high);
}

/** Spreads the strong upper bits of a sum over all of them, one to one: tables take the lower bits, ranges the upper. */
function finish(sum: number, factor: number): number {
  const mixed = Math.imul(sum ^ (sum >>> 16), factor);
  return mixed ^ (mixed >>> 15);
}
