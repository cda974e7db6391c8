/**
 * Seals what a run has in the queue: jobs, keys, captures and outcomes. The run has a random key of its own, which is in each job,
 * sealed with the key-encryption key.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomFillSync } from 'node:crypto';
import { CaptureJobError } from './error.js';

const CIPHER = 'aes-256-gcm';
const VERSION = 1;
const KEY_LENGTH = 32;
const SALT_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const BODY_AT = 1 + SALT_LENGTH;
const LABEL = 'vtep run 1';

/** Bytes that a sealed message is longer than what is in it. */
export const SEAL_OVERHEAD = BODY_AT + TAG_LENGTH;

/** The key that seals keys: `Kek`, or what a test has. */
export interface KeySealer {
  seal(context: string, plain: Uint8Array, random: (bytes: Uint8Array) => void): Uint8Array;
  open(context: string, sealed: Uint8Array): Uint8Array;
}

/**
 * The key of a run. AES-256-GCM, under a key and a nonce that HKDF-SHA256 derives from it with a random salt for each message; a
 * message opens only in the context that it was sealed in.
 *
 *     | version 1 (1 byte) | salt (32) | ciphertext | tag (16) |
 */
export class RunSeal {
  readonly #key: Uint8Array;

  private constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** A new random key. */
  static create(): RunSeal {
    return new RunSeal(randomFillSync(new Uint8Array(KEY_LENGTH)));
  }

  /**
   * The key of a run in a job of it.
   * @throws StoreError `SEALED`; CaptureJobError `SEALED`
   */
  static open(run: string, sealed: Uint8Array, sealer: KeySealer): RunSeal {
    const key = sealer.open(contextOf(run), sealed);
    if (key.length !== KEY_LENGTH) throw new CaptureJobError('SEALED', `a run's key of ${key.length} bytes`);
    return new RunSeal(key);
  }

  /** This key, sealed for the jobs of the run. */
  sealedFor(run: string, sealer: KeySealer): Uint8Array {
    return sealer.seal(contextOf(run), this.#key, (bytes) => randomFillSync(bytes));
  }

  seal(context: string, plain: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(SEAL_OVERHEAD + plain.length);
    sealed[0] = VERSION;
    const salt = sealed.subarray(1, BODY_AT);
    randomFillSync(salt);
    const { key, nonce } = this.#derived(context, salt);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
    sealed.set(cipher.update(plain), BODY_AT);
    cipher.final();
    sealed.set(cipher.getAuthTag(), sealed.length - TAG_LENGTH);
    return sealed;
  }

  /** @throws CaptureJobError `SEALED` if another key or context sealed it, or it was changed */
  open(context: string, sealed: Uint8Array): Uint8Array {
    const length = sealed.length - SEAL_OVERHEAD;
    if (length < 0 || sealed[0] !== VERSION) throw new CaptureJobError('SEALED', `${context} is not sealed`);
    const { key, nonce } = this.#derived(context, sealed.subarray(1, BODY_AT));
    const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
    cipher.setAuthTag(sealed.subarray(BODY_AT + length));
    const plain = cipher.update(sealed.subarray(BODY_AT, BODY_AT + length));
    try {
      cipher.final();
      return plain;
    } catch {
      plain.fill(0);
      throw new CaptureJobError('SEALED', `${context} is not sealed with the key of the run, or was changed since`);
    }
  }

  wipe(): void {
    this.#key.fill(0);
  }

  #derived(context: string, salt: Uint8Array): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
    const bytes = new Uint8Array(
      hkdfSync('sha256', this.#key, salt, `${LABEL}\0${context}`, KEY_LENGTH + NONCE_LENGTH),
    );
    return { key: bytes.subarray(0, KEY_LENGTH), nonce: bytes.subarray(KEY_LENGTH) };
  }
}

function contextOf(run: string): string {
  return `captures/${run}`;
}

/** Most bytes of a piece of a file that is sealed. */
export const PIECE_LENGTH = 1 << 20;

/**
 * Seals a file in pieces of one length, each with its index and whether it is the last: none can be swapped, left out or added.
 * @param pieces of any length
 */
export async function* sealedPieces(
  seal: RunSeal,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const { piece, index, isLast } of numbered(inLengths(pieces, PIECE_LENGTH))) {
    yield sealedAndWiped(seal, pieceContext(name, index, isLast), piece);
  }
}

/** The piece is a copy that nobody else wipes, and there may be keys in it. */
function sealedAndWiped(seal: RunSeal, context: string, piece: Uint8Array): Uint8Array {
  const sealed = seal.seal(context, piece);
  piece.fill(0);
  return sealed;
}

/**
 * Opens what `sealedPieces` sealed.
 * @param pieces of any length
 * @throws CaptureJobError `SEALED`
 */
export async function* openedPieces(
  seal: RunSeal,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const { piece, index, isLast } of numbered(inLengths(pieces, PIECE_LENGTH + SEAL_OVERHEAD))) {
    yield seal.open(pieceContext(name, index, isLast), piece);
  }
}

function pieceContext(name: string, index: number, last: boolean): string {
  return `${name} ${index}${last ? ' end' : ''}`;
}

/** The same bytes in pieces of one length; the last one may be shorter. The pieces are copies. */
async function* inLengths(pieces: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let whole = new Uint8Array(length);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + length - filled);
      whole.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < length) continue;
      yield whole;
      whole = new Uint8Array(length);
      filled = 0;
    }
  }
  if (filled > 0) yield whole.subarray(0, filled);
}

/** Pieces with their indexes, and which is the last: an empty one if there is none. */
async function* numbered(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly piece: Uint8Array; readonly index: number; readonly isLast: boolean }> {
  let index = 0;
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held !== undefined) yield { piece: held, index: index++, isLast: false };
    held = piece;
  }
  yield { piece: held ?? new Uint8Array(), index, isLast: true };
}
