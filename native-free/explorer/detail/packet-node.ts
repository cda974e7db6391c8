/** A packet as a tree of layers and fields, each with the bytes that it stands for. */

/** A run of bytes that a packet is shown as: the packet itself, what fragments made, what ESP held. */
export interface PacketBytes {
  /** `Packet`, `Reassembled` or `Decrypted`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A layer, a field, or a remark. */
export interface PacketNode {
  readonly label: string;
  /** For a layer, the most important of its fields, as far as it has any. */
  readonly value: string;
  /** Index of its bytes among those of the packet. */
  readonly buffer: number;
  /** The bytes that it stands for; `to` equals `from` if none. */
  readonly from: number;
  readonly to: number;
  /** Whether something is wrong here. */
  readonly fault?: boolean;
  /** Filter that selects packets with the same value. */
  readonly filter?: string;
  readonly children: readonly PacketNode[];
}

/** A packet in full. */
export interface PacketDetail {
  readonly buffers: readonly PacketBytes[];
  readonly layers: readonly PacketNode[];
}
