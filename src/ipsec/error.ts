import { VtepError } from '../error.js';

/** Errors in a security association or in keys from the caller; never caused by a packet. */
export type IpsecErrorCode =
  | 'BAD_KEY_LENGTH'
  | 'BAD_SPI'
  | 'BAD_ADDRESS'
  | 'BAD_ICV_LENGTH'
  | 'BAD_REPLAY_WINDOW'
  | 'BAD_LIMIT'
  | 'BAD_PORT'
  | 'BAD_SEQUENCE'
  | 'BAD_IV_MASK'
  /** Two security associations with the same SPI and destination. */
  | 'DUPLICATE_SPI'
  /** The SAD is full. */
  | 'SAD_FULL';

/** An error of the IPsec code. Its message never contains a key. */
export class IpsecError extends VtepError<IpsecErrorCode> {}
