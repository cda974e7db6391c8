/**
 * Decapsulation: checks the VXLAN header (RFC 7348 section 5), and applies the outer packet's ECN field to the frame.
 * The capture decoder and a node's ingress share it.
 */
import { viewOf } from '../memory/internal.js';
import {
  checkVxlan,
  decapsulateEcn,
  ETHERNET_HEADER_LEN,
  HeaderError,
  Layers,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
  VxlanReserved,
} from '../wire/index.js';
import { DropReason } from './drop-reason.js';

const USUAL_FLAGS = VXLAN_FLAG_I << 24;
/** The bit of the ECN field that ECT(1) and CE have; Not-ECT and ECT(0) never change the frame. */
const MARK = 1;

/** Whether an Ethernet header fits after the VXLAN header at `offset`. */
export function holdsFrame(offset: number, end: number): boolean {
  return offset + VXLAN_HEADER_LEN + ETHERNET_HEADER_LEN <= end;
}

/** Decapsulates VXLAN. */
export class VxlanStrip {
  readonly #reserved: VxlanReserved;
  readonly #inner: Layers;

  /**
   * @param reserved how to treat reserved bits
   * @param inner parses frames to apply ECN
   */
  constructor(reserved: VxlanReserved = VxlanReserved.Refuse, inner: Layers = new Layers()) {
    this.#reserved = reserved;
    this.#inner = inner;
  }

  /**
   * Checks the header.
   * @param end end of the UDP payload, or of the captured bytes if earlier
   * @returns `VxlanInvalidHeader`, `VxlanReservedBits`, or `None`
   */
  check(bytes: Uint8Array, offset: number, end: number): DropReason {
    const view = viewOf(bytes);
    // One test for nearly all headers: the I flag, the VNI, and no other bits.
    const usual =
      end - offset >= VXLAN_HEADER_LEN &&
      view.getInt32(offset) === USUAL_FLAGS &&
      (view.getInt32(offset + 4) & 0xff) === 0;
    return usual ? DropReason.None : this.#checkAny(bytes, offset, end);
  }

  #checkAny(bytes: Uint8Array, offset: number, end: number): DropReason {
    const headerError = checkVxlan(bytes, offset, end, this.#reserved);
    if (headerError === HeaderError.None) return DropReason.None;
    return headerError === HeaderError.ReservedBits ? DropReason.VxlanReservedBits : DropReason.VxlanInvalidHeader;
  }

  /** Whether the outer packet's ECN field can affect the frame. */
  isMarked(tos: number): boolean {
    return (tos & MARK) !== 0;
  }

  /**
   * Applies the outer packet's ECN field to the frame.
   * @param frame offset of its Ethernet header
   * @param tos DSCP and ECN of the outer packet
   * @returns `EcnLost` if the frame can't carry it, or `None`
   */
  mark(bytes: Uint8Array, frame: number, end: number, tos: number): DropReason {
    const inner = this.#inner;
    // A frame without a valid IP packet can't carry ECN, and passes unchanged.
    if (inner.walkEthernet(bytes, frame, end) !== HeaderError.None || decapsulateEcn(bytes, tos, inner))
      return DropReason.None;
    return DropReason.EcnLost;
  }
}
