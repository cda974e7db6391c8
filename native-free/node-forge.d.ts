/** The parts of node-forge 1.4 used here, imported file by file, since the whole package would include TLS and more. */
declare module 'node-forge/lib/forge.js' {
  /** Bytes in a string, one character each: read at its start and written at its end. */
  export interface ByteStringBuffer {
    length(): number;
    getByte(): number;
    getBytes(count?: number): string;
    bytes(): string;
  }

  export interface BlockCipher {
    /** The output so far. */
    readonly output: ByteStringBuffer;
    readonly mode: { readonly tag: ByteStringBuffer };
    start(options: { iv: string; additionalData: string; tagLength: number; tag?: string }): void;
    update(input: ByteStringBuffer): void;
    finish(): boolean;
  }

  export interface Hmac {
    start(hash: 'sha256', key: string): void;
    update(bytes: string): void;
    digest(): ByteStringBuffer;
  }

  interface Forge {
    readonly cipher: {
      createCipher(algorithm: 'AES-GCM', key: string): BlockCipher;
      createDecipher(algorithm: 'AES-GCM', key: string): BlockCipher;
    };
    readonly hmac: { create(): Hmac };
    readonly util: {
      createBuffer(bytes?: string): ByteStringBuffer;
      binary: { raw: { encode(bytes: Uint8Array): string } };
    };
  }

  const forge: Forge;
  export { forge as default };
}
declare module 'node-forge/lib/aes.js';
declare module 'node-forge/lib/hmac.js';
declare module 'node-forge/lib/sha256.js';
