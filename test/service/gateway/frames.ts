/** Frames of a gateway network. */
import { macOfIpv4, parseIpv4 } from '../../../src/wire/index.js';

/** Fields that differ from a TCP segment from port 40000 to port 80. */
export interface Frame {
  /** Sender and receiver by address; their MACs are Docker's. */
  readonly from: string;
  readonly to: string;
  readonly sourceMac?: Uint8Array;
  readonly destinationMac?: Uint8Array;
  readonly source?: string;
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly port?: number;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
}

export const BROADCAST_MAC = new Uint8Array(6).fill(0xff);

function header(frame: Frame, type: number): number[] {
  const { from, to, sourceMac = macOfIpv4(parseIpv4(from)), destinationMac = macOfIpv4(parseIpv4(to)) } = frame;
  return [...destinationMac, ...sourceMac, type >>> 8, type & 0xff];
}

/** An IPv4 packet with ports and no payload. */
export function ipv4Frame(frame: Frame): Uint8Array {
  const { from, to, source = from, protocol = 6, sourcePort = 40_000, port = 80, fragmentOffset = 0 } = frame;
  return Uint8Array.from([
    ...header(frame, 0x0800),
    ...[0x45, 0, 0, 28, 0, 1, fragmentOffset >>> 8, fragmentOffset & 0xff, 64, protocol, 0, 0],
    ...parseIpv4(source),
    ...parseIpv4(to),
    ...[sourcePort >>> 8, sourcePort & 0xff, port >>> 8, port & 0xff, 0, 8, 0, 0],
  ]);
}

/** A frame of any type with some bytes. */
export function otherFrame(frame: Frame, type: number, bytes = 46): Uint8Array {
  return Uint8Array.from([...header(frame, type), ...new Array<number>(bytes).fill(0)]);
}

/** An ARP packet; a request is broadcast unless it has a `destinationMac`. */
export function arpFrame(frame: Frame & { readonly operation?: number; readonly wanted?: string }): Uint8Array {
  const { from, to, operation = 1, wanted = to, source = from, sourceMac = macOfIpv4(parseIpv4(from)) } = frame;
  const destinationMac = frame.destinationMac ?? (operation === 1 ? BROADCAST_MAC : macOfIpv4(parseIpv4(to)));
  return Uint8Array.from([
    ...header({ ...frame, destinationMac }, 0x0806),
    ...[0, 1, 8, 0, 6, 4, 0, operation],
    ...sourceMac,
    ...parseIpv4(source),
    ...[0, 0, 0, 0, 0, 0],
    ...parseIpv4(wanted),
  ]);
}
