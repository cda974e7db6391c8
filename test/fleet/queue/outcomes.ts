/** Reading the outcomes of a run in tests. */
import { type JobOutcome } from '../../../src/fleet/index.js';

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** One line per outcome: `0 done 0:abc`, `1 failed after 4: why`. */
export function line(outcome: JobOutcome): string {
  const { index, kind } = outcome;
  return kind === 'done'
    ? `${index} done ${text(outcome.result)}`
    : `${index} failed after ${outcome.attempts}: ${outcome.reason}`;
}

/** All outcomes until the end, in the order of the jobs. */
export async function all(outcomes: AsyncIterable<JobOutcome>): Promise<string[]> {
  const found: JobOutcome[] = [];
  for await (const outcome of outcomes) found.push(outcome);
  return found.sort((one, two) => one.index - two.index).map(line);
}

export async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return new Uint8Array(Buffer.concat(parts));
}

/** A promise, and what resolves it. */
export function event<T = void>(): { readonly seen: Promise<T>; readonly say: (value: T) => void } {
  let say: (value: T) => void = () => undefined;
  const seen = new Promise<T>((resolve) => (say = resolve));
  return { seen, say };
}

/** Never resolves. */
export function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** Bytes that no compression or mistake in the order of pieces leaves alike. */
export function noise(length: number, seed = 1): Uint8Array {
  const value = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value[at] = state >>> 24;
  }
  return value;
}

export async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
