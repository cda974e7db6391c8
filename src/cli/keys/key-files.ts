/** Key files, for decrypting the ESP packets of a capture. Loaded only if one is named. */
import { type AeadChoice, hkdfSha256 } from '../../aead/index.js';
import { GossipKeyring } from '../../gossip/index.js';
import type { CipherReport } from '../../inspect/index.js';
import { formatEspSa, type InboundEsp, type SaCreation, type SecurityAssociation } from '../../ipsec/index.js';
import type { KeyRingFile } from '../../overlay/files.js';
import type { ClusterKey, RingSa } from '../../overlay/index.js';
import { CaptureKeys } from '../../overlay/internal.js';
import { parseGossipKeys } from '../../overlay/keys/gossip-keys.js';
import { type KeysFile, parseKeys } from '../../overlay/keys/keys-file.js';
import { aeadOption } from '../options/aead-option.js';
import { writeText } from '../output.js';
import { aboutFile } from '../options/file-error.js';
import type { KeyValues } from '../options/keys-option.js';
import { readSmallText } from '../options/small-file.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';

/** A dump of 10,000 SAs is 8 MB. */
const MAX_BYTES = 1 << 26;

/** Decrypts ESP packets during one pass over a capture, with data for the report. */
export interface OpenedKeys {
  readonly esp: InboundEsp;
  /** SAs derived from a key ring so far; packets add more. */
  readonly ringSas: readonly RingSa[];
  readonly cipher: CipherReport;
}

/** The contents of the files besides SAs. */
interface KeysFound {
  readonly made: readonly SaCreation[];
  /** Output file of `finish` for the SAs and their keys. */
  readonly espSa: string | undefined;
  readonly gossip: readonly ClusterKey[];
  /** Whether there are keys of ESP. */
  readonly esp: boolean;
}

/**
 * Reads the text of a key file.
 * @throws UsageError
 */
export function readKeysText(path: string): string {
  return readSmallText(path, MAX_BYTES, 'a file of keys');
}

/**
 * Parses the text of a key file of any format.
 * @throws UsageError
 */
export function keysOfText(path: string, text: string): KeysFile {
  try {
    return parseKeys(text);
  } catch (error) {
    throw aboutFile(path, error);
  }
}

/**
 * Reads a key file of any format.
 * @throws UsageError
 */
export function readKeys(path: string): KeysFile {
  return keysOfText(path, readKeysText(path));
}

/** The keys of all named files: read once, for any number of passes over a capture. */
export class KeysOption {
  /** The cipher that holds the keys. */
  readonly choice: AeadChoice;
  /** Creation times of SAs, from dumps. */
  readonly made: readonly SaCreation[];
  readonly #keys: CaptureKeys;
  readonly #espSa: string | undefined;
  readonly #gossip: readonly ClusterKey[];
  readonly #esp: boolean;
  readonly #rings: GossipKeyring[] = [];

  constructor(choice: AeadChoice, keys: CaptureKeys, { made, espSa, gossip, esp }: KeysFound) {
    this.choice = choice;
    this.made = made;
    this.#keys = keys;
    this.#espSa = espSa;
    this.#gossip = gossip;
    this.#esp = esp;
  }

  /** The key ring, if one of the files is one; `finish` wipes it. */
  get ring(): KeyRingFile | undefined {
    return this.#keys.ring;
  }

  /** Whether an SA, of those derived so far too, has extended sequence numbers. */
  get hasExtendedSequences(): boolean {
    return this.#keys.associations().some(({ esn }) => esn);
  }

