/** The captures of an invocation: names and patterns, in the order of their first packets. */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { CaptureBatch, PacketSource } from '../../capture/index.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { inQuotes } from '../../text/plain-text.js';
import { isInterrupted } from '../interruption.js';
import { openInput, readInput } from '../capture/capture-input.js';
import { UsageError } from '../usage-error.js';

/** Characters that make a name a pattern. */
const PATTERN = /[*?[\]{}]/;

/** The captures of an invocation, each read to its end. */
export type ReadCaptures = [PacketSource, ...PacketSource[]];

/**
 * Files that operands name. An operand that isn't a file but has `*`, `?`, `[...]` or `{...}` is a pattern: quoted ones
 * reach a program unexpanded, and Windows expands none.
 * @throws UsageError for a pattern without a match, or standard input with other files
 */
export async function inputFiles(operands: readonly string[]): Promise<string[]> {
  const paths = new Map<string, string>();
  for (const operand of operands) {
    if (operand === STANDARD_STREAM && operands.length > 1) {
      throw new UsageError('- (standard input) can be read only alone, without other files');
    }
    const named = PATTERN.test(operand) && !existsSync(operand) ? await matches(operand) : [operand];
    for (const path of named) paths.set(resolve(path), path);
  }
  return [...paths.values()];
}

async function matches(pattern: string): Promise<string[]> {
  const { globSync } = await import('tinyglobby');
  const found = globSync(pattern, { absolute: isAbsolute(pattern), expandDirectories: false });
  if (found.length === 0) throw new UsageError(`${inQuotes(pattern)} matches no file`);
  return found.sort();
}

/**
 * Reads captures one after the other, in the order of the times of their first packets.
 * @returns them in that order
 * @throws CaptureError if one of them can't be read
 */
export async function readInOrder(
  paths: readonly string[],
  onBatch: (batch: CaptureBatch) => void,
): Promise<ReadCaptures> {
  const sources: PacketSource[] = [];
  for (const path of await inOrder(paths)) {
    // After Ctrl-C, the report is about what was read.
    if (isInterrupted()) break;
    const source = await openInput(path);
    await readInput(source, onBatch);
    sources.push(source);
  }
  return sources as ReadCaptures;
}

/** The order in which captures are read: those without packets or times come last, in the order given. */
export async function inOrder(paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length === 1) return paths;
  const starts: ({ path: string } & FirstTime)[] = [];
  for (const path of paths) {
    // A pipe's first packets can't be read twice.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      throw new UsageError(`${inQuotes(path)} is not a regular file; such inputs can be read only alone`);
    }
    starts.push({ path, ...((await firstTime(path)) ?? NEVER) });
  }
  // Infinity - Infinity is NaN, which `||` turns into the order given.
  return starts
    .sort((one, other) => one.seconds - other.seconds || one.nanoseconds - other.nanoseconds || 0)
    .map(({ path }) => path);
}

/** Time of a capture's first packet that has one. */
export interface FirstTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const NEVER: FirstTime = { seconds: Infinity, nanoseconds: 0 };

/**
 * When a capture begins.
 * @returns undefined if none of its first packets has a time
 * @throws CaptureError if it can't be read
 */
export async function firstTime(path: string): Promise<FirstTime | undefined> {
  const source = await openInput(path);
  try {
    const batch = await source.next();
    const timed = batch === undefined ? -1 : batch.noTimestamp.subarray(0, batch.count).indexOf(0);
    if (batch === undefined || timed < 0) return undefined;
    return { seconds: batch.seconds[timed], nanoseconds: batch.nanoseconds[timed] };
  } finally {
    await source.close();
  }
}
