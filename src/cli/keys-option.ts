/** `--keys` and `--ring`: whether a call names files of keys. What they hold takes longer to load than to read. */
import { type ParsedArguments, UsageError } from './arguments.js';
import type { KeysOption } from './key-files.js';

/**
 * Reads the files of `--keys`, and says what of them can't be used.
 * @param cipherAlone whether `--aead` may stand without keys, for commands that encrypt
 * @returns undefined if no keys are named
 * @throws UsageError, AeadError
 */
export async function readKeysOption(parsed: ParsedArguments, cipherAlone = false): Promise<KeysOption | undefined> {
  const paths = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  if (paths.length === 0) {
    for (const option of ['aead', 'esp-sa']) {
      if (parsed.values[option] !== undefined && !cipherAlone) throw new UsageError(`--${option} goes with --keys`);
    }
    return undefined;
  }
  const { readKeyFiles } = await import('./key-files.js');
  return readKeyFiles(paths, parsed);
}

/**
 * The keys of `--ring`, which must be a ring, and of `--keys` beside it.
 * @returns undefined if neither is named
 * @throws UsageError, AeadError
 */
export function readRingOption(parsed: ParsedArguments): Promise<KeysOption | undefined> {
  const path = parsed.values['ring'];
  const more = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  const ring = typeof path === 'string' ? [path] : [];
  return readKeysOption({ operands: parsed.operands, values: { ...parsed.values, keys: [...ring, ...more] } });
}
