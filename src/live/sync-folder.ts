/** New and changed names of files are on the disk only when their folder is. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Waits until a folder's names are on the disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
