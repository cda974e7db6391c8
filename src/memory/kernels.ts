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
}

/** The compiled `kernels.wat`, in base64. */
export const KERNELS_WASM =
  'AGFzbQEAAAABBwFgAn9/AX8CEAEEdnRlcAZtZW1vcnkCAAADAgEABwsBB29uZXNTdW0AAAqDAgGAAgMCewF+AX8gAUEgayEFAkAg' +
  'ACAFSg0AA0AgAiAA/QAAAP1//a4BIQIgAyAA/QAAEP1//a4BIQMgAEEgaiEAIAAgBUwNAAsLIAIgA/2uASECIAL9GwCtIAL9GwGt' +
  'fCAC/RsCrSAC/RsDrXx8IQQCQANAIABBBGogAUoNASAEIAA1AAB8IQQgAEEEaiEADAALCyAAQQJqIAFMBEAgBCAAMwAAfCEEIABB' +
  'AmohAAsgACABSARAIAQgADEAAHwhBAsgBEL/////D4MgBEIgiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//' +
  'A4MgBEIQiHwhBCAEpws=';

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
      const pages = Math.ceil(bytes / PAGE);
      const memory = new wasm.Memory({ initial: pages, maximum: pages });
      const { exports } = new wasm.Instance(compiled, { vtep: { memory } });
      // Copied to a plain object, since V8 looks up the properties of an exports object at every use.
      kernels.set(memory.buffer, { onesSum: (exports as Kernels).onesSum });
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
