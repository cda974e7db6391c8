/** The value of a lease's record: who holds it, how long it lasts, and what its holder has to say. */
import { StoreError } from '../error.js';
import { MAX_VALUE_LENGTH } from './key.js';

/** Shortest and longest lease, in milliseconds. */
export const MIN_LEASE = 100;
export const MAX_LEASE = 86_400_000;
/** Length of a holder's token, in bytes. */
export const TOKEN_LENGTH = 16;

const MAGIC = [0x56, 0x54, 0x4c, 0x01]; // "VTL", version 1
const DURATION_AT = 4;
const TOKEN_AT = 8;
const VALUE_AT = TOKEN_AT + TOKEN_LENGTH;
/** Longest value of a lease, in bytes. */
export const MAX_LEASE_VALUE_LENGTH = MAX_VALUE_LENGTH - VALUE_AT;

export interface LeaseRecord {
  /** Milliseconds without a renewal after which others may withdraw it. */
  readonly duration: number;
  /** Random; tells a holder's own record from another's under the same key. */
  readonly token: Uint8Array;
  readonly value: Uint8Array;
}

/** @throws StoreError `BAD_LEASE` */
export function encodeLease({ duration, token, value }: LeaseRecord): Uint8Array {
  if (!Number.isInteger(duration) || duration < MIN_LEASE || duration > MAX_LEASE) {
    throw new StoreError('BAD_LEASE', `a lease lasts ${MIN_LEASE} to ${MAX_LEASE} milliseconds, not ${duration}`);
  }
  if (token.length !== TOKEN_LENGTH) {
    throw new StoreError('BAD_LEASE', `the token of a lease has ${TOKEN_LENGTH} bytes, not ${token.length}`);
  }
  if (value.length > MAX_LEASE_VALUE_LENGTH) {
    throw new StoreError('BAD_LEASE', `a lease holds at most ${MAX_LEASE_VALUE_LENGTH} bytes, not ${value.length}`);
  }
  const bytes = new Uint8Array(VALUE_AT + value.length);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(DURATION_AT, duration);
  bytes.set(token, TOKEN_AT);
  bytes.set(value, VALUE_AT);
  return bytes;
}

/** @returns undefined if these bytes aren't a lease: then nobody may withdraw the record */
export function decodeLease(bytes: Uint8Array): LeaseRecord | undefined {
  if (bytes.length < VALUE_AT || MAGIC.some((byte, index) => bytes[index] !== byte)) return undefined;
  const duration = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(DURATION_AT);
  if (duration < MIN_LEASE || duration > MAX_LEASE) return undefined;
  return { duration, token: bytes.subarray(TOKEN_AT, VALUE_AT), value: bytes.subarray(VALUE_AT) };
}
