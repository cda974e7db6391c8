/** The flows of a capture as typed columns: addresses, ports, protocol and network, and what each side sent. */

/** Most flows; packets of further ones have none, which the page says. */
export const MAX_FLOWS = 1 << 20;

/** Flow of a packet that has none. */
export const NO_FLOW = 0xffff_ffff;
/** Set in a packet's `flow` if it goes from the flow's second address to its first. */
export const FLOW_REVERSED = 0x8000_0000;

/**
 * Flows by id. The first address is that of the side whose packet came first. Columns of sides have two entries per flow: that of
 * the first address at `2 * id`, that of the second at `2 * id + 1`.
 */
export interface FlowColumns {
  readonly count: number;
  /** VNI, or -1 for traffic outside of networks. */
  readonly vni: Int32Array;
  /** 4 or 6. */
  readonly family: Uint8Array;
  /** IP protocol number. */
  readonly protocol: Uint8Array;
  /** Ports by side; 0 for protocols without. For ICMP echo, the identifier. */
  readonly port: Uint16Array;
  /** Addresses: 16 bytes a side, of which IPv4 uses the first 4. */
  readonly address: Uint8Array;
}
