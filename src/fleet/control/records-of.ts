/** Reads and writes of single records, checked. */
import { isVtepError } from '../../error.js';
import { StoreError } from '../error.js';
import { decodeRecord, encodeRecord, type FleetRecord, recordKey } from '../records/records.js';
import { type Store } from '../store/store.js';

/** The record of a kind. */
export type RecordOf<K extends FleetRecord['kind']> = Extract<FleetRecord, { kind: K }>['record'];

/** A record as it was read. */
export interface Read<T> {
  readonly record: T;
  readonly revision: number;
}

/**
 * Reads a record.
 * @returns undefined if there is none
 * @throws StoreError `BAD_RECORD` if it is of another kind or can't be read, and as of `Store.get`
 */
export async function readRecord<K extends FleetRecord['kind']>(
  store: Store,
  kind: K,
  key: string,
): Promise<Read<RecordOf<K>> | undefined> {
  const found = await store.get(key);
  if (found === undefined) return undefined;
  const decoded = decodeRecord(key, found.value);
  if (decoded.kind !== kind) {
    const why = decoded.kind === 'unreadable' ? decoded.fault : `it is of kind ${decoded.kind}`;
    throw new StoreError('BAD_RECORD', `the record ${key} can't be read: ${why}`);
  }
  return { record: decoded.record as RecordOf<K>, revision: found.revision };
}

/**
 * Writes a record, checked as its readers will check it.
 * @param revision that of the record which it replaces; 0 if there must be none. Default: writes anyway
 * @throws StoreError `BAD_RECORD` if it couldn't be read back, and as of `Store.put`
 */
export async function writeRecord(store: Store, record: FleetRecord, revision?: number): Promise<number> {
  const key = recordKey(record);
  const value = encodeRecord(record);
  const decoded = decodeRecord(key, value);
  if (decoded.kind === 'unreadable') throw new StoreError('BAD_RECORD', `${record.kind}: ${decoded.fault}`);
  return store.put(key, value, revision === undefined ? {} : { revision });
}

/**
 * Deletes a record if it still has a revision.
 * @returns whether it did
 * @throws StoreError as of `Store.delete`, except `CONFLICT`
 */
export async function deleteIfUnchanged(store: Store, key: string, revision: number): Promise<boolean> {
  try {
    await store.delete(key, revision);
    return true;
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
    return false;
  }
}

/** Whether something thrown is an error of vtep with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return isVtepError(error) && error.code === code;
}
