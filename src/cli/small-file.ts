/** Files that are read as a whole, of no more bytes than are asked for: a device or a pipe may never end. */
import { closeSync, openSync, readSync } from 'node:fs';
import { withoutKeys } from '../secret-text.js';
import { UsageError } from './arguments.js';

const CHUNK = 1 << 16;

/**
 * Reads a file's bytes.
 * @param most bytes at the most
 * @param what what the file is, for the error: `a file of keys`
 * @throws UsageError if it is larger, not there, or can't be read
 */
export function readSmallFile(path: string, most: number, what: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      return contentOf(file, most) ?? tooLarge(path, what);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // Where no such file is, a key may have been put in its name's place.
    if (code === 'ENOENT') throw new UsageError(`${withoutKeys(path)}: there is no such file`);
    throw new UsageError(`${path}: can't be read (${code})`);
  }
}

/** Its text: UTF-8 or, as a redirection in PowerShell writes it, UTF-16; a byte order mark is left out. */
export function readSmallText(path: string, most: number, what: string): string {
  const bytes = readSmallFile(path, most, what);
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

function contentOf(file: number, most: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    // One byte more than there may be tells a file that is too large.
    const chunk = Buffer.alloc(Math.min(CHUNK, most + 1 - length));
    const read = readSync(file, chunk);
    if (read === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    length += read;
    if (length > most) return undefined;
  }
}

function tooLarge(path: string, what: string): never {
  throw new UsageError(`${path}: too large for ${what}`);
}
