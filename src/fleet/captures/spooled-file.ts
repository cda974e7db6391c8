/** A file of a run, on the disk of whoever reads it. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureJobError } from './error.js';
import type { OpenFile } from './local-file.js';

/** An empty file that only this process has: its name is gone at once where that is possible, at the latest with `close`. */
export function temporaryFile(): { readonly descriptor: number; readonly close: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-job-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let descriptor: number;
  try {
    descriptor = openSync(join(folder, 'capture'), 'wx+', 0o600);
  } catch (error) {
    remove();
    throw error;
  }
  const unlinked = process.platform !== 'win32';
  if (unlinked) remove();
  return {
    descriptor,
    close: () => {
      closeSync(descriptor);
      if (!unlinked) remove();
    },
  };
}

/** Writes all of some bytes at a position. */
export function writeAt(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}

/**
 * Stores what is read of a file.
 * @param size what the job says of it: not a byte more is stored
 * @throws CaptureJobError `FILE_CHANGED` if it has another size; whatever the pieces throw
 */
export async function spooledFile(pieces: AsyncIterable<Uint8Array>, size: number): Promise<OpenFile> {
  const file = temporaryFile();
  try {
    let position = 0;
    for await (const piece of pieces) {
      if (position + piece.length > size) throw otherSize(size);
      writeAt(file.descriptor, piece, position);
      position += piece.length;
    }
    if (position !== size) throw otherSize(size);
    return { descriptor: file.descriptor, size, check: () => undefined, close: file.close };
  } catch (error) {
    file.close();
    throw error;
  }
}

function otherSize(size: number): CaptureJobError {
  return new CaptureJobError('FILE_CHANGED', `the file of the run doesn't have the ${size} bytes that the job says`);
}
