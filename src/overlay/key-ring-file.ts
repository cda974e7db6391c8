/**
 * Key rings in files: the `keys` of vtep's own YAML or JSON (`- { tag: 4, key: "32 hexadecimal digits" }`), and lines
 * `networking:ipsec lamport TAG key HEX` as programs print them that read Swarm's raft store.
 */
import { bytesOfHex } from '../memory/hex.js';
import { OverlayError } from './error.js';
import { ClusterKey, KeyRing, refuseWeakKeys } from './key-ring.js';
import { KeyText } from './key-text.js';
import { Profile } from './profile.js';
import { readYaml } from './yaml-text.js';

/** What such a file says. */
export interface KeyRingFile {
  readonly ring: KeyRing;
  readonly profile: Profile;
}

/** Characters of a file with a key ring; 64 keys have 8,000. */
const MAX_RING = 1 << 14;
const SWARM_LINE = /^networking:(\S+) lamport (\d+) key ([0-9a-f]+|z+\d+)\s*$/i;

/** Whether a text holds lines of Swarm's raft store. */
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
    throw new OverlayError('BAD_KEY_RING', `${where}: its key isn't a text of pairs of hexadecimal digits`);
  }
  return bytesOfHex(hex.replace(/^0x/i, ''));
}

/** A tag that can be shown: a number with more digits than a tag has may be a key. */
function checkTag(tag: number, where: string): number {
  if (Math.abs(tag) > Number.MAX_SAFE_INTEGER) {
    throw new OverlayError('BAD_KEY_RING', `${where}: its tag is no whole number from 0 on, or too large`);
  }
  return tag;
}

/**
 * Reads the IPsec keys of Swarm's lines; those of the gossip are passed over.
 * @param file the text, or what `takeKeys` left of it
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
  if (keys.length === 0) throw new OverlayError('NO_KEYS', 'there is no key of networking:ipsec in it');
  return { ring: refuseWeakKeys(new KeyRing(keys)), profile: Profile.Swarm };
}

/**
 * A key of `{ tag: 4, key: "..." }`.
 * @param where what to call it in an error
 * @param file the text that it is of, or what `takeKeys` left of it
 * @throws OverlayError `BAD_KEY_RING`
 */
export function clusterKeyOf(entry: unknown, where: string, file: string | KeyText = ''): ClusterKey {
  if (typeof entry !== 'object' || entry === null) {
    throw new OverlayError('BAD_KEY_RING', `${where} is not of the form { tag: 4, key: "..." }`);
  }
  const { tag, key } = entry as { tag?: unknown; key?: unknown };
  if (typeof tag !== 'number') throw new OverlayError('BAD_KEY_RING', `${where} has no number as its tag`);
  return new ClusterKey(checkTag(tag, where), keyBytes(key, where, file));
}

/**
 * Reads a ring of YAML or JSON: an object with `keys` and, if it isn't Swarm's, `profile`; or the list of keys alone.
 * @param file the text, or what `takeKeys` left of it
 * @throws OverlayError `NO_KEYS` if it is neither, `BAD_KEY_RING` with the entry that is wrong, `WEAK_KEY`
 */
export function parseKeyRing(file: string | KeyText): KeyRingFile {
  const root = readYaml(textOf(file), 'NO_KEYS', MAX_RING).data;
  const object =
    typeof root === 'object' && root !== null && !Array.isArray(root) ? (root as Record<string, unknown>) : {};
  const list: unknown = Array.isArray(root) ? root : object['keys'];
  if (!Array.isArray(list)) throw new OverlayError('NO_KEYS', 'it has no list of keys');
  const profile = object['profile'] ?? Profile.Swarm;
  if (profile !== Profile.Swarm && profile !== Profile.Strict) {
    // What it says instead may be a key.
    throw new OverlayError('BAD_KEY_RING', 'its profile is neither swarm nor strict');
  }
  const keys = list.map((entry: unknown, index) => clusterKeyOf(entry, `key ${index + 1} of the ring`, file));
  return { ring: refuseWeakKeys(new KeyRing(keys)), profile };
}

/**
 * Whether a text that `parseKeyRing` reads is a ring in YAML and nothing besides but comments: what `formatKeyRing` writes
 * can take its place then. Configs with keys, JSON, and lines of Swarm's store are none.
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
 * Writes a ring as `parseKeyRing` reads it, in YAML: with its keys, so that it is for its owner alone.
 * @throws OverlayError `KEY_WIPED`
 */
export function formatKeyRing(ring: KeyRing, profile: Profile = Profile.Swarm): string {
  const lines = ring.keys.map((key) => {
    const hex = key.use((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
    return `  - { tag: ${key.tag}, key: '${hex}' }\n`;
  });
  return `${profile === Profile.Swarm ? '' : `profile: ${profile}\n`}keys:\n${lines.join('')}`;
}
