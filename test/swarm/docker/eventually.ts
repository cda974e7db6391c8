/** Waits for conditions of programs that can only be asked. */
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 100;
const PATIENCE_MS = 40_000;

/**
 * Asks until the answer is as wished, and returns it. A question that throws is asked again.
 * @throws {Error} with the last answer or failure, if it takes too long
 */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  wished: (answer: T) => boolean,
  what: string,
  milliseconds = PATIENCE_MS,
): Promise<T> {
  for (const until = performance.now() + milliseconds; ;) {
    let last: string;
    try {
      const answer = await ask();
      if (wished(answer)) return answer;
      last = typeof answer === 'string' ? answer : JSON.stringify(answer);
    } catch (error) {
      last = String(error);
    }
    if (performance.now() > until) throw new Error(`${what}: not within ${milliseconds} ms; last: ${last}`);
    await sleep(LOOK_MS);
  }
}
