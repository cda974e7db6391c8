/** Reading a watch in tests. */
import { type Store, type StoreChange } from '../../../src/fleet/index.js';

const text = new TextEncoder();

export function bytes(value: string): Uint8Array {
  return text.encode(value);
}

/** One line per change: `put a=1 @1`, `delete a @2`, `lost`. */
export function line(change: StoreChange): string {
  if (change.kind === 'put') return `put ${change.key}=${Buffer.from(change.value).toString()} @${change.revision}`;
  return change.kind === 'delete' ? `delete ${change.key} @${change.revision}` : change.kind;
}

/** The next changes of a watch that is left open. */
export async function next(changes: AsyncIterator<StoreChange>, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const { value, done } = await changes.next();
    if (done) break;
    lines.push(line(value));
  }
  return lines;
}

/** The first changes of a new watch. */
export async function watched(store: Store, prefix: string, revision: number, count: number): Promise<string[]> {
  const changes = store.watch(prefix, revision)[Symbol.asyncIterator]();
  const lines = await next(changes, count);
  await changes.return?.();
  return lines;
}

/** How often a failing promise says this code. */
export function codes(results: readonly PromiseSettledResult<unknown>[]): string[] {
  return results.map((result) => (result.status === 'fulfilled' ? 'done' : (result.reason as { code: string }).code));
}

/** All changes until the watch ends. */
export async function allLines(changes: AsyncIterable<StoreChange>): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of changes) lines.push(line(change));
  return lines;
}
