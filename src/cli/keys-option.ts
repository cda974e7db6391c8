/** `--keys`, `--aead` and `--esp-sa`: what opens the ESP packets of a capture. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Aead, AEAD_BACKENDS, chooseAead, hkdfSha256 } from '../aead/index.js';
import { VtepError } from '../error.js';
import type { CipherReport } from '../inspect/index.js';
import {
  formatEspSa,
  formatSpi,
  type ImportedSas,
  InboundEsp,
  InboundSa,
  Sad,
  type SaMade,
  type SecurityAssociation,
} from '../ipsec/index.js';
import { type KeyRingFile, type KeysFile, parseKeys, RingResolver, type RingSa } from '../overlay/index.js';
import { forgeBackend } from '../../native-free/forge-aead.js';
import { type ParsedArguments, UsageError } from './arguments.js';
import { say } from './text-output.js';

/** A dump of 10,000 SAs has 8 MB. */
const MAX_BYTES = 1 << 26;
const OWNER_ONLY = 0o600;

/** What opens ESP packets, with what is to be said about it. */
export interface OpenedKeys {
  readonly esp: InboundEsp;
  /** SAs that came from a key ring; more come as packets do. */
  readonly ringSas: readonly RingSa[];
  /** The key ring, if one of the files is one. */
  readonly ring: KeyRingFile | undefined;
  /** When SAs were made, as dumps say it. */
  readonly made: readonly SaMade[];
  readonly cipher: CipherReport;
  /** Writes the file of `--esp-sa`, if it is asked for, and wipes the keys that were kept for it. */
  finish(): void;
}

/** The text of a file; a redirection in PowerShell writes UTF-16, and some editors a byte order mark. */
function textOf(bytes: Uint8Array): string {
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/**
 * Reads a file of keys of any kind.
 * @throws UsageError
 */
export function readKeys(path: string): KeysFile {
  try {
    if (statSync(path).size > MAX_BYTES) throw new UsageError(`${path}: too large for a file of keys`);
    return parseKeys(textOf(readFileSync(path)));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof VtepError) throw new UsageError(`${path}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`}`);
  }
}

/**
 * Reads the files of `--keys` and makes what opens packets with them.
 * @param cipherAlone whether `--aead` may stand without keys, for commands that encrypt
 * @returns undefined if no keys are named
 * @throws UsageError, AeadError
 */
export function openKeys(parsed: ParsedArguments, cipherAlone = false): OpenedKeys | undefined {
  const paths = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  const name = parsed.values['aead'];
  if (paths.length === 0) {
    for (const option of ['aead', 'esp-sa']) {
      if (parsed.values[option] !== undefined && !cipherAlone) throw new UsageError(`--${option} goes with --keys`);
    }
    return undefined;
  }
  const espSa = parsed.values['esp-sa'];
  const files = paths.map((path) => ({ path, file: readKeys(path) }));
  const choice = chooseAead(typeof name === 'string' ? name : undefined, [...AEAD_BACKENDS, forgeBackend]);
  const { aead } = choice;
  for (const { code, reason } of choice.passedOver) if (code === 'AEAD_SELF_TEST') say(`vtep: ${reason}: not used`);
  const sad = new Sad<InboundSa>();
  const associations = new Map<InboundSa, SecurityAssociation>();
  let resolver: RingResolver | undefined;
  let ring: KeyRingFile | undefined;
  for (const { path, file } of files) {
    for (const remark of file.remarks) say(`vtep: ${path}: ${remark}`);
    if (file.kind !== 'ring') {
      addSas(path, file, aead, sad, associations);
      continue;
    }
    if (resolver !== undefined) throw new UsageError(`${path}: one key ring at a time; put all keys into one file`);
    ring = { ring: file.ring, profile: file.profile };
    resolver = new RingResolver(file.ring, aead, sad, hkdfSha256, { profile: file.profile, late: true });
  }
  return {
    esp: new InboundEsp(aead, sad, resolver),
    ringSas: resolver?.made ?? [],
    ring,
    made: files.flatMap(({ file }) => (file.kind === 'ring' ? [] : (file.made ?? []))),
    cipher: { name: aead.name, passedOver: choice.passedOver },
    finish: () => {
      if (typeof espSa === 'string') writeEspSa(espSa, [...associations.values(), ...(resolver?.associations() ?? [])]);
      for (const association of associations.values()) association.keymat.wipe();
    },
  };
}

/**
 * The keys of `--ring`, which must be a ring, and of `--keys` beside it.
 * @returns undefined if neither is named
 * @throws UsageError, AeadError
 */
export function openRing(parsed: ParsedArguments): OpenedKeys | undefined {
  const path = parsed.values['ring'];
  const more = (parsed.values['keys'] as readonly string[] | undefined) ?? [];
  const ring = typeof path === 'string' ? [path] : [];
  const keys = openKeys({ operands: parsed.operands, values: { ...parsed.values, keys: [...ring, ...more] } });
  if (typeof path === 'string' && keys?.ring === undefined) {
    throw new UsageError(`${path}: it holds SAs, not a key ring; --keys takes it`);
  }
  return keys;
}

/** Takes a file's SAs; one that another file gave already is said if it has another key there. */
function addSas(
  path: string,
  file: ImportedSas,
  aead: Aead,
  sad: Sad<InboundSa>,
  associations: Map<InboundSa, SecurityAssociation>,
): void {
  for (const association of file.associations) {
    // The first packet of a capture is seldom the first of an SA.
    const sa = new InboundSa(association, aead, { late: true, lenient: file.lenient });
    const before = sad.find(sa.spi, sa.family, sa.destination, 0);
    if (before === undefined) {
      sad.add(sa);
      associations.set(sa, association);
      continue;
    }
    sa.close();
    if (associations.get(before)?.keymat.equals(association.keymat) === false) {
      const which = `SPI ${formatSpi(sa.spi)} to ${association.destination}`;
      say(`vtep: ${path}: ${which} has another key in a file before it, which is used`);
    }
  }
}

/** Writes a file that only its owner reads, since it holds the keys. */
function writeEspSa(path: string, associations: readonly SecurityAssociation[]): void {
  try {
    writeFileSync(path, formatEspSa(associations), { mode: OWNER_ONLY });
    // One that was there keeps its mode otherwise.
    chmodSync(path, OWNER_ONLY);
  } catch (error) {
    throw new UsageError(`${path}: can't be written (${(error as NodeJS.ErrnoException).code})`);
  }
  say(`${associations.length} SAs with their keys -> ${path}`);
}
