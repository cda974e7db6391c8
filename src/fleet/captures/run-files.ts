/** Names and sizes of what a run has besides jobs. */

/** An empty file that is put first: without it, the server has lost what was put before. */
export const BEGUN_FILE = 'begun';
/** The file with the keys of a run, sealed. */
export const KEYS_FILE = 'keys';
/** Most bytes of them. */
export const MAX_KEYS = 1 << 26;

/** The name of an uploaded capture. */
export function captureFile(index: number): string {
  return `capture-${index}`;
}
