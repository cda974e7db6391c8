/** Makes file names durable: created and renamed files are on disk only after their directory is. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Syncs a directory to disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
