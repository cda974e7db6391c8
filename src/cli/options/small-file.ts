/** Reads whole files up to a maximum size, since a device or a pipe may never end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { extractKeys, KeyText } from '../../overlay/internal.js';
import { UsageError } from '../usage-error.js';

const CHUNK = 1 << 16;
const MILLISECONDS = 1000;
/** Polling interval of an empty pipe, in milliseconds. */
const NAP = 10;

/** How to read a small file. */
export interface ReadOptions {
  /**
   * Timeout for a pipe to reach its end, in seconds. Blocks this thread in short naps, never in a system call, so that
   * the thread can be terminated at any time.
   * @default undefined: waits for a pipe's writer indefinitely
   */
  readonly patience?: number;
}

/**
 * Reads a file's bytes.
 * @param most maximum size in bytes
 * @param what what the file should be, for the error message: `a file of keys`
 * @throws UsageError if it is larger, missing, or can't be read
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
    if (code === 'ENOENT') throw new UsageError(`${path}: no such file`);
    throw new UsageError(`${path}: can't be read (${code})`);
  }
}

/** The file's text: UTF-8, or UTF-16 as PowerShell redirections write it. A byte order mark is removed. */
export function readSmallText(path: string, most: number, what: string, options: ReadOptions = {}): string {
  const bytes = readSmallFile(path, most, what, options);
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/**
 * The text of a file with keys. In UTF-8, the keys are extracted from the bytes (`extractKeys`). Wipe it after parsing.
 * @throws UsageError
 */
export function readKeyText(path: string, most: number, what: string, options: ReadOptions = {}): KeyText {
  const bytes = readSmallFile(path, most, what, options);
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    return utf16 ? new KeyText(new TextDecoder('utf-16le').decode(bytes), []) : extractKeys(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** Returns a reader for a non-blocking descriptor; it returns 0 at the end of the file or pipe. */
function patientReader(file: number, path: string, seconds: number): (chunk: Buffer) => number {
  const isPipe = fstatSync(file).isFIFO();
  const end = performance.now() + seconds * MILLISECONDS;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let began = false;
  return (chunk) => {
    for (;;) {
      const read = readOrNothing(file, chunk);
      // A pipe without a writer reads as ended from the start.
      if (read > 0 || (read === 0 && (began || !isPipe))) {
        began = true;
        return read;
      }
      if (performance.now() > end) throw new UsageError(`${path}: the writer did not finish within ${seconds} s`);
      Atomics.wait(clock, 0, 0, NAP);
    }
  };
}

/** Reads; -1 if there is nothing to read yet. */
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
    // Reading one byte more than allowed detects a file that is too large.
    const chunk = Buffer.alloc(Math.min(CHUNK, most + 1 - length));
    const read = readInto(chunk);
    if (read === 0) {
      const content = Buffer.concat(chunks);
      // The file may contain keys, and the caller can wipe only what is returned.
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
