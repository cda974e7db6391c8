import { ForeignError } from '../foreign/index.js';
import { AeadError } from './error.js';

/**
 * Creates something that depends on native code.
 * @throws AeadError `AEAD_UNAVAILABLE` if that code is missing
 */
export function native<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ForeignError)) throw error;
    throw new AeadError('AEAD_UNAVAILABLE', error.message, { cause: error });
  }
}
