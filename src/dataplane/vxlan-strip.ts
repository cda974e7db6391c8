/**
 * What comes off a packet at the end of its tunnel: the VXLAN header (RFC 7348 section 5), and the outer packet's congestion
 * mark, which goes into the frame. For the capture decoder and for a node's ingress alike.
 */
import { viewOf } from '../memory/view.js';
import {
  checkVxlan,
  decapsulateEcn,
  ETHERNET_SPAN,
  Fault,
  Layers,
  VXLAN_FLAG_I,
  VXLAN_SPAN,
  VxlanReserved,
} from '../wire/index.js';
import { DropReason } from './drop-reason.js';

const USUAL_FLAGS = VXLAN_FLAG_I << 24;
/** ECT(1) and CE have this bit of the ECN field; ECT(0) says no more than the frame does. */
const MARK = 1;

/** Whether a VXLAN header at `offset` has an Ethernet header after it. */
export function holdsFrame(offset: number, end: number): boolean {
  return offset + VXLAN_SPAN + ETHERNET_SPAN <= end;
}

/** Takes VXLAN off. */
export class VxlanStrip {
  readonly #reserved: VxlanReserved;
  readonly #inner: Layers;

  /**
   * @param reserved what becomes of reserved bits
   * @param inner what frames are walked with to bring marks into them
   */
  constructor(reserved: VxlanReserved = VxlanReserved.Refuse, inner: Layers = new Layers()) {
    this.#reserved = reserved;
    this.#inner = inner;
  }

  /**
   * Checks the header.
   * @param end where the UDP payload ends, or the captured bytes do
   * @returns `VxlanInvalidHeader`, `VxlanReservedBits`, or `None`
   */
  check(bytes: Uint8Array, offset: number, end: number): DropReason {
    const view = viewOf(bytes);
    // One test for the header that nearly every one is: the I flag, the VNI, and no other bit.
    const usual =
      end - offset >= VXLAN_SPAN && view.getInt32(offset) === USUAL_FLAGS && (view.getInt32(offset + 4) & 0xff) === 0;
    return usual ? DropReason.None : this.#checkAny(bytes, offset, end);
  }

  #checkAny(bytes: Uint8Array, offset: number, end: number): DropReason {
    const fault = checkVxlan(bytes, offset, end, this.#reserved);
    if (fault === Fault.None) return DropReason.None;
    return fault === Fault.ReservedBits ? DropReason.VxlanReservedBits : DropReason.VxlanInvalidHeader;
  }

  /** Whether the outer packet is one whose congestion mark is of any concern to the frame. */
  isMarked(tos: number): boolean {
    return (tos & MARK) !== 0;
  }

  /**
   * Brings the outer packet's congestion mark into the frame.
   * @param frame offset of its Ethernet header
   * @param tos DSCP and ECN of the outer packet
   * @returns `EcnLost` if the frame can't carry it, or `None`
   */
  mark(bytes: Uint8Array, frame: number, end: number, tos: number): DropReason {
    const inner = this.#inner;
    // What holds no sound IP packet has nowhere to put the mark, and goes on without.
    if (inner.walkEthernet(bytes, frame, end) !== Fault.None || decapsulateEcn(bytes, tos, inner))
      return DropReason.None;
    return DropReason.EcnLost;
  }
}
