import { setTimeout as sleep } from 'node:timers/promises';

/** Far beyond what anything takes on a busy machine, in milliseconds. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 50;

/** How to wait. */
export interface UntilOptions {
  /** Milliseconds. */
  readonly patience?: number;
  /** What to say if it takes too long. */
  readonly explain?: () => string | Promise<string>;
}

/**
 * Waits until a value is neither undefined nor false, and returns it.
 *
 * @throws {Error} if it takes too long
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { patience = PATIENCE_MS, explain }: UntilOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + patience;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value as Exclude<T, false | undefined>;
    if (performance.now() > end) throw new Error(`took over ${patience} ms: ${what}\n${(await explain?.()) ?? ''}`);
    await sleep(PAUSE_MS);
  }
}
