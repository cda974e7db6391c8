/**
 * Packet memory shared with WebAssembly, and the kernels that run on it: SIMD sums over whole packets. Without
 * WebAssembly SIMD, packet memory is an ordinary buffer and JavaScript does all the work.
 */

/** The WebAssembly kernels. Offsets are relative to the start of the memory's buffer. */
export interface Kernels {
  /**
   * The one's complement sum of bytes as little-endian 16-bit words (RFC 1071), folded to 16 bits and not inverted.
   * @param at start offset
   * @param end end offset, at most 512 KiB after `at`
   */
  readonly onesSum: (at: number, end: number) => number;
  /**
   * The same for many ranges in one call, which costs as much as summing a few hundred bytes.
   * @param list offset of the list: the start and end of each range; its beginning is overwritten by their sums
   * @param count number of ranges, at most `KERNEL_RANGES`
   */
  readonly onesSums: (list: number, count: number) => void;
  /** The list in the memory, after the packets. */
  readonly list: Int32Array;
}

/** Maximum number of ranges that are summed in one call. */
export const KERNEL_RANGES = 256;

/** The compiled `kernels.wat`, in base64. */
export const KERNELS_WASM =
  'AGFzbQEAAAABDAJgAn9/AX9gAn9/AAIQAQR2dGVwBm1lbW9yeQIAAAMDAgABBxYCB29uZXNTdW0AAAhvbmVzU3VtcwABCsQCAoACAwJ7' +
  'AX4BfyABQSBrIQUCQCAAIAVKDQADQCACIAD9AAAA/X/9rgEhAiADIAD9AAAQ/X/9rgEhAyAAQSBqIQAgACAFTA0ACwsgAiAD/a4BIQIg' +
  'Av0bAK0gAv0bAa18IAL9GwKtIAL9GwOtfHwhBAJAA0AgAEEEaiABSg0BIAQgADUAAHwhBCAAQQRqIQAMAAsLIABBAmogAUwEQCAEIAAz' +
  'AAB8IQQgAEECaiEACyAAIAFIBEAgBCAAMQAAfCEECyAEQv////8PgyAEQiCIfCEEIARC//8DgyAEQhCIfCEEIARC//8DgyAEQhCIfCEE' +
  'IARC//8DgyAEQhCIfCEEIASnC0ABAn8gACECIAAgAUEDdGohAwJAA0AgAiADTw0BIAAgAigCACACKAIEEAA2AgAgAkEIaiECIABBBGoh' +
  'AAwACwsL';

/** The part of the WebAssembly API used here; TypeScript declares it only in its DOM library. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (options: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Instance: new (
    module: object,
    imports: { readonly vtep: { readonly memory: WasmMemory } },
  ) => {
    readonly exports: unknown;
  };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

const PAGE = 65_536;
const WORD = 4;
const LIST_BYTES = 2 * WORD * KERNEL_RANGES;
const wasm = (globalThis as unknown as { readonly WebAssembly?: WasmApi }).WebAssembly;
/** Kernels of the buffers that `packetMemory` allocated. */
const kernels = new WeakMap<ArrayBufferLike, Kernels>();
/** The compiled module: undefined before the first allocation, null if the engine can't compile it. */
let compiled: object | null | undefined;

function compile(): object | null {
  if (wasm === undefined) return null;
  try {
    return new wasm.Module(Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, or the page's content security policy forbids WebAssembly.
    return null;
  }
}

/**
 * Allocates zeroed packet memory; it never moves and never grows.
 * @param bytes size
 */
export function packetMemory(bytes: number): Uint8Array {
  if (compiled === undefined) compiled = compile();
  if (wasm !== undefined && compiled !== null) {
    try {
      const list = Math.ceil(bytes / WORD) * WORD;
      const pages = Math.ceil((list + LIST_BYTES) / PAGE);
      const memory = new wasm.Memory({ initial: pages, maximum: pages });
      const { exports } = new wasm.Instance(compiled, { vtep: { memory } });
      // Copied to a plain object, since V8 looks up the properties of an exports object at every use.
      const { onesSum, onesSums } = exports as Omit<Kernels, 'list'>;
      kernels.set(memory.buffer, { onesSum, onesSums, list: new Int32Array(memory.buffer, list, 2 * KERNEL_RANGES) });
      return new Uint8Array(memory.buffer, 0, bytes);
    } catch {
      // Not enough address space to reserve. An ordinary buffer needs no reservation.
    }
  }
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** The kernels for a buffer, if `packetMemory` made it. */
export function kernelsOf(buffer: ArrayBufferLike): Kernels | undefined {
  return kernels.get(buffer);
}
