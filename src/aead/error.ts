import { VtepError } from '../error.js';

/** What can go wrong with a cipher backend; none of it comes from a packet. */
export type AeadErrorCode =
  /** No backend has that name. */
  | 'AEAD_UNKNOWN'
  /** The backend's library isn't there, or too old or too new. */
  | 'AEAD_UNAVAILABLE'
  /** The backend is there and gives wrong results. */
  | 'AEAD_SELF_TEST'
  | 'BAD_KEY_LENGTH'
  | 'TOO_MANY_KEYS'
  /** More bytes than HKDF gives. */
  | 'BAD_LENGTH'
  /** A batch names bytes that it doesn't have, an ICV length that ESP doesn't know, or a key that isn't held. */
  | 'BAD_AEAD_BATCH';

/** An error of the cipher backends. */
export class AeadError extends VtepError<AeadErrorCode> {}
