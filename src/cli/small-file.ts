/** Files that are read as a whole, of no more bytes than are asked for: a device or a pipe may never end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { KeyText, takeKeys } from '../overlay/key-text.js';
import { UsageError } from './arguments.js';

const CHUNK = 1 << 16;
const MILLISECONDS = 1000;
/** Milliseconds between two looks at a pipe that has nothing to read. */
const NAP = 10;

/** How a small file is read. */
export interface ReadOptions {
  /**
   * Seconds after which a pipe that hasn't ended is given up. Blocks this thread in short naps, never in a system call:
   * for threads that may be ended at any time.
   * @default none: waits for a pipe's writer for as long as it takes
   */
  readonly patience?: number;
}

/**
 * Reads a file's bytes.
 * @param most bytes at most
 * @param what what the file is, for the error: `a file of keys`
 * @throws UsageError if it is larger, not there, or can't be read
 */
export function readSmallFile(path: string, most: number, what: string, { patience }: ReadOptions = {}): Buffer {
  try {
    const patient = patience !== undefined;
    const file = openSync(path, patient ? constants.O_RDONLY | constants.O_NONBLOCK : 'r');
    try {
      const read = patient ? patientReader(file, path, patience) : (chunk: Buffer): number => readSync(file, chunk);
      return contentOf(read, most) ?? tooLarge(path, what);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${path}: there is no such file`);
    throw new UsageError(`${path}: can't be read (${code})`);
  }
}

/** Its text: UTF-8 or, as a redirection in PowerShell writes it, UTF-16; a byte order mark is left out. */
export function readSmallText(path: string, most: number, what: string, options: ReadOptions = {}): string {
  const bytes = readSmallFile(path, most, what, options);
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/**
 * The text of a file with keys, which are taken out of its bytes (`takeKeys`) where it is UTF-8; wipe it once it is parsed.
 * @throws UsageError
 */
export function readKeyText(path: string, most: number, what: string, options: ReadOptions = {}): KeyText {
  const bytes = readSmallFile(path, most, what, options);
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    return utf16 ? new KeyText(new TextDecoder('utf-16le').decode(bytes), []) : takeKeys(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** Reads from a descriptor that doesn't block; 0 is the end, also that of a pipe which had a writer. */
function patientReader(file: number, path: string, seconds: number): (chunk: Buffer) => number {
  const isPipe = fstatSync(file).isFIFO();
  const end = performance.now() + seconds * MILLISECONDS;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let began = false;
  return (chunk) => {
    for (;;) {
      const read = readOrNothing(file, chunk);
      // A pipe that nobody has opened to write is at its end from the start.
      if (read > 0 || (read === 0 && (began || !isPipe))) {
        began = true;
        return read;
      }
      if (performance.now() > end) throw new UsageError(`${path}: its writer did not finish within ${seconds} s`);
      Atomics.wait(clock, 0, 0, NAP);
    }
  };
}

/** -1 where there is nothing to read yet. */
function readOrNothing(file: number, chunk: Buffer): number {
  try {
    return readSync(file, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1;
    throw error;
  }
}

function contentOf(readInto: (chunk: Buffer) => number, most: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    // One byte more than there may be tells a file that is too large.
    const chunk = Buffer.alloc(Math.min(CHUNK, most + 1 - length));
    const read = readInto(chunk);
    if (read === 0) {
      const content = Buffer.concat(chunks);
      // It may hold keys, and whoever reads it wipes no more than what is returned.
      for (const piece of chunks) piece.fill(0);
      return content;
    }
    chunks.push(chunk.subarray(0, read));
    length += read;
    if (length > most) return undefined;
  }
}

function tooLarge(path: string, what: string): never {
  throw new UsageError(`${path}: too large for ${what}`);
}
