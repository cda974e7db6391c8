/** What coalescing TCP segments and UDP datagrams has in common. */
import { ETHERNET_HEADER_LEN, IPV4_HEADER_LEN, IPV6_HEADER_LEN, type Layers } from '../wire/index.js';

/** Maximum number of frames per coalesced packet. */
export const MAX_COALESCED_FRAMES = 64;
/** Largest value of IP's length field. */
export const MAX_PACKET = 0xffff;

const IPV4_ID = 4;
const IPV4_FLAGS = 6;
const DONT_FRAGMENT = 0x4000;
const IPV4_TTL = 8;
const IPV6_NEXT_HEADER = 6;

/** Pending frames of one flow, to become one packet. */
export interface Coalescer {
  /** Number of pending frames. */
  readonly count: number;
  /** Start of what each contributes: of the first the whole frame, of the others only their payload. */
  readonly start: Int32Array;
  /** End of each. */
  readonly end: Int32Array;
  /** Payload in bytes of each frame but the last, which may have less. */
  readonly size: number;
  /** 4 or 6. */
  readonly family: number;
  /** Offset of the transport header within the frame. */
  readonly transport: number;
  /** Offset of its payload within the frame. */
  readonly headers: number;
  /** Offset of the checksum within the transport header. */
  readonly checksum: number;
  /** Whether the first frame's checksum is partial. */
  readonly isPartial: boolean;
  /** Whether no further frame may join. */
  readonly complete: boolean;
  /**
   * Adds a frame to the pending ones, if there are any and it continues them.
   * @param layers a walk over it, from `start` to `end`, that found no fault
   * @returns whether it was added; if not, send the pending ones first, then add it again or send it alone
   */
  add(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean;
  /** Updates the first frame's headers for the coalesced packet: lengths and a partial checksum. */
  finish(): void;
  /** Undoes `finish`: the first frame is as it was. */
  restore(): void;
  /** Forgets the pending frames. */
  clear(): void;
}

/**
 * Whether the headers of two frames, without IP options, are equal up to the ports, except lengths and checksums.
 * @param start offset of a frame
 * @param first offset of the first frame of a packet
 * @param position number of frames between them, the first included
 */
export function hasSameHeaders(
  view: DataView,
  family: number,
  start: number,
  first: number,
  position: number,
): boolean {
  if (view.getInt32(start) !== view.getInt32(first) || view.getInt32(start + 4) !== view.getInt32(first + 4)) {
    return false;
  }
  // The rest of the MACs, the EtherType, and IP's version, DSCP and ECN.
  if (view.getInt32(start + 8) !== view.getInt32(first + 8)) return false;
  if (view.getInt32(start + 12) !== view.getInt32(first + 12)) return false;
  const ip = start + ETHERNET_HEADER_LEN;
  const before = first + ETHERNET_HEADER_LEN;
  if (family === 4) {
    const flags = view.getUint16(ip + IPV4_FLAGS);
    if (flags !== view.getUint16(before + IPV4_FLAGS)) return false;
    // Without DF the ID is significant (RFC 6864 section 4): segmentation will number the segments from the first one's.
    if (
      (flags & DONT_FRAGMENT) === 0 &&
      view.getUint16(ip + IPV4_ID) !== ((view.getUint16(before + IPV4_ID) + position) & 0xffff)
    ) {
      return false;
    }
    if (view.getUint16(ip + IPV4_TTL) !== view.getUint16(before + IPV4_TTL)) return false;
  } else {
    if (view.getInt32(ip) !== view.getInt32(before)) return false;
    if (view.getUint16(ip + IPV6_NEXT_HEADER) !== view.getUint16(before + IPV6_NEXT_HEADER)) return false;
  }
  // The addresses, and the ports that follow them.
  const transport = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  for (let at = family === 4 ? IPV4_HEADER_LEN - 8 : IPV6_HEADER_LEN - 32; at < transport + 4; at += 4) {
    if (view.getInt32(ip + at) !== view.getInt32(before + at)) return false;
  }
  return true;
}
