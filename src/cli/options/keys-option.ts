/** `--keys` and `--ring`. The code that parses key files is loaded only if one is named. */
import { type ParsedArguments, UsageError } from '../arguments.js';
import type { KeysOption } from '../keys/key-files.js';

/**
 * Reads the files of `--keys`, and reports what in them can't be used.
 * @param cipherAlone whether `--aead` is allowed without keys, for commands that encrypt
 * @returns undefined if no keys are named
 * @throws UsageError, AeadError
 */
export async function readKeysOption(parsed: ParsedArguments, cipherAlone = false): Promise<KeysOption | undefined> {
  const paths = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  if (paths.length === 0) {
    for (const option of ['aead', 'esp-sa']) {
      if (parsed.values[option] !== undefined && !cipherAlone) throw new UsageError(`--${option} needs --keys`);
    }
    return undefined;
  }
  const { readKeyFiles } = await import('../keys/key-files.js');
  return readKeyFiles(paths, parsed);
}

/**
 * The keys of `--ring`, which must be a key ring, and of `--keys`.
 * @returns undefined if neither is named
 * @throws UsageError, AeadError
 */
export function readRingOption(parsed: ParsedArguments): Promise<KeysOption | undefined> {
  const path = parsed.values['ring'];
  const more = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  const ring = typeof path === 'string' ? [path] : [];
  return readKeysOption({ operands: parsed.operands, values: { ...parsed.values, keys: [...ring, ...more] } });
}
