/** `--keys` and `--ring`. The code that parses key files is loaded only if one is named. */
import type { KeysOption } from '../keys/key-files.js';
import { UsageError } from '../usage-error.js';

/** Values of the options that concern keys. */
export interface KeyValues {
  readonly keys?: readonly string[] | undefined;
  readonly ring?: string | undefined;
  readonly aead?: string | undefined;
  readonly espSa?: string | undefined;
}

/**
 * Reads the files of `--keys`, and reports what in them can't be used.
 * @param cipherAlone whether `--aead` is allowed without keys, for commands that encrypt
 * @param gossipAlone whether files with keys of gossip and none of ESP are enough
 * @returns undefined if no keys are named
 * @throws UsageError, AeadError
 */
export async function readKeysOption(
  values: KeyValues,
  cipherAlone = false,
  gossipAlone = false,
): Promise<KeysOption | undefined> {
  const { keys = [], aead, espSa } = values;
  if (keys.length === 0) {
    if (cipherAlone) return undefined;
    if (aead !== undefined) throw new UsageError('--aead needs --keys');
    if (espSa !== undefined) throw new UsageError('--esp-sa needs --keys');
    return undefined;
  }
  const { readKeyFiles } = await import('../keys/key-files.js');
  return readKeyFiles(keys, values, gossipAlone);
}

/**
 * The keys of `--ring`, which must be a key ring, and of `--keys`.
 * @returns undefined if neither is named
 * @throws UsageError, AeadError
 */
export function readRingOption(values: KeyValues): Promise<KeysOption | undefined> {
  const { ring, keys = [] } = values;
  return readKeysOption({ ...values, keys: ring === undefined ? keys : [ring, ...keys] });
}
