/** Options of the capture decoder. */
import type { ReassemblerOptions } from '../fragment/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import type { VxlanReserved } from '../wire/index.js';

/** How the packets of a capture are decoded. */
export interface UnderlayDecoderOptions {
  /**
   * UDP port or ports of VXLAN.
   * @default 4789
   */
  readonly port?: number | readonly number[] | undefined;
  /** The only VNI to decode, 0 to 16777215. Default: all. */
  readonly vni?: number | undefined;
  /**
   * How to treat reserved VXLAN bits.
   * @default refuse, as Linux does
   */
  readonly reserved?: VxlanReserved | undefined;
  /**
   * Whether to drop packets with a wrong IPv4 header checksum, fragments too, and VXLAN packets with a wrong UDP
   * checksum, as a receiver does.
   * @default false: with checksum offload, captures of the sending host have checksums that aren't filled in yet
   */
  readonly verifyChecksums?: boolean | undefined;
  /**
   * Whether to apply the outer packet's ECN field to the frame, and to drop a frame that can't carry it, as a receiver
   * does (RFC 6040 section 4.2).
   * @default false: frames stay as they were sent
   */
  readonly applyEcn?: boolean | undefined;
  /** Bounds on the fragments that are held. */
  readonly reassembly?: ReassemblerOptions | undefined;
  /** Decrypts ESP packets, in copies; without it they are only reported with their SPI. */
  readonly esp?: InboundEsp | undefined;
}
