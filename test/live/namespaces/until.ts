/** Waits for what another process does. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between looks, and after which a condition will never be met. */
const LOOK = 20;
const NEVER = 60_000;

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + NEVER; !(await condition()); await sleep(LOOK)) {
    assert.ok(performance.now() < end, `it never came: ${what}`);
  }
}
