/** Keys of a store: a few segments between slashes, such as `nodes/alpha` and `networks/web/endpoints/0242c0a83202`. */
import { quoted } from '../../text/plain-text.js';
import { StoreError } from '../error.js';

/** Longest key or prefix, in characters. */
export const MAX_KEY_LENGTH = 255;
/** Most segments of a key. */
export const MAX_KEY_SEGMENTS = 16;
/** Longest value, in bytes. */
export const MAX_VALUE_LENGTH = 65_536;
/** Most records of a store, and of a snapshot. */
export const MAX_RECORDS = 262_144;

const SEGMENT = /^[A-Za-z0-9_.-]+$/;

function fault(segments: readonly string[], length: number): string | undefined {
  if (length > MAX_KEY_LENGTH) return `has ${length} characters, and at most ${MAX_KEY_LENGTH} are allowed`;
  if (segments.length > MAX_KEY_SEGMENTS) {
    return `has ${segments.length} segments, and at most ${MAX_KEY_SEGMENTS} are allowed`;
  }
  if (segments.includes('')) return 'has an empty segment';
  return segments.every((segment) => SEGMENT.test(segment))
    ? undefined
    : 'may have only letters, digits, "_", "-" and "." between its slashes';
}

/** Whether this is a key that a store takes. */
export function isKey(key: string): boolean {
  return fault(key.split('/', MAX_KEY_SEGMENTS + 1), key.length) === undefined;
}

/** @throws StoreError `BAD_KEY` */
export function checkKey(key: string): void {
  const why = fault(key.split('/', MAX_KEY_SEGMENTS + 1), key.length);
  if (why !== undefined) throw new StoreError('BAD_KEY', `the key ${quoted(key.slice(0, MAX_KEY_LENGTH))} ${why}`);
}

/**
 * A prefix is empty, for every key, or ends with a slash: segments match as a whole. Or it is one whole key.
 * @throws StoreError `BAD_KEY`
 */
export function checkPrefix(prefix: string): void {
  if (prefix === '') return;
  const path = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const why = fault(path.split('/', MAX_KEY_SEGMENTS + 1), prefix.length);
  if (why !== undefined) {
    throw new StoreError('BAD_KEY', `the prefix ${quoted(prefix.slice(0, MAX_KEY_LENGTH))} ${why}`);
  }
}

/** Whether a key is one of those that a prefix stands for. */
export function hasPrefix(key: string, prefix: string): boolean {
  return prefix === '' || prefix.endsWith('/') ? key.startsWith(prefix) : key === prefix;
}

/** @throws StoreError `TOO_LARGE` */
export function checkValue(key: string, value: Uint8Array): void {
  if (value.length <= MAX_VALUE_LENGTH) return;
  throw new StoreError(
    'TOO_LARGE',
    `the value of ${quoted(key)} has ${value.length} bytes, and at most ${MAX_VALUE_LENGTH} are allowed`,
  );
}