  /**
   * Creates fresh SAs for another pass. The result of the previous `open` with the same number becomes unusable.
   * @param pass tells passes at the same time apart
   */
  open(pass = 0): OpenedKeys {
    const { aead, skipped } = this.choice;
    return { ...this.#keys.open(aead, hkdfSha256, pass), cipher: { name: aead.name, skipped } };
  }

  /** The same, but undefined if there are keys of gossip only. */
  openEsp(pass = 0): OpenedKeys | undefined {
    return this.#esp ? this.open(pass) : undefined;
  }

  /** The keys of gossip, with the one first that Swarm encrypts with: the second oldest. Undefined if there are none. */
  openGossip(): GossipKeyring | undefined {
    if (this.#gossip.length === 0) return undefined;
    const ring = new GossipKeyring(this.choice.aead);
    for (const key of this.#gossip) key.use((bytes) => ring.add(key.tag, bytes));
    ring.use(this.#gossip[Math.min(1, this.#gossip.length - 1)].tag);
    this.#rings.push(ring);
    return ring;
  }

  /**
   * Writes the file of `--esp-sa`, if requested, and wipes all keys: nothing can be decrypted afterwards.
   * @param adapt returns the SAs to write. Default: all
   */
  finish(adapt: (all: readonly SecurityAssociation[]) => readonly SecurityAssociation[] = (all) => all): void {
    if (this.#espSa !== undefined) writeEspSa(this.#espSa, adapt(this.#keys.associations()));
    this.#keys.wipe();
    for (const ring of this.#rings) ring.wipe();
    for (const key of this.#gossip) key.wipe();
  }
}

/** A key file and its text. */
export interface KeysText {
  readonly path: string;
  readonly text: string;
}

/**
 * Reads key files, and reports what in them can't be used.
 * @param paths at least one
 * @param gossipAlone whether a file with keys of gossip and none of ESP is enough
 * @throws UsageError, AeadError
 */
export async function readKeyFiles(
  paths: readonly string[],
  values: KeyValues,
  gossipAlone = false,
): Promise<KeysOption> {
  if (values.espSa === '-') throw new UsageError('--esp-sa takes a file: the report goes to standard output');
  const texts = paths.map((path) => ({ path, text: readKeysText(path) }));
  return keysOfTexts(texts, values, gossipAlone, (warning) => say(`vtep: ${warning}`));
}

/**
 * The keys in texts of key files.
 * @param texts at least one
 * @param onWarning called with what in them can't be used
 * @throws UsageError, AeadError
 */
export async function keysOfTexts(
  texts: readonly KeysText[],
  values: KeyValues,
  gossipAlone: boolean,
  onWarning: (warning: string) => void,
): Promise<KeysOption> {
  const { espSa } = values;
  const gossip = new Map<number, ClusterKey>();
  const files = texts.flatMap(({ path, text }) => {
    const found = gossipKeysOf(path, text);
    for (const key of found) {
      gossip.get(key.tag)?.wipe();
      gossip.set(key.tag, key);
    }
    return gossipAlone && found.length > 0 && !/^networking:ipsec\b/im.test(text)
      ? []
      : [{ path, file: keysOfText(path, text) }];
  });
  const choice = await aeadOption(values.aead);
  const keys = new CaptureKeys();
  for (const { path, file } of files) {
    if (path === values.ring && file.kind !== 'ring') {
      throw new UsageError(`${path}: contains SAs, not a key ring; use --keys`);
    }
    for (const warning of [...file.warnings, ...addKeys(keys, path, file)]) onWarning(`${path}: ${warning}`);
  }
  const made = files.flatMap(({ file }) => (file.kind === 'ring' ? [] : (file.made ?? [])));
  const sorted = [...gossip.values()].sort((a, b) => a.tag - b.tag);
  return new KeysOption(choice, keys, { made, espSa, gossip: sorted, esp: files.length > 0 });
}

function gossipKeysOf(path: string, text: string): ClusterKey[] {
  try {
    return parseGossipKeys(text);
  } catch (error) {
    throw aboutFile(path, error);
  }
}

function addKeys(keys: CaptureKeys, path: string, file: KeysFile): string[] {
  try {
    return keys.add(file);
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}

/** Writes an esp_sa file that only its owner can read, since it contains keys. */
function writeEspSa(path: string, associations: readonly SecurityAssociation[]): void {
  writeText(path, formatEspSa(associations), true);
  say(`${associations.length} SAs and their keys -> ${path}`);
}
