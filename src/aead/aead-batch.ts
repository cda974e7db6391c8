/** The packets of one cipher call, as columns: each packet's byte range, ICV, key, nonce and additional data. */
import { AeadError } from './error.js';

/** Distance in bytes between nonces in `AeadBatch.nonce`, of which each uses the first 12. */
export const NONCE_STRIDE = 16;
/** Bytes of a nonce: salt (4) and IV (8), RFC 4106 section 4. */
export const NONCE_BYTES = 12;

/** Whether ESP with AES-GCM defines an ICV of this many bytes (RFC 4106 section 6). */
export function isIcvLength(length: number): boolean {
  return length === 8 || length === 12 || length === 16;
}

/**
 * Packets to seal or to open in place. The caller fills the columns of `count` packets; all bytes of a batch are in one
 * array, and no two packets' bytes or ICVs overlap. Native backends use the addresses of that array and of `nonce` and
 * `aad`, so the batch and the backend keep them alive and in place.
 */
export class AeadBatch {
  /** Number of packets. */
  count = 0;
  /** The array that `offset` and `icvOffset` refer to. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Key id, from `Aead.addKey`. */
  readonly key: Int32Array;
  /** Offset of the bytes to encrypt or decrypt. */
  readonly offset: Int32Array;
  /** Number of bytes to encrypt or decrypt; may be 0. */
  readonly length: Int32Array;
  /** Offset of the ICV. */
  readonly icvOffset: Int32Array;
  /** Size of the ICV in bytes: 8, 12 or 16. */
  readonly icvLength: Uint8Array;
  /** Nonces of 12 bytes each, one every 16 bytes. */
  readonly nonce: Uint8Array;
  /** The bytes of `nonce`, for writing whole words. */
  readonly nonceView: DataView;
  /** Additional data, one entry every `aadStride` bytes. */
  readonly aad: Uint8Array;
  /** The bytes of `aad`, for writing whole words. */
  readonly aadView: DataView;
  /** Size of the additional data in bytes. */
  readonly aadLength: Int32Array;
  /** Result of `open`: 1 if the ICV is correct, else 0, and the packet's bytes are wiped. */
  readonly verified: Uint8Array;

  /**
   * @param capacity maximum number of packets
   * @param aadStride bytes per packet for additional data
   */
  constructor(
    readonly capacity: number = 256,
    readonly aadStride: number = 16,
  ) {
    // Separate arrays, large enough that V8 doesn't keep them in its heap, where they would move.
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
   * Checks that every packet's ranges are within the arrays, and that its ICV is outside its bytes. Native code doesn't
   * check, so each backend calls this first. The caller ensures that packets don't overlap one another: comparing all
   * pairs would cost too much.
   * @throws AeadError `BAD_AEAD_BATCH`
   */
  check(): void {
    const { count, length, offset, icvOffset, icvLength, aadLength, aadStride } = this;
    const limit = this.bytes.length;
    if (!Number.isInteger(count) || count < 0 || count > this.capacity)
      throw new AeadError('BAD_AEAD_BATCH', `invalid packet count: ${count}`);
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
      if (!inside) throw new AeadError('BAD_AEAD_BATCH', `packet ${i} of the batch is out of range`);
      const overlaps = icvOffset[i] < offset[i] + length[i] && offset[i] < icvOffset[i] + icvLength[i];
      if (overlaps && length[i] > 0) {
        throw new AeadError('BAD_AEAD_BATCH', `packet ${i} of the batch has its ICV inside its own bytes`);
      }
    }
  }
}
