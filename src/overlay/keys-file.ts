/** Keys in a file of any of the kinds that vtep reads, told apart by what stands in it. */
import { type ImportedSas, isEspSa, isXfrmState, parseEspSa, parseXfrmState } from '../ipsec/index.js';
import { looksLike } from '../recognised-text.js';
import { OverlayError } from './error.js';
import { KeyText } from './key-text.js';
import { isSwarmKeys, type KeyRingFile, parseKeyRing, parseSwarmKeys } from './key-ring-file.js';

/** What a file of keys holds: SAs, or a ring that SAs are made of. */
export type KeysFile =
  | ({ readonly kind: 'xfrm' | 'esp_sa' } & ImportedSas)
  | ({ readonly kind: 'ring'; readonly remarks: readonly string[] } & KeyRingFile);

/**
 * Reads keys: the output of `ip xfrm state`, Wireshark's `esp_sa`, Swarm's lines, or a YAML or JSON ring.
 * @param file the text, or what `takeKeys` left of it
 * @throws OverlayError `NO_KEYS` with the reason, `BAD_KEY_RING`, `WEAK_KEY`
 */
export function parseKeys(file: string | KeyText): KeysFile {
  const text = file instanceof KeyText ? file.text : file;
  if (isXfrmState(text)) return withSas({ kind: 'xfrm' as const, ...parseXfrmState(text) });
  if (isEspSa(text)) return withSas({ kind: 'esp_sa' as const, ...parseEspSa(text) });
  if (isSwarmKeys(text)) return { kind: 'ring', remarks: [], ...parseSwarmKeys(file) };
  try {
    return { kind: 'ring', remarks: [], ...parseKeyRing(file) };
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'NO_KEYS') {
      const like = looksLike(text);
      const why = like === undefined ? `(${error.message})` : `(${error.message}): it looks like ${like}`;
      throw new OverlayError('NO_KEYS', `no output of ip xfrm state, no esp_sa file, and no key ring ${why}`, {
        cause: error,
      });
    }
    throw error;
  }
}

function withSas<T extends ImportedSas>(file: T): T {
  if (file.associations.length > 0) return file;
  const [first = 'nothing in it is an SA', ...rest] = file.remarks;
  const more = rest.length > 0 ? ` (and ${rest.length} more like it)` : '';
  throw new OverlayError('NO_KEYS', `it holds no usable key: ${first}${more}`);
}
