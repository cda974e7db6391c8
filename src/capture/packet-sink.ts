/** Output port for packets: a file, a stream, a live device. */
export interface PacketSink {
  /**
   * Writes one packet; its bytes are copied before this returns.
   * @param bytes holds the packet, `length` bytes from `offset`
   * @param originalLength length on the wire, in bytes
   * @param seconds whole seconds since 1970
   * @param nanoseconds within the second
   * @param interfaceId id returned by `addInterface`. Default: 0.
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
  /** Passes on buffered data. */
  flush(): void;
}

/** Receives bytes of a capture, which are valid only until it returns. */
export type ByteSink = (bytes: Uint8Array) => void;
