/**
 * Key rings in files: the `keys` of vtep's YAML or JSON (`- { tag: 4, key: "32 hexadecimal digits" }`), and lines
 * `networking:ipsec lamport TAG key HEX` as printed by tools that read Swarm's raft store.
 */
import { decodeHex, encodeHex } from '../../memory/internal.js';
import { OverlayError } from '../error.js';
import { ClusterKey, KeyRing, refuseWeakKeys } from './key-ring.js';
import { KeyText } from './key-text.js';
import { Profile } from '../profile.js';
import { readYaml } from '../yaml-text.js';

/** The contents of a key ring file. */
export interface KeyRingFile {
  /** The keys. */
  readonly ring: KeyRing;
  /** How SAs are derived from them. */
  readonly profile: Profile;
}

/** Maximum length of a key ring file in characters; 64 keys have 8,000. */
const MAX_RING = 1 << 14;
const SWARM_LINE = /^networking:(\S+) lamport (\d+) key ([0-9a-f]+|z+\d+)\s*$/i;

/** Whether a text contains lines of Swarm's raft store. */
export function isSwarmKeys(text: string): boolean {
  return /^networking:\S+ lamport \d+ key /im.test(text);
}

function textOf(file: string | KeyText): string {
  return file instanceof KeyText ? file.text : file;
}

function keyBytes(hex: unknown, where: string, file: string | KeyText): Uint8Array {
  if (file instanceof KeyText && typeof hex === 'string') {
    const key = file.keyOf(hex);
    if (key !== undefined) return key;
  }
  if (typeof hex !== 'string' || !/^(?:0x)?(?:[0-9a-f]{2})+$/i.test(hex)) {
    throw new OverlayError('BAD_KEY_RING', `${where}: its key isn't a string of hexadecimal digit pairs`);
  }
  return decodeHex(hex.replace(/^0x/i, ''));
}

/** Rejects tags that must not be shown: a number with more digits than a tag may be a key. */
function checkTag(tag: number, where: string): number {
  if (Math.abs(tag) > Number.MAX_SAFE_INTEGER) {
    throw new OverlayError('BAD_KEY_RING', `${where}: its tag is not a whole number from 0 to 2^53 - 1`);
  }
  return tag;
}

/**
 * Parses the IPsec keys in lines of Swarm's raft store; gossip keys are skipped.
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `NO_KEYS`, `BAD_KEY_RING`, `WEAK_KEY`
 */
export function parseSwarmKeys(file: string | KeyText): KeyRingFile {
  const keys: ClusterKey[] = [];
  textOf(file)
    .split(/\r?\n/)
    .forEach((line, index) => {
      const match = SWARM_LINE.exec(line.trim());
      if (match === null || match[1] !== 'ipsec') return;
      const where = `line ${index + 1}`;
      keys.push(new ClusterKey(checkTag(Number(match[2]), where), keyBytes(match[3], where, file)));
    });
  if (keys.length === 0) throw new OverlayError('NO_KEYS', 'it contains no key of networking:ipsec');
  return { ring: refuseWeakKeys(new KeyRing(keys)), profile: Profile.Swarm };
}

/**
 * Parses a key in the form `{ tag: 4, key: "..." }`.
 * @param where what errors call the key
 * @param file the text that contains the key, or the result of `extractKeys`
 * @throws OverlayError `BAD_KEY_RING`
 */
export function clusterKeyOf(entry: unknown, where: string, file: string | KeyText = ''): ClusterKey {
  if (typeof entry !== 'object' || entry === null) {
    throw new OverlayError('BAD_KEY_RING', `${where} is not of the form { tag: 4, key: "..." }`);
  }
  const { tag, key } = entry as { tag?: unknown; key?: unknown };
  if (typeof tag !== 'number') throw new OverlayError('BAD_KEY_RING', `${where} has no numeric tag`);
  return new ClusterKey(checkTag(tag, where), keyBytes(key, where, file));
}

/**
 * Parses a ring in YAML or JSON: an object with `keys` and, if it isn't Swarm's, `profile`; or just the list of keys.
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `NO_KEYS` if it is neither, `BAD_KEY_RING` with the invalid entry, `WEAK_KEY`
 * @example
 * import { readFileSync } from 'node:fs';
 * import { parseKeyRing } from 'vtep/overlay/files';
 *
 * const { ring, profile } = parseKeyRing(readFileSync('ring.yaml', 'utf8'));
 * console.log(profile, ring.transmit.tag);
 */
export function parseKeyRing(file: string | KeyText): KeyRingFile {
  const { data: root, locations } = readYaml(textOf(file), 'NO_KEYS', MAX_RING);
  const object =
    typeof root === 'object' && root !== null && !Array.isArray(root) ? (root as Record<string, unknown>) : {};
  const list: unknown = Array.isArray(root) ? root : object['keys'];
  if (!Array.isArray(list)) throw new OverlayError('NO_KEYS', 'it has no list of keys');
  const profile = object['profile'] ?? Profile.Swarm;
  if (profile !== Profile.Swarm && profile !== Profile.Strict) {
    // The value is not shown, since it may be a key.
    throw locations.error(['profile'], 'its profile is neither swarm nor strict', 'BAD_KEY_RING');
  }
  const keys = list.map((entry: unknown, index) => {
    try {
      return clusterKeyOf(entry, `key ${index + 1} of the ring`, file);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      throw locations.error(Array.isArray(root) ? [index] : ['keys', index], error.message, error.code);
    }
  });
  return { ring: refuseWeakKeys(new KeyRing(keys)), profile };
}

/**
 * Whether a text that `parseKeyRing` accepts is a YAML ring with nothing else but comments, so that `formatKeyRing`
 * output can replace it. Configs with keys, JSON, and lines of Swarm's store are not.
 */
export function isRingAlone(text: string): boolean {
  if (isSwarmKeys(text) || /^\s*[[{]/.test(text)) return false;
  const root = readYaml(text, 'NO_KEYS', MAX_RING).data;
  const list: unknown = hasOnly(root, ['profile', 'keys']) ? root['keys'] : root;
  return Array.isArray(list) && list.every((entry: unknown) => hasOnly(entry, ['tag', 'key']));
}

function hasOnly(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.keys(value).every((name) => names.includes(name));
}

/**
 * Formats a ring as YAML for `parseKeyRing`. The text contains the keys: write it to a file only its owner can read.
 * @throws OverlayError `KEY_WIPED`
 */
export function formatKeyRing(ring: KeyRing, profile: Profile = Profile.Swarm): string {
  const lines = ring.keys.map((key) => {
    const hex = key.use(encodeHex);
    return `  - { tag: ${key.tag}, key: '${hex}' }\n`;
  });
  return `${profile === Profile.Swarm ? '' : `profile: ${profile}\n`}keys:\n${lines.join('')}`;
}
