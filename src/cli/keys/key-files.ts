/** Key files, for decrypting the ESP packets of a capture. Loaded only if one is named. */
import { type AeadChoice, hkdfSha256 } from '../../aead/index.js';
import type { CipherReport } from '../../inspect/index.js';
import {
  checkSecurityAssociation,
  formatEspSa,
  formatSpi,
  type ImportedSas,
  InboundEsp,
  InboundSa,
  Sad,
  type SaMade,
  type SecurityAssociation,
} from '../../ipsec/index.js';
import type { KeyRingFile } from '../../overlay/files.js';
import { RingResolver, type RingSa } from '../../overlay/index.js';
import { type KeysFile, parseKeys } from '../../overlay/keys/keys-file.js';
import { aeadOption } from '../options/aead-option.js';
import { openOutput } from '../output.js';
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
  readonly ring: KeyRingFile | undefined;
  readonly made: readonly SaMade[];
  /** Output file of `finish` for the SAs and their keys. */
  readonly espSa: string | undefined;
}

/** An SA from a file, and whether its mode is inferred from packets. */
interface ImportedSa {
  readonly association: SecurityAssociation;
  readonly inferMode: boolean;
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
  /** The key ring, if one of the files is one; `finish` wipes it. */
  readonly ring: KeyRingFile | undefined;
  /** Creation times of SAs, from dumps. */
  readonly made: readonly SaMade[];
  readonly #sas: readonly ImportedSa[];
  readonly #espSa: string | undefined;
  #sad = new Sad<InboundSa>();
  #resolver: RingResolver | undefined;

  constructor(choice: AeadChoice, sas: readonly ImportedSa[], { ring, made, espSa }: KeysFound) {
    this.choice = choice;
    this.ring = ring;
    this.made = made;
    this.#sas = sas;
    this.#espSa = espSa;
  }

  /** Creates fresh SAs for another pass. The result of the previous `open` becomes unusable. */
  open(): OpenedKeys {
    this.#close();
    const { aead, skipped } = this.choice;
    const { ring } = this;
    this.#sad = new Sad<InboundSa>();
    // A capture rarely starts with the first packet of an SA, and NAT may have changed the source address.
    for (const { association, inferMode } of this.#sas) {
      this.#sad.add(new InboundSa(association, aead, { midStream: true, inferMode, anySource: true }));
    }
    this.#resolver =
      ring && new RingResolver(ring.ring, aead, this.#sad, hkdfSha256, { profile: ring.profile, midStream: true });
    return {
      esp: new InboundEsp(aead, this.#sad, this.#resolver),
      ringSas: this.#resolver?.made ?? [],
      cipher: { name: aead.name, skipped },
    };
  }

  /** Writes the file of `--esp-sa`, if requested, and wipes all keys: nothing can be decrypted afterwards. */
  finish(): void {
    const imported = this.#sas.map(({ association }) => association);
    if (this.#espSa !== undefined) writeEspSa(this.#espSa, [...imported, ...(this.#resolver?.associations() ?? [])]);
    this.#close();
    for (const { keymat } of imported) keymat.wipe();
    this.ring?.ring.wipe();
  }

  #close(): void {
    for (const sa of this.#sad) {
      this.#sad.delete(sa);
      sa.close();
    }
  }
}

/**
 * Reads key files, and reports what in them can't be used.
 * @param paths at least one
 * @throws UsageError, AeadError
 */
export async function readKeyFiles(paths: readonly string[], values: KeyValues): Promise<KeysOption> {
  const { espSa } = values;
  if (espSa === '-') throw new UsageError('--esp-sa takes a file: the report goes to standard output');
  const files = paths.map((path) => ({ path, file: readKeys(path) }));
  const choice = await aeadOption(values.aead);
  const sas = new Map<string, ImportedSa>();
  let ring: KeyRingFile | undefined;
  for (const { path, file } of files) {
    if (path === values.ring && file.kind !== 'ring') {
      throw new UsageError(`${path}: contains SAs, not a key ring; use --keys`);
    }
    for (const warning of file.warnings) say(`vtep: ${path}: ${warning}`);
    if (file.kind !== 'ring') {
      addSas(path, file, sas);
      continue;
    }
    if (ring !== undefined) throw new UsageError(`${path}: only one key ring is allowed; put all keys into one file`);
    ring = file;
  }
  const made = files.flatMap(({ file }) => (file.kind === 'ring' ? [] : (file.made ?? [])));
  return new KeysOption(choice, [...sas.values()], {
    ring,
    made,
    espSa,
  });
}

/** Adds a file's SAs, and reports those that an earlier file has with a different key. */
function addSas(path: string, { associations, inferMode }: ImportedSas, sas: Map<string, ImportedSa>): void {
  for (const association of associations) {
    const { destination } = checkSecurityAssociation(association);
    const name = `${association.spi} ${destination.join('.')}`;
    const before = sas.get(name);
    if (before === undefined) {
      sas.set(name, { association, inferMode });
    } else if (!before.association.keymat.equals(association.keymat)) {
      const which = `SPI ${formatSpi(association.spi)} to ${association.destination}`;
      say(`vtep: ${path}: ${which} has a different key in an earlier file, which is used`);
    }
  }
}

/** Writes an esp_sa file that only its owner can read, since it contains keys. */
function writeEspSa(path: string, associations: readonly SecurityAssociation[]): void {
  const file = openOutput(path, undefined, { ownerOnly: true, text: true });
  try {
    file.write(new TextEncoder().encode(formatEspSa(associations)));
    file.commit();
  } finally {
    file.abandon();
  }
  say(`${associations.length} SAs and their keys -> ${path}`);
}
