/** Reads a part of a store: a snapshot, then every change, until it is aborted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError, type VtepError } from '../../error.js';
import type { Store, StoreChange, StoreRecord, StoreSnapshot } from './store.js';

/** What a reader reports. */
export interface StoreListener {
  /** All records: what was known before is replaced by them. */
  readonly snapshot: (snapshot: StoreSnapshot) => void;
  /** Changes under one prefix come in their order; those under different ones may not. */
  readonly change: (change: StoreChange) => void;
  /** Reading failed, and begins again with a snapshot. */
  readonly failed: (error: VtepError) => void;
}

/** What attempts after a failure are spaced by. */
export interface RetryOptions {
  /** Waits so many milliseconds, or until the signal. @default a timer */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * Milliseconds before another attempt at least; with the random part, up to twice as many. They double with each attempt
 * that a server fails, up to the longest: if it can't give all its nodes a snapshot at once, it can one after the other.
 */
const RETRY = 250;
const LONGEST_RETRY = 4000;

const NO_RECORDS: readonly StoreRecord[] = [];

/**
 * Reads until the signal, or the store's end. It never gives up: whoever has packets to carry outlives its store.
 * A lost connection needs no new snapshot. Resolves when it has ended.
 * @param prefixes each is watched by itself, from a snapshot of its own: no change is missed or repeated. None may be
 * a part of another
 * @param options how attempts after a failure are spaced: nodes that fail together try again at different times
 */
export async function readStore(
  store: Store,
  prefixes: readonly string[],
  listener: StoreListener,
  signal: AbortSignal,
  { pause = pauseOfTimer, random = Math.random }: RetryOptions = {},
): Promise<void> {
  let retry = RETRY;
  while (!signal.aborted) {
    try {
      const snapshots = await Promise.all(prefixes.map((prefix) => store.snapshot(prefix)));
      if (isAborted(signal)) return;
      retry = RETRY;
      listener.snapshot({
        // Up to here, all prefixes are complete.
        revision: Math.min(...snapshots.map(({ revision }) => revision)),
        records: NO_RECORDS.concat(...snapshots.map(({ records }) => records)),
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
    if (isAborted(signal)) return;
    await pause(retry * (1 + random()), signal);
    // Without a connection, an attempt costs the server nothing.
    if (store.connected) retry = Math.min(2 * retry, LONGEST_RETRY);
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

async function pauseOfTimer(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
