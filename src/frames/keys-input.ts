/** Keys from wherever they are: files, texts, or a ring in memory. */
import type { Aead } from '../aead/index.js';
import { VtepError } from '../error.js';
import type { InboundEsp, InboundSa, SecurityAssociation } from '../ipsec/index.js';
import type { KeysFile } from '../overlay/files.js';
import type { KeyRing } from '../overlay/index.js';
import { FramesError } from './error.js';
import { isContents, readSource } from './read-source.js';

/**
 * Keys that decrypt a capture: the path or `file:` URL of a file, its contents (bytes, or a text of more than one line),
 * or a key ring. The formats are those of `--keys`: the output of `ip xfrm state`, Wireshark's `esp_sa`, the lines of
 * Swarm's raft store, and key rings in YAML or JSON.
 */
export type KeySource = string | URL | Uint8Array | KeyRing;

/** One source of keys, or several; at most one of them may be a key ring. */
export type KeysInput = KeySource | readonly KeySource[];

/** Decrypts the packets of one pass over a capture. */
export interface OpenedKeys {
  readonly esp: InboundEsp;
  /** Name of the cipher in use. */
  readonly cipher: string;
  /** Lines of the key files that could not be used, and why. */
  readonly warnings: readonly string[];
  /** Wipes the keys. Key rings that the caller passed in stay usable. */
  close(): void;
}

/** A parsed source, and whether its keys are the caller's. */
interface ParsedKeys {
  readonly name: string;
  readonly file: KeysFile;
  readonly borrowed: boolean;
}

/**
 * Reads keys, chooses a cipher and creates the SAs.
 * @param aead name of the cipher. Default: the fastest that works
 * @throws FramesError `KEYS_UNUSABLE`, AeadError
 */
export async function openKeys(input: KeysInput, aead?: string): Promise<OpenedKeys> {
  const parsed: ParsedKeys[] = [];
  const wipe = (): void => {
    for (const { file, borrowed } of parsed) if (!borrowed) wipeFile(file);
  };
  try {
    for (const source of isList(input) ? input : [input]) parsed.push(await parseSource(source));
    if (parsed.length === 0) throw new FramesError('KEYS_UNUSABLE', 'keys: the list is empty; leave it out instead');
    const { chooseAead } = await import('../aead/index.js');
    const choice = chooseAead(aead);
    return await createSas(parsed, choice.aead, wipe);
  } catch (error) {
    wipe();
    throw error;
  }
}

function isList(input: KeysInput): input is readonly KeySource[] {
  return Array.isArray(input);
}

function wipeFile(file: KeysFile): void {
  if (file.kind === 'ring') file.ring.wipe();
  else for (const { keymat } of file.associations) keymat.wipe();
}

async function createSas(parsed: readonly ParsedKeys[], aead: Aead, wipe: () => void): Promise<OpenedKeys> {
  const { checkSecurityAssociation, formatSpi, InboundEsp, InboundSa, Sad } = await import('../ipsec/index.js');
  const { RingResolver } = await import('../overlay/keys/ring-resolver.js');
  const { hkdfSha256 } = await import('../aead/hkdf.js');
  const warnings: string[] = [];
  const sad = new Sad();
  const known = new Map<string, SecurityAssociation>();
  let resolver: InstanceType<typeof RingResolver> | undefined;
  for (const { name, file } of parsed) {
    for (const warning of file.warnings) warnings.push(`${name}: ${warning}`);
    if (file.kind === 'ring') {
      if (resolver !== undefined) {
        throw new FramesError('KEYS_UNUSABLE', `${name}: only one key ring is allowed; put all keys into one`);
      }
      // A capture rarely starts with the first packet of an SA.
      resolver = new RingResolver(file.ring, aead, sad, hkdfSha256, { profile: file.profile, midStream: true });
      continue;
    }
    for (const association of file.associations) {
      const { destination } = checkSecurityAssociation(association);
      const id = `${association.spi} ${destination.join('.')}`;
      const before = known.get(id);
      if (before === undefined) {
        known.set(id, association);
        // NAT may have changed the source address.
        const options = { midStream: true, inferMode: file.inferMode, anySource: true };
        sad.add(new InboundSa(association, aead, options));
      } else if (!before.keymat.equals(association.keymat)) {
        const which = `SPI ${formatSpi(association.spi)} to ${association.destination}`;
        warnings.push(`${name}: ${which} has a different key in an earlier file, which is used`);
      }
    }
  }
  const close = (): void => {
    for (const sa of [...sad]) closeSa(sa);
    wipe();
  };
  const closeSa = (sa: InboundSa): void => {
    sad.delete(sa);
    sa.close();
  };
  return { esp: new InboundEsp(aead, sad, resolver), cipher: aead.name, warnings, close };
}

function nameOf(source: KeySource): string {
  if (source instanceof URL) return source.href;
  return typeof source === 'string' && !isContents(source) ? source : 'keys';
}

async function parseSource(source: KeySource): Promise<ParsedKeys> {
  const name = nameOf(source);
  if (typeof source === 'string' || source instanceof URL) {
    const bytes = await readSource(source, 'KEYS_UNUSABLE', 'a file of keys');
    return { name, file: await parseBytes(name, bytes), borrowed: false };
  }
  if (source instanceof Uint8Array)
    return { name, file: await parseBytes(name, new Uint8Array(source)), borrowed: false };
  const { KeyRing } = await import('../overlay/keys/key-ring.js');
  if (source instanceof KeyRing) {
    const { Profile } = await import('../overlay/profile.js');
    return { name, file: { kind: 'ring', ring: source, profile: Profile.Swarm, warnings: [] }, borrowed: true };
  }
  throw new FramesError('KEYS_UNUSABLE', 'keys: pass the path of a file, its contents, or a KeyRing');
}

/** Parses keys, and wipes the bytes. */
async function parseBytes(name: string, bytes: Uint8Array): Promise<KeysFile> {
  const { parseKeys, takeKeys } = await import('../overlay/files.js');
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = utf16 ? undefined : takeKeys(bytes);
  try {
    // PowerShell redirects in UTF-16.
    return parseKeys(text ?? new TextDecoder('utf-16le').decode(bytes));
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new FramesError('KEYS_UNUSABLE', `${name}: ${error.message}`, { cause: error });
  } finally {
    text?.wipe();
    bytes.fill(0);
  }
}
