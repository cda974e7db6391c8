/** Keys from wherever they are: files, texts, or a ring in memory. */
import { VtepError } from '../error.js';
import type { InboundEsp } from '../ipsec/index.js';
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
  readonly file: KeysFile;
  readonly borrowed: boolean;
}

/**
 * Reads keys, chooses a cipher and creates the SAs.
 * @param aead name of the cipher. Default: the fastest that works
 * @throws FramesError `KEYS_UNUSABLE`, AeadError
 */
export async function openKeys(input: KeysInput, aead?: string): Promise<OpenedKeys> {
  const { CaptureKeys } = await import('../overlay/keys/capture-keys.js');
  const { chooseAead, hkdfSha256 } = await import('../aead/index.js');
  const keys = new CaptureKeys();
  const warnings: string[] = [];
  let borrowed = false;
  const close = (): void => keys.wipe(borrowed);
  try {
    const sources = isList(input) ? input : [input];
    if (sources.length === 0) throw unusable('keys', 'the list is empty; leave it out instead');
    for (const source of sources) {
      const name = nameOf(source);
      const parsed = await parseSource(source, name);
      borrowed ||= parsed.borrowed;
      for (const warning of parsed.file.warnings) warnings.push(`${name}: ${warning}`);
      try {
        for (const warning of keys.add(parsed.file)) warnings.push(`${name}: ${warning}`);
      } catch (error) {
        wipeFile(parsed);
        throw unusable(name, (error as Error).message, error);
      }
    }
    const choice = chooseAead(aead);
    return { esp: keys.open(choice.aead, hkdfSha256).esp, cipher: choice.aead.name, warnings, close };
  } catch (error) {
    close();
    throw error;
  }
}

function unusable(name: string, reason: string, cause?: unknown): FramesError {
  return new FramesError('KEYS_UNUSABLE', `${name}: ${reason}`, { cause });
}

function isList(input: KeysInput): input is readonly KeySource[] {
  return Array.isArray(input);
}

function wipeFile({ file, borrowed }: ParsedKeys): void {
  if (borrowed) return;
  if (file.kind === 'ring') file.ring.wipe();
  else for (const { keymat } of file.associations) keymat.wipe();
}

function nameOf(source: KeySource): string {
  if (source instanceof URL) return source.href;
  return typeof source === 'string' && !isContents(source) ? source : 'keys';
}

async function parseSource(source: KeySource, name: string): Promise<ParsedKeys> {
  if (typeof source === 'string' || source instanceof URL) {
    const bytes = await readSource(source, 'KEYS_UNUSABLE', 'a file of keys');
    return { file: await parseBytes(name, bytes), borrowed: false };
  }
  // Not slice, which of a Buffer shares its memory.
  if (source instanceof Uint8Array) return { file: await parseBytes(name, new Uint8Array(source)), borrowed: false };
  const { KeyRing } = await import('../overlay/keys/key-ring.js');
  if (!(source instanceof KeyRing)) throw unusable(name, 'pass the path of a file, its contents, or a KeyRing');
  const { Profile } = await import('../overlay/profile.js');
  return { file: { kind: 'ring', ring: source, profile: Profile.Swarm, warnings: [] }, borrowed: true };
}

/** Parses keys, and wipes the bytes. */
async function parseBytes(name: string, bytes: Uint8Array): Promise<KeysFile> {
  const { parseKeys, extractKeys } = await import('../overlay/files.js');
  const utf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = utf16 ? undefined : extractKeys(bytes);
  try {
    // PowerShell redirects in UTF-16.
    return parseKeys(text ?? new TextDecoder('utf-16le').decode(bytes));
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw unusable(name, error.message, error);
  } finally {
    text?.wipe();
    bytes.fill(0);
  }
}
