/** Foreign-function calls through koffi, an optional dependency. Internal. */
export { ForeignError, type ForeignErrorCode } from './error.js';
export {
  AddressCache,
  addressOf,
  CType,
  type ForeignFunction,
  ForeignLibrary,
  lastErrno,
  NativeMemory,
  tableMemory,
} from './library.js';
