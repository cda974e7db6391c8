/**
 * Preloaded by `npm test` (--import): gives each test that has no time limit of its own one, so that one that hangs fails by
 * its name. A test that blocks its thread is beyond any timer's reach: `--test-timeout` ends its file's process.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { it, test, TestOptions } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** Milliseconds: far beyond what the slowest test takes on a busy machine. */
const LIMIT = Number(process.env['TEST_TIME_LIMIT'] ?? 240_000);

type Call = (name: string, options?: TestOptions | (() => void), run?: () => void) => Promise<void>;

function limited(call: Call): Call {
  return (name, options, run) =>
    typeof options === 'function'
      ? call(name, { timeout: LIMIT }, options)
      : call(name, { timeout: LIMIT, ...options }, run);
}

// Workers and programs that tests start inherit --import, and node:test would report in each.
if (isMainThread && process.argv[1].endsWith('.test.js')) {
  const runner = createRequire(import.meta.url)('node:test') as { test: typeof test; it: typeof it };
  for (const name of ['test', 'it'] as const) {
    const call = runner[name];
    runner[name] = Object.assign(limited(call as Call), call) as typeof test;
  }
  syncBuiltinESMExports();
}
