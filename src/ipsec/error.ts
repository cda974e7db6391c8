import { VtepError } from '../error.js';

/** What can be wrong with a security association or with the keys that a caller gives; never with a packet. */
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
  /** Two security associations with one SPI and destination. */
  | 'DUPLICATE_SPI'
  /** An SAD without room. */
  | 'SAD_FULL';

/** An error of the IPsec floor. Its message never holds a key. */
export class IpsecError extends VtepError<IpsecErrorCode> {}
