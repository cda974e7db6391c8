/**
 * Packet memory shared with WebAssembly, and the kernels that run on it: SIMD sums over whole packets. Without
 * WebAssembly SIMD, memory is plain and JavaScript does all the work.
 */

/** The WebAssembly kernels. Offsets are from the beginning of the memory's buffer. */
export interface Kernels {
  /**
   * The one's complement sum of bytes as little-endian 16-bit words (RFC 1071), folded to 16 bits and not inverted.
   * @param at start offset
   * @param end end offset, at most 512 KiB after `at`
   */
  readonly onesSum: (at: number, end: number) => number;
}

/** `kernels.wat` compiled, in base64. */
export const KERNELS_WASM =
  'AGFzbQEAAAABBwFgAn9/AX8CEAEEdnRlcAZtZW1vcnkCAAADAgEABwsBB29uZXNTdW0AAAqDAgGAAgMCewF+AX8gAUEgayEFAkAg' +
  'ACAFSg0AA0AgAiAA/QAAAP1//a4BIQIgAyAA/QAAEP1//a4BIQMgAEEgaiEAIAAgBUwNAAsLIAIgA/2uASECIAL9GwCtIAL9GwGt' +
  'fCAC/RsCrSAC/RsDrXx8IQQCQANAIABBBGogAUoNASAEIAA1AAB8IQQgAEEEaiEADAALCyAAQQJqIAFMBEAgBCAAMwAAfCEEIABB' +
  'AmohAAsgACABSARAIAQgADEAAHwhBAsgBEL/////D4MgBEIgiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//' +
  'A4MgBEIQiHwhBCAEpws=';

/** The part of WebAssembly's API used here: only the DOM type library declares it. */
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
/** Kernels by buffer, for buffers made here. */
const kernels = new WeakMap<ArrayBufferLike, Kernels>();
/** Undefined until the first memory is made; null if the engine can't compile it. */
let compiled: object | null | undefined;

function compile(): object | null {
  if (wasm === undefined) return null;
  try {
    return new wasm.Module(Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, or forbidden by a page's policy.
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
      // A plain object: V8 looks up properties of the exports object anew at each use.
      kernels.set(memory.buffer, { onesSum: (exports as Kernels).onesSum });
      return new Uint8Array(memory.buffer, 0, bytes);
    } catch {
      // Not enough address space to reserve; plain memory needs no reservation.
    }
  }
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** The kernels for a buffer, if `packetMemory` made it. */
export function kernelsOf(buffer: ArrayBufferLike): Kernels | undefined {
  return kernels.get(buffer);
}
