/** The port through which packets go out: a file, a stream, a live device. */
export interface PacketSink {
  /**
   * Takes over one packet; the bytes are copied before it returns.
   * @param bytes what the packet stands in, from `offset`, `length` bytes of it
   * @param originalLength bytes that it had on the wire
   * @param seconds whole seconds since 1970
   * @param nanoseconds within the second
   * @param interfaceId number of the interface, as `addInterface` gave it; 0 where there is one
   */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
    interfaceId?: number,
  ): void;
  /** Hands on what is still held back. */
  flush(): void;
}

/** Where the bytes of a capture go; it has used them when it returns. */
export type ByteSink = (bytes: Uint8Array) => void;
