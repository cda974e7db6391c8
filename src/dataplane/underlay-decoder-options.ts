/** What the decoder of captures goes by. */
import type { ReassemblerOptions } from '../fragment/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import type { VxlanReserved } from '../wire/index.js';

/** How the packets of a capture are read. */
export interface UnderlayDecoderOptions {
  /**
   * UDP port of VXLAN, or several.
   * @default 4789
   */
  readonly port?: number | readonly number[];
  /** The only VNI to let through. Default: all. */
  readonly vni?: number;
  /**
   * What to do with reserved VXLAN bits.
   * @default as Linux does: refuse
   */
  readonly reserved?: VxlanReserved;
  /**
   * Whether wrong checksums of IPv4 headers, fragments' included, and of VXLAN packets' UDP drop a packet, as in a receiver.
   * @default false: captures that were taken on the sending host hold checksums that the network card was still to fill in
   */
  readonly verifyChecksums?: boolean;
  /**
   * Whether the outer packet's congestion mark is brought into the frame, and a frame that can't carry it is dropped, as in a
   * receiver (RFC 6040 section 4.2).
   * @default false: frames are as they were sent
   */
  readonly applyEcn?: boolean;
  readonly reassembly?: ReassemblerOptions;
  /** What opens ESP packets, each in a copy of its own; without it they are only counted by SPI. */
  readonly esp?: InboundEsp;
}
