/** Parses a key file in any of the supported formats, which is detected from its content. */
import { type ImportedSas, isEspSa, isXfrmState, parseEspSa, parseXfrmState } from '../../ipsec/index.js';
import { describeText } from '../../text/recognised-text.js';
import { OverlayError } from '../error.js';
import { KeyText } from './key-text.js';
import { isSwarmKeys, type KeyRingFile, parseKeyRing, parseSwarmKeys } from './key-ring-file.js';

/** The contents of a keys file: SAs, or a ring that SAs are derived from. */
export type KeysFile =
  | ({ readonly kind: 'xfrm' | 'esp_sa' } & ImportedSas)
  | ({ readonly kind: 'ring'; readonly warnings: readonly string[] } & KeyRingFile);

/**
 * Parses keys: the output of `ip xfrm state`, Wireshark's `esp_sa`, lines of Swarm's store, or a YAML or JSON ring.
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `NO_KEYS` with the reason, `BAD_KEY_RING`, `WEAK_KEY`
 * @example
 * import { readFileSync } from 'node:fs';
 * import { parseKeys } from 'vtep/overlay/files';
 *
 * const keys = parseKeys(readFileSync('keys.txt', 'utf8'));
 * if (keys.kind === 'ring') console.log(`a ring of ${keys.ring.keys.length} keys`);
 * else console.log(`${keys.associations.length} SAs`);
 * for (const warning of keys.warnings) console.error(warning);
 */
export function parseKeys(file: string | KeyText): KeysFile {
  const text = file instanceof KeyText ? file.text : file;
  if (isXfrmState(text)) return withSas({ kind: 'xfrm' as const, ...parseXfrmState(text) });
  if (isEspSa(text)) return withSas({ kind: 'esp_sa' as const, ...parseEspSa(text) });
  if (isSwarmKeys(text)) return { kind: 'ring', warnings: [], ...parseSwarmKeys(file) };
  try {
    return { kind: 'ring', warnings: [], ...parseKeyRing(file) };
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'NO_KEYS') {
      const like = describeText(text);
      // A ring with a mistake: where it is helps more than what else the file could be.
      if (like === 'a key ring' && error.position !== undefined) throw error;
      const why = like === undefined ? `(${error.reason})` : `(${error.reason}): it looks like ${like}`;
      throw new OverlayError('NO_KEYS', `not output of ip xfrm state, an esp_sa file or a key ring ${why}`, {
        cause: error,
      });
    }
    throw error;
  }
}

function withSas<T extends ImportedSas>(file: T): T {
  if (file.associations.length > 0) return file;
  const [first = 'it contains no SA', ...rest] = file.warnings;
  const more = rest.length > 0 ? ` (and ${rest.length} more like it)` : '';
  throw new OverlayError('NO_KEYS', `it contains no usable key: ${first}${more}`);
}
