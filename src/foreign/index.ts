/** Calls of native code, by the optional package koffi; internal. */
export { ForeignError, type ForeignErrorCode } from './error.js';
export { AddressCache, addressOf, CType, type ForeignFunction, ForeignLibrary, NativeMemory } from './library.js';
