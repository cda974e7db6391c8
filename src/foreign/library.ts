/** Calls functions of native libraries through koffi, an optional dependency. Addresses are plain numbers. */
import { createRequire } from 'node:module';
import { ForeignError } from './error.js';

/** A native function; pointers are passed and returned as addresses. */
export type ForeignFunction = (...args: readonly number[]) => number;

/** The part of koffi used here; its own types aren't imported, since the package may be absent. */
interface Koffi {
  load(path: string | null): KoffiLibrary;
  address(value: Uint8Array): bigint | number;
  errno(): number;
  view(address: number, length: number): ArrayBuffer;
  proto(name: string, result: string, parameters: readonly string[]): unknown;
  decode(address: number, prototype: unknown): ForeignFunction;
}

interface KoffiLibrary {
  func(name: string, result: string, parameters: readonly string[]): ForeignFunction;
}

/** C types of parameters and results. Pointers are passed as addresses. */
export const CType = {
  Pointer: 'uintptr_t',
  Int: 'int',
  Uint32: 'uint32_t',
  Uint64: 'uint64_t',
  Int64: 'int64_t',
  Void: 'void',
} as const;
export type CType = (typeof CType)[keyof typeof CType];

/** The loaded package; undefined until first use. */
let koffi: Koffi | undefined;
let prototypes = 0;

function loadKoffi(): Koffi {
  try {
    if (koffi === undefined) {
      koffi = createRequire(import.meta.url)('koffi') as Koffi;
      errnoView = findErrno();
    }
    return koffi;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const why = missing ? 'is not installed (npm install koffi)' : `can't be loaded: ${firstLine(error)}`;
    throw new ForeignError('FOREIGN_UNAVAILABLE', `the package koffi ${why}`, { cause: error });
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}

/** A loaded library. */
export class ForeignLibrary {
  readonly #koffi: Koffi;
  readonly #library: KoffiLibrary;
  readonly #name: string;

  /**
   * @param path name or path for the dynamic loader; null for the symbols that the running program exports
   * @param hint how to install the library, quoted in the error
   * @throws ForeignError `FOREIGN_UNAVAILABLE`
   */
  constructor(path: string | null, hint: string) {
    this.#koffi = loadKoffi();
    this.#name = path ?? 'the program';
    try {
      this.#library = this.#koffi.load(path);
    } catch (error) {
      throw new ForeignError('FOREIGN_UNAVAILABLE', `cannot load ${this.#name} (${hint})`, { cause: error });
    }
  }

  /**
   * Looks up a function by name.
   * @throws ForeignError `FOREIGN_UNAVAILABLE` if the library doesn't export it
   */
  function(name: string, result: CType, parameters: readonly CType[]): ForeignFunction {
    try {
      return this.#library.func(name, result, parameters);
    } catch (error) {
      throw new ForeignError('FOREIGN_UNAVAILABLE', `${this.#name} does not export ${name}`, { cause: error });
    }
  }

  /** Makes the function at an address callable; for libraries that pass function pointers. */
  functionAt(address: number, result: CType, parameters: readonly CType[]): ForeignFunction {
    return this.#koffi.decode(address, this.#koffi.proto(`vtep${prototypes++}`, result, parameters));
  }
}

/** View of this thread's `errno`; undefined if the C library doesn't expose its address. */
let errnoView: Int32Array | undefined;

function findErrno(): Int32Array | undefined {
  const loaded = loadKoffi();
  try {
    // glibc and musl; each thread has its own, and its own instance of this module.
    const location = loaded.load(null).func('__errno_location', CType.Pointer, []);
    return new Int32Array(loaded.view(location(), 4));
  } catch {
    return undefined;
  }
}

/**
 * The `errno` set by this thread's last foreign call. Read it immediately, since any other call may change it. For the
 * same reason it is read from memory where possible, not by a call.
 */
export function lastErrno(): number {
  return errnoView === undefined ? loadKoffi().errno() : errnoView[0];
}

/**
 * The address of an array's first byte, valid as long as the array is alive. V8 keeps small arrays in its own heap,
 * where they may move; accessing `buffer` first moves their bytes to a fixed address.
 */
export function addressOf(bytes: Uint8Array): number {
  if (bytes.buffer.byteLength === 0) return 0;
  return Number(loadKoffi().address(bytes));
}

/**
 * Zeroed memory that native code may keep pointers into. It never moves, and lives as long as this object: don't keep
 * `address` without a reference to it.
 */
export class NativeMemory {
  readonly bytes: Uint8Array;
  /** Address of the first byte. */
  readonly address: number;

  /**
   * @param size bytes
   * @param alignment alignment of the address in bytes, a power of two. Default: 64.
   */
  constructor(size: number, alignment = 64) {
    const buffer = new ArrayBuffer(size + alignment);
    const start = addressOf(new Uint8Array(buffer));
    const padding = (alignment - (start % alignment)) % alignment;
    this.bytes = new Uint8Array(buffer, padding, size);
    this.address = start + padding;
  }
}

/** Size of a huge page on x86-64 and most ARM64 systems. */
const HUGE_PAGE = 1 << 21;
/** MADV_HUGEPAGE. */
const ADVICE_HUGE_PAGE = 14;

/**
 * Memory for tables that are accessed at random. If it is large, the kernel is asked for huge pages: with the usual
 * ones most accesses would wait for the page's address as well. Memory without them works the same.
 */
export function tableMemory(size: number): NativeMemory {
  if (size < HUGE_PAGE || process.platform !== 'linux') return new NativeMemory(size);
  const memory = new NativeMemory(size, HUGE_PAGE);
  try {
    const advise = loadKoffi().load(null).func('madvise', CType.Int, [CType.Pointer, CType.Uint64, CType.Int]);
    advise(memory.address, size, ADVICE_HUGE_PAGE);
  } catch {
    // A C library without madvise.
  }
  return memory;
}

/** Caches the address of the array used last, and keeps that array alive. */
export class AddressCache {
  #bytes: Uint8Array = new Uint8Array(0);
  #buffer: ArrayBufferLike = this.#bytes.buffer;
  #address = 0;

  /** The address of an array's first byte. */
  of(bytes: Uint8Array): number {
    if (this.#bytes !== bytes || this.#buffer !== bytes.buffer) {
      this.#address = addressOf(bytes);
      this.#bytes = bytes;
      this.#buffer = bytes.buffer;
    }
    return this.#address;
  }
}
