/** Times of inputs and of SAs. */
import { Certainty } from '../finding.js';
import type { Evidence } from '../evidence/evidence.js';
import type { Placed } from '../evidence/place.js';

const MILLISECONDS = 1000;
/** Inputs that are compared should be no further apart than this, in seconds. */
const TOGETHER = 600;
/** Inputs further apart than this, in seconds, can't be compared: all keys may have changed. */
const UNRELATED = 12 * 3600;

/**
 * How certain it is that two facts of different inputs contradict each other, by the times at which the inputs were made.
 * Undefined if they are too far apart to be compared.
 */
export function certaintyOf({ inputs }: Evidence, one: Placed, other: Placed): Certainty | undefined {
  if (one.place.file === other.place.file) return Certainty.Certain;
  const a = inputs.find(({ file }) => file === one.place.file)?.seconds;
  const b = inputs.find(({ file }) => file === other.place.file)?.seconds;
  if (a === undefined || b === undefined) return Certainty.Likely;
  const apart = Math.abs(a - b);
  if (apart > UNRELATED) return undefined;
  return apart <= TOGETHER ? Certainty.Certain : Certainty.Possible;
}

/** Seconds of a time in a node's own zone (`2026-11-21 01:45:41`), to subtract from another one; undefined if it is none. */
export function clockSeconds(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined;
  const milliseconds = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / MILLISECONDS;
}
