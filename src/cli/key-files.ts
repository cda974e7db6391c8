/** Files of keys: what opens the ESP packets of a capture. Loaded by a call that names one, and by no other. */
import { type AeadChoice, hkdfSha256 } from '../aead/index.js';
import { VtepError } from '../error.js';
import type { CipherReport } from '../inspect/index.js';
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
} from '../ipsec/index.js';
import type { KeyRingFile } from '../overlay/files.js';
import { RingResolver, type RingSa } from '../overlay/index.js';
import { type KeysFile, parseKeys } from '../overlay/keys-file.js';
import { aeadOption } from './aead-option.js';
import { type ParsedArguments, UsageError } from './arguments.js';
import { openOutput } from './output.js';
import { readSmallText } from './small-file.js';
import { say } from './text-output.js';

/** A dump of 10,000 SAs has 8 MB. */
const MAX_BYTES = 1 << 26;

/** What opens ESP packets in one reading of a capture, with what is to be said about it. */
export interface OpenedKeys {
  readonly esp: InboundEsp;
  /** SAs that came from a key ring; more come as packets do. */
  readonly ringSas: readonly RingSa[];
  readonly cipher: CipherReport;
}

/** What the files hold besides SAs. */
interface KeysFound {
  readonly ring: KeyRingFile | undefined;
  readonly made: readonly SaMade[];
  /** Where `finish` writes the SAs with their keys, if anywhere. */
  readonly espSa: string | undefined;
}

/** An SA of a file, and whether the file leaves its mode to the packets. */
interface ImportedSa {
  readonly association: SecurityAssociation;
  readonly lenient: boolean;
}

/**
 * Reads the text of a file of keys.
 * @throws UsageError
 */
export function readKeysText(path: string): string {
  return readSmallText(path, MAX_BYTES, 'a file of keys');
}

/**
 * The keys in the text of a file, of any kind.
 * @throws UsageError
 */
export function keysOfText(path: string, text: string): KeysFile {
  try {
    return parseKeys(text);
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Reads a file of keys of any kind.
 * @throws UsageError
 */
export function readKeys(path: string): KeysFile {
  return keysOfText(path, readKeysText(path));
}

/** The keys of a call's files: read once, to open a capture with as often as it is read. */
export class KeysOption {
  /** The cipher that they are in. */
  readonly choice: AeadChoice;
  /** The key ring, if one of the files is one; it is wiped by `finish`. */
  readonly ring: KeyRingFile | undefined;
  /** When SAs were made, as dumps say it. */
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

  /** Makes the SAs anew, as none had seen a packet. What was opened before opens nothing any more. */
  open(): OpenedKeys {
    this.#close();
    const { aead, passedOver } = this.choice;
    const { ring } = this;
    this.#sad = new Sad<InboundSa>();
    // The first packet of a capture is seldom the first of an SA, and a NAT may have changed its source.
    for (const { association, lenient } of this.#sas) {
      this.#sad.add(new InboundSa(association, aead, { late: true, lenient, anySource: true }));
    }
    this.#resolver =
      ring && new RingResolver(ring.ring, aead, this.#sad, hkdfSha256, { profile: ring.profile, late: true });
    return {
      esp: new InboundEsp(aead, this.#sad, this.#resolver),
      ringSas: this.#resolver?.made ?? [],
      cipher: { name: aead.name, passedOver },
    };
  }

  /** Writes the file of `--esp-sa`, if it is asked for, and wipes all keys: nothing can be opened any more. */
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
 * Reads files of keys, and says what of them can't be used.
 * @param paths at least one
 * @throws UsageError, AeadError
 */
export async function readKeyFiles(paths: readonly string[], parsed: ParsedArguments): Promise<KeysOption> {
  const espSa = parsed.values['esp-sa'];
  if (espSa === '-') throw new UsageError('--esp-sa takes a file: the report goes to standard output');
  const files = paths.map((path) => ({ path, file: readKeys(path) }));
  const choice = await aeadOption(parsed);
  const sas = new Map<string, ImportedSa>();
  let ring: KeyRingFile | undefined;
  for (const { path, file } of files) {
    if (path === parsed.values['ring'] && file.kind !== 'ring') {
      throw new UsageError(`${path}: it holds SAs, not a key ring; --keys takes it`);
    }
    for (const remark of file.remarks) say(`vtep: ${path}: ${remark}`);
    if (file.kind !== 'ring') {
      addSas(path, file, sas);
      continue;
    }
    if (ring !== undefined) throw new UsageError(`${path}: one key ring at a time; put all keys into one file`);
    ring = file;
  }
  const made = files.flatMap(({ file }) => (file.kind === 'ring' ? [] : (file.made ?? [])));
  return new KeysOption(choice, [...sas.values()], {
    ring,
    made,
    espSa: typeof espSa === 'string' ? espSa : undefined,
  });
}

/** Takes a file's SAs; one that another file gave already is said if it has another key there. */
function addSas(path: string, { associations, lenient }: ImportedSas, sas: Map<string, ImportedSa>): void {
  for (const association of associations) {
    const { destination } = checkSecurityAssociation(association);
    const name = `${association.spi} ${destination.join('.')}`;
    const before = sas.get(name);
    if (before === undefined) {
      sas.set(name, { association, lenient });
    } else if (!before.association.keymat.equals(association.keymat)) {
      const which = `SPI ${formatSpi(association.spi)} to ${association.destination}`;
      say(`vtep: ${path}: ${which} has another key in a file before it, which is used`);
    }
  }
}

/** Writes a file that only its owner reads, since it holds the keys. */
function writeEspSa(path: string, associations: readonly SecurityAssociation[]): void {
  const file = openOutput(path, undefined, { ownerOnly: true });
  try {
    file.write(new TextEncoder().encode(formatEspSa(associations)));
    file.commit();
  } finally {
    file.abandon();
  }
  say(`${associations.length} SAs with their keys -> ${path}`);
}
