/** UDP frames. */
import { EtherType, pseudoHeaderSum, UDP_CHECKSUM, writeIpv4Checksum } from '../../src/wire/index.js';
import { ethernet, udpIp } from '../dataplane/build.js';

/** Fields of a frame; the rest is constant. */
export interface UdpFrame {
  readonly family?: 4 | 6;
  readonly port?: number;
  /** IPv4's. */
  readonly identification?: number;
  readonly tos?: number;
  /** Whether the checksum is the pseudo-header's sum alone. */
  readonly partial?: boolean;
  /** Whether there is none. */
  readonly unchecked?: boolean;
}

/** A frame with a payload, without DF. */
export function udpFrame(payload: Uint8Array, what: UdpFrame = {}): Uint8Array {
  const { family = 4, port = 80, identification = 0, tos = 0, partial = false, unchecked = false } = what;
  const packet = udpIp(family, port, payload, unchecked ? 0 : 'right');
  const udp = family === 4 ? 20 : 40;
  if (family === 4) {
    packet[1] = tos;
    new DataView(packet.buffer, packet.byteOffset).setUint16(4, identification);
    writeIpv4Checksum(packet, 0);
  }
  if (partial) {
    const sum = pseudoHeaderSum(family, packet, family === 4 ? 12 : 8, 17, packet.length - udp);
    new DataView(packet.buffer, packet.byteOffset).setUint16(udp + UDP_CHECKSUM, sum);
  }
  return ethernet(packet, family === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
}
