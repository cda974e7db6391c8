/** Shared by file input and output: the standard streams, complete writes, and error messages. */
import { writeSync } from 'node:fs';
import { CaptureError } from '../error.js';

/** The name of standard input and standard output. */
export const STANDARD_STREAM = '-';

/** An actionable message for a system error. */
export function systemReason(path: string, error: unknown): string {
  const name = path === '' ? 'an empty path' : path;
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return `${name}: no such file or directory`;
    case 'EACCES':
    case 'EPERM':
      return `${name}: permission denied`;
    case 'EISDIR':
      return `${name}: it is a directory; name a file in it`;
    case 'ENOSPC':
      return `${name}: no space left on the device`;
    default:
      return `${name}: ${(error as Error).message}`;
  }
}

const STANDARD_OUTPUT = 1;
const RETRY_MS = 2;

/** Writes all bytes to a descriptor, waiting for a slow reader. Throws system errors. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at, bytes.length - at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // A pipe with a slow reader; a synchronous write has no other way to wait.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/**
 * Writes all bytes to standard output.
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function writeStandardOutput(bytes: Uint8Array): void {
  try {
    writeAll(STANDARD_OUTPUT, bytes);
  } catch (error) {
    throw new CaptureError('FILE_UNUSABLE', `can't write ${systemReason('standard output', error)}`, { cause: error });
  }
}
