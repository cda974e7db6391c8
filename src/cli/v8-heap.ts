/** Keeps V8's young generation small, for a program that reads files of any size and allocates next to nothing per packet. */
import { setFlagsFromString } from 'node:v8';

/** Major versions of V8 (Node 20 to 24) that are known to have the flag; others print a warning. */
const OLDEST = 11;
const NEWEST = 13;

/**
 * Stops V8 from doubling its young generation, up to three times 16 MB, while modules load: what the packets take after that is
 * typed arrays. Call it before the modules of a command are loaded.
 */
export function keepHeapSmall(version: string = process.versions.v8): void {
  const major = Number.parseInt(version, 10);
  if (major >= OLDEST && major <= NEWEST) setFlagsFromString('--semi-space-growth-factor=1');
}
