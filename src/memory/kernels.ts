/**
 * Memory of packets that WebAssembly reaches too, and what it does there: sums over whole packets, at the processor's width.
 * Where there is no WebAssembly with vectors, memory is plain, and JavaScript does it all.
 */

/** What is done in WebAssembly. Offsets are from the beginning of the memory's buffer. */
export interface Kernels {
  /**
   * The one's complement sum of bytes as little-endian 16-bit words (RFC 1071), folded to 16 bits and not inverted.
   * @param at where they begin
   * @param end where they end, at most 512 KiB further
   */
  readonly onesSum: (at: number, end: number) => number;
}

/** `kernels.wat` as bytes, in base64. */
export const KERNELS_WASM =
  'AGFzbQEAAAABBwFgAn9/AX8CEAEEdnRlcAZtZW1vcnkCAAADAgEABwsBB29uZXNTdW0AAAqDAgGAAgMCewF+AX8gAUEgayEFAkAg' +
  'ACAFSg0AA0AgAiAA/QAAAP1//a4BIQIgAyAA/QAAEP1//a4BIQMgAEEgaiEAIAAgBUwNAAsLIAIgA/2uASECIAL9GwCtIAL9GwGt' +
  'fCAC/RsCrSAC/RsDrXx8IQQCQANAIABBBGogAUoNASAEIAA1AAB8IQQgAEEEaiEADAALCyAAQQJqIAFMBEAgBCAAMwAAfCEEIABB' +
  'AmohAAsgACABSARAIAQgADEAAHwhBAsgBEL/////D4MgBEIgiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//A4MgBEIQiHwhBCAEQv//' +
  'A4MgBEIQiHwhBCAEpws=';

/** What is used of WebAssembly: of the libraries of types only the browsers' has it. */
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
/** Of each buffer that was made here. */
const kernels = new WeakMap<ArrayBufferLike, Kernels>();
/** Undefined until the first memory is made; null where the engine refuses it. */
let compiled: object | null | undefined;

function compile(): object | null {
  if (wasm === undefined) return null;
  try {
    return new wasm.Module(Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // Without vectors, or forbidden by a page's policy.
    return null;
  }
}

/**
 * Zeroed memory for packets; it never moves and never grows.
 * @param bytes how many
 */
export function packetMemory(bytes: number): Uint8Array {
  if (compiled === undefined) compiled = compile();
  if (wasm !== undefined && compiled !== null) {
    try {
      const pages = Math.ceil(bytes / PAGE);
      const memory = new wasm.Memory({ initial: pages, maximum: pages });
      const { exports } = new wasm.Instance(compiled, { vtep: { memory } });
      // An object of our own: properties of the exports' are looked up anew at each use.
      kernels.set(memory.buffer, { onesSum: (exports as Kernels).onesSum });
      return new Uint8Array(memory.buffer, 0, bytes);
    } catch {
      // No room for the addresses that such memory reserves: plain memory needs none.
    }
  }
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** What WebAssembly can do in a buffer, if it was made by `packetMemory`. */
export function kernelsOf(buffer: ArrayBufferLike): Kernels | undefined {
  return kernels.get(buffer);
}
