/** The packets that a cipher works on, as columns: where each one's bytes stand, and what goes with them. */
import { AeadError } from './error.js';

/** Bytes from one nonce to the next in `AeadBatch.nonce`; each uses the first 12. */
export const NONCE_STRIDE = 16;
/** Bytes of a nonce: salt (4) and IV (8), RFC 4106 section 4. */
export const NONCE_BYTES = 12;

/** Whether ESP with AES-GCM knows an ICV of that many bytes (RFC 4106 section 6). */
export function isIcvLength(length: number): boolean {
  return length === 8 || length === 12 || length === 16;
}

/**
 * Packets to seal or to open in place. The caller fills the columns of `count` packets; all bytes of one batch are in one
 * array, and no two packets' bytes or ICVs overlap. Native backends see that array, `nonce` and `aad` by their addresses:
 * the batch and the backend keep them alive and in place.
 */
export class AeadBatch {
  /** How many packets there are. */
  count = 0;
  /** What `offset` and `icvOffset` point into. */
  bytes: Uint8Array = new Uint8Array(0);
  /** What `Aead.addKey` gave. */
  readonly key: Int32Array;
  /** Where the bytes to encrypt or decrypt begin. */
  readonly offset: Int32Array;
  /** How many they are; 0 will do. */
  readonly length: Int32Array;
  /** Where the ICV stands, or goes. */
  readonly icvOffset: Int32Array;
  /** Bytes of the ICV: 8, 12 or 16. */
  readonly icvLength: Uint8Array;
  /** Nonces of 12 bytes each, one every 16 bytes. */
  readonly nonce: Uint8Array;
  /** The same bytes, to be written word by word. */
  readonly nonceView: DataView;
  /** Additional data, one every `aadStride` bytes. */
  readonly aad: Uint8Array;
  readonly aadView: DataView;
  /** Bytes of additional data of each. */
  readonly aadLength: Int32Array;
  /** What `open` found: 1 where the ICV is right. The bytes of the others are wiped. */
  readonly verified: Uint8Array;

  /**
   * @param capacity packets at the most
   * @param aadStride bytes for each packet's additional data
   */
  constructor(
    readonly capacity: number = 256,
    readonly aadStride: number = 16,
  ) {
    // Arrays of their own, not small enough for V8 to keep them in its heap, where they would move.
    this.key = new Int32Array(capacity);
    this.offset = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.icvOffset = new Int32Array(capacity);
    this.icvLength = new Uint8Array(capacity);
    this.nonce = new Uint8Array(new ArrayBuffer(capacity * NONCE_STRIDE));
    this.aad = new Uint8Array(new ArrayBuffer(Math.max(1, capacity * aadStride)));
    this.nonceView = new DataView(this.nonce.buffer);
    this.aadView = new DataView(this.aad.buffer);
    this.aadLength = new Int32Array(capacity);
    this.verified = new Uint8Array(capacity);
  }

  /**
   * Whether every packet's columns lie within the arrays, and its ICV outside its bytes. Native code believes them, so each
   * backend asks first. That no two packets overlap is up to the caller: comparing all with all would cost more than it saves.
   * @throws AeadError `BAD_AEAD_BATCH`
   */
  check(): void {
    const { count, length, offset, icvOffset, icvLength, aadLength, aadStride } = this;
    const limit = this.bytes.length;
    if (!Number.isInteger(count) || count < 0 || count > this.capacity)
      throw new AeadError('BAD_AEAD_BATCH', `a batch of ${count} packets`);
    for (let i = 0; i < count; i++) {
      const inside =
        offset[i] >= 0 &&
        length[i] >= 0 &&
        offset[i] + length[i] <= limit &&
        icvOffset[i] >= 0 &&
        icvOffset[i] + icvLength[i] <= limit &&
        aadLength[i] >= 0 &&
        aadLength[i] <= aadStride &&
        isIcvLength(icvLength[i]);
      if (!inside) throw new AeadError('BAD_AEAD_BATCH', `packet ${i} of the batch leads beyond its bytes`);
      const overlaps = icvOffset[i] < offset[i] + length[i] && offset[i] < icvOffset[i] + icvLength[i];
      if (overlaps && length[i] > 0) {
        throw new AeadError('BAD_AEAD_BATCH', `packet ${i} of the batch has its ICV within its own bytes`);
      }
    }
  }
}
