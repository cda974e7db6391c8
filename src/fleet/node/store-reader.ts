/** Reads a store: a snapshot, then every change, until it is aborted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError, type VtepError } from '../../error.js';
import type { Store, StoreChange, StoreSnapshot } from '../store/store.js';

/** What a reader reports. */
export interface StoreListener {
  /** All records: what was known before is replaced by them. */
  readonly snapshot: (snapshot: StoreSnapshot) => void;
  readonly change: (change: StoreChange) => void;
  /** Reading failed, and is tried again. */
  readonly failed: (error: VtepError) => void;
}

/** Milliseconds before another attempt. */
const RETRY = 250;

/** Codes after which only a new snapshot tells what there is. */
const NEEDS_SNAPSHOT: readonly string[] = ['RESET', 'COMPACTED'];

/**
 * Reads until the signal, or the store's end. It never gives up: whoever has packets to carry outlives its store.
 * Resolves when it has ended.
 */
export async function readStore(store: Store, listener: StoreListener, signal: AbortSignal): Promise<void> {
  let revision: number | undefined;
  while (!signal.aborted) {
    try {
      if (revision === undefined) {
        const snapshot = await store.snapshot('');
        if (isAborted(signal)) return;
        listener.snapshot(snapshot);
        ({ revision } = snapshot);
      }
      for await (const change of store.watch('', revision, { signal })) {
        if ('revision' in change) ({ revision } = change);
        listener.change(change);
      }
      if (!isAborted(signal)) await pause(signal);
    } catch (error) {
      if (!isVtepError(error)) throw error;
      if (isAborted(signal) || error.code === 'CLOSED') return;
      if (NEEDS_SNAPSHOT.includes(error.code)) revision = undefined;
      listener.failed(error);
      await pause(signal);
    }
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(RETRY, undefined, { signal }).catch(() => undefined);
}
