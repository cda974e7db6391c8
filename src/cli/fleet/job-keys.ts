/** Key files as bytes that threads share and that can be sealed, and back. */
import { statSync } from 'node:fs';
import { type JobKeys, MAX_KEYS } from '../../fleet/internal.js';
import { inQuotes } from '../../text/plain-text.js';
import { keysOfTexts, type KeysText, readKeysText } from '../keys/key-files.js';
import { UsageError } from '../usage-error.js';

/**
 * The texts of key files as bytes. The caller wipes them.
 * @returns undefined without files
 * @throws UsageError
 */
export function jobKeysOf(paths: readonly string[]): Uint8Array<SharedArrayBuffer> | undefined {
  if (paths.length === 0) return undefined;
  for (const path of paths) {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      throw new UsageError(
        `${inQuotes(path)} can be read only once: with --workers or --fleet, keys must be in regular files`,
      );
    }
  }
  const texts = paths.map((path): KeysText => ({ path, text: readKeysText(path) }));
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  try {
    if (bytes.length > MAX_KEYS) throw new UsageError(`the key files have more than ${MAX_KEYS >>> 20} MiB`);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    return shared;
  } finally {
    bytes.fill(0);
  }
}

/**
 * The keys in what `jobKeysOf` returned. What can't be used in them, whoever read the files has reported.
 * @param aead the cipher that decrypts ESP. Default: the fastest
 * @throws UsageError, AeadError; SyntaxError if the bytes are something else
 */
export async function openJobKeys(bytes: Uint8Array, aead: string | undefined): Promise<JobKeys> {
  // A decoder doesn't take shared memory.
  const copy = bytes.slice();
  const own = new Uint8Array(copy.length);
  own.set(copy);
  try {
    const texts = JSON.parse(new TextDecoder().decode(own)) as KeysText[];
    return await keysOfTexts(texts, { aead }, true, () => undefined);
  } finally {
    own.fill(0);
    copy.fill(0);
  }
}
