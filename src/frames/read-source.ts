/** Reads small files whole, without blocking: keys and configs, given by path or as a text. */
import { type FileHandle, open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { systemReason } from '../capture/file/standard-stream.js';
import { FramesError, type FramesErrorCode } from './error.js';

/** A dump of 10,000 SAs is 8 MB. */
const MAX_BYTES = 1 << 26;

/** Whether a text is contents. A path has no line ends, and doesn't begin like JSON. */
export function isContents(text: string): boolean {
  return /[\r\n]/.test(text) || /^\s*[[{]/.test(text);
}

/**
 * The bytes of a file, or of a text.
 * @param source a path or `file:` URL, or contents
 * @param code of the error
 * @param what what it should be, for the error's message
 * @throws FramesError with `code`
 */
export async function readSource(source: string | URL, code: FramesErrorCode, what: string): Promise<Uint8Array> {
  if (typeof source === 'string' && isContents(source)) return new TextEncoder().encode(source);
  const name = source instanceof URL ? source.href : source;
  let bytes: Uint8Array | undefined;
  try {
    const file = await open(source instanceof URL ? fileURLToPath(source) : source);
    try {
      bytes = await readAll(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    const missing = `${name}: no such file; contents are passed as a text of several lines`;
    const message = (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing : systemReason(name, error);
    throw new FramesError(code, message, { cause: error });
  }
  if (bytes === undefined) throw new FramesError(code, `${name}: too large for ${what}`);
  return bytes;
}

/** Reads to the end, which a device may not have; undefined if there is too much. */
async function readAll(file: FileHandle): Promise<Uint8Array | undefined> {
  let bytes = new Uint8Array(1 << 16);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
    if (length > MAX_BYTES) return undefined;
    if (length < bytes.length) continue;
    const larger = new Uint8Array(2 * bytes.length);
    larger.set(bytes);
    // It may hold keys, and the caller can wipe only what is returned.
    bytes.fill(0);
    bytes = larger;
  }
}
