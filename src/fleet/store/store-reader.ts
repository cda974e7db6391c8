/** Reads a part of a store: a snapshot, then every change, until it is aborted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError, type VtepError } from '../../error.js';
import type { Store, StoreChange, StoreSnapshot } from './store.js';

/** What a reader reports. */
export interface StoreListener {
  /** All records: what was known before is replaced by them. */
  readonly snapshot: (snapshot: StoreSnapshot) => void;
  /** Changes under one prefix come in their order; those under different ones may not. */
  readonly change: (change: StoreChange) => void;
  /** Reading failed, and begins again with a snapshot. */
  readonly failed: (error: VtepError) => void;
}

/** Milliseconds before another attempt. */
const RETRY = 250;

/**
 * Reads until the signal, or the store's end. It never gives up: whoever has packets to carry outlives its store.
 * A lost connection needs no new snapshot. Resolves when it has ended.
 * @param prefixes each is watched by itself, from a snapshot of its own: no change is missed or repeated. None may be
 * a part of another
 */
export async function readStore(
  store: Store,
  prefixes: readonly string[],
  listener: StoreListener,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const snapshots = await Promise.all(prefixes.map((prefix) => store.snapshot(prefix)));
      if (isAborted(signal)) return;
      listener.snapshot({
        // Up to here, all prefixes are complete.
        revision: Math.min(...snapshots.map(({ revision }) => revision)),
        records: snapshots.flatMap(({ records }) => records),
      });
      await watchAll(
        store,
        prefixes.map((prefix, i) => ({ prefix, revision: snapshots[i].revision })),
        listener,
        signal,
      );
    } catch (error) {
      if (!isVtepError(error)) throw error;
      if (isAborted(signal) || error.code === 'CLOSED') return;
      listener.failed(error);
    }
    if (!isAborted(signal)) await pause(signal);
  }
}

/** Watches until one of the watches ends or fails, which ends the others. */
async function watchAll(
  store: Store,
  starts: readonly { readonly prefix: string; readonly revision: number }[],
  listener: StoreListener,
  signal: AbortSignal,
): Promise<void> {
  const round = new AbortController();
  const ending = AbortSignal.any([signal, round.signal]);
  const lost = new Set<string>();
  const results = await Promise.allSettled(
    starts.map(async ({ prefix, revision }) => {
      try {
        for await (const change of store.watch(prefix, revision, { signal: ending })) {
          if ('key' in change) listener.change(change);
          else tellConnection(change, prefix, lost, listener);
        }
      } finally {
        round.abort();
      }
    }),
  );
  const failures = results.flatMap((each): Error[] => (each.status === 'rejected' ? [each.reason as Error] : []));
  // A defect comes first.
  const failure = failures.find((each) => !isVtepError(each)) ?? failures.at(0);
  if (failure !== undefined) throw failure;
}

/** The connection is lost when the first watch has lost it, and back when the last one has. */
function tellConnection(
  change: Extract<StoreChange, { readonly kind: 'lost' | 'resumed' }>,
  prefix: string,
  lost: Set<string>,
  listener: StoreListener,
): void {
  const before = lost.size;
  if (change.kind === 'lost') lost.add(prefix);
  else lost.delete(prefix);
  if ((before === 0) !== (lost.size === 0)) listener.change(change);
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(RETRY, undefined, { signal }).catch(() => undefined);
}
