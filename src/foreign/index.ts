/** Foreign-function calls by the optional package koffi; internal. */
export { ForeignError, type ForeignErrorCode } from './error.js';
export {
  AddressCache,
  addressOf,
  CType,
  type ForeignFunction,
  ForeignLibrary,
  lastErrno,
  NativeMemory,
} from './library.js';
