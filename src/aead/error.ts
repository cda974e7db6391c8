import { VtepError } from '../error.js';

/** Failures of a cipher backend; none is caused by a packet. */
export type AeadErrorCode =
  /** No backend has that name. */
  | 'AEAD_UNKNOWN'
  /** The backend's library is missing or of an unsupported version. */
  | 'AEAD_UNAVAILABLE'
  /** The backend runs, but gives wrong results. */
  | 'AEAD_SELF_TEST'
  | 'BAD_KEY_LENGTH'
  | 'TOO_MANY_KEYS'
  /** More bytes than HKDF can produce. */
  | 'BAD_LENGTH'
  /** A batch has out-of-range bytes, an ICV length that ESP doesn't define, or an unknown key id. */
  | 'BAD_AEAD_BATCH';

/** An error of a cipher backend. */
export class AeadError extends VtepError<AeadErrorCode> {}
