/** The part of WebCrypto that is used, and what it can do here. */

/** A key that WebCrypto holds. */
export type SubtleKey = object;

/** Parameters of AES-GCM in WebCrypto. */
export interface GcmParameters {
  readonly name: 'AES-GCM';
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly tagLength: number;
}

/** What is used of `crypto.subtle`. */
export interface Subtle {
  /** Imports an AES key of 16, 24 or 32 bytes. */
  importKey(
    format: 'raw',
    key: Uint8Array,
    algorithm: 'AES-GCM',
    extractable: boolean,
    usages: readonly ('encrypt' | 'decrypt')[],
  ): Promise<SubtleKey>;
  /** Returns the ciphertext, followed by the ICV. */
  encrypt(parameters: GcmParameters, key: SubtleKey, data: Uint8Array): Promise<ArrayBuffer>;
  /** Takes the ciphertext and the ICV; rejects if the ICV is wrong. */
  decrypt(parameters: GcmParameters, key: SubtleKey, data: Uint8Array): Promise<ArrayBuffer>;
}

const NAME = 'AES-GCM';
/** Lengths of ESP's ICVs (RFC 4106 section 6), in bytes. */
const ICV_LENGTHS = [8, 12, 16] as const;

/** WebCrypto of this browser or Node; undefined where there is none: browsers have it in secure contexts only. */
export function subtleHere(): Subtle | undefined {
  const { crypto } = globalThis as { readonly crypto?: { readonly subtle?: Subtle } };
  return crypto?.subtle;
}

export function gcm(iv: Uint8Array, additionalData: Uint8Array, icvLength: number): GcmParameters {
  return { name: NAME, iv, additionalData, tagLength: 8 * icvLength };
}

/**
 * The ICV lengths that it decrypts with, in bytes. A browser says no more about a tag length that it doesn't take than about a
 * wrong tag, so it is tried.
 */
export async function icvLengthsOf(subtle: Subtle): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  const text = Uint8Array.from({ length: 20 }, (_, i) => i);
  const iv = text.subarray(0, 12);
  const aad = text.subarray(0, 8);
  for (const length of ICV_LENGTHS) {
    try {
      const key = await subtle.importKey('raw', new Uint8Array(16), NAME, false, ['encrypt', 'decrypt']);
      const sealed = new Uint8Array(await subtle.encrypt(gcm(iv, aad, length), key, text));
      const opened = new Uint8Array(await subtle.decrypt(gcm(iv, aad, length), key, sealed));
      const isRight = sealed.length === text.length + length && opened.every((byte, i) => byte === text[i]);
      if (isRight && opened.length === text.length) found.add(length);
    } catch {
      continue;
    }
  }
  return found;
}
