/** ICMP errors of routers about packets of this node that are too big. */
import { IpProtocol, onesSum, pseudoHeaderSum } from '../../src/wire/index.js';
import { ip, join, udpIp, vxlan } from './build.js';

/** The nodes' VTEP addresses, as in topology.ts. */
export const VTEPS = { 4: ['192.168.50.1', '192.168.50.2'], 6: ['fd50::1', 'fd50::2'] } as const;

/** A router's ICMP error that quotes a packet; its checksum is valid, or off by `wrong`. */
export function told(
  family: 4 | 6,
  mtu: number,
  quoted: Uint8Array,
  type = family === 4 ? 3 : 2,
  code = family === 4 ? 4 : 0,
  wrong = 0,
): Uint8Array {
  const icmp = join(Uint8Array.of(type, code, 0, 0, mtu >>> 24, mtu >>> 16, mtu >>> 8, mtu), quoted);
  const router = family === 4 ? '10.1.2.3' : 'fd99::1';
  const packet = ip(family, family === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6, icmp, router, VTEPS[family][0]);
  const at = family === 4 ? 20 : 40;
  const pseudo = family === 4 ? 0 : pseudoHeaderSum(6, packet, 8, IpProtocol.Icmpv6, icmp.length);
  const sum = (~onesSum(packet, at, packet.length, pseudo) ^ wrong) & 0xffff;
  packet.set([sum >>> 8, sum], at + 2);
  return packet;
}

/** A VXLAN packet of ours with 1450 bytes of payload, truncated as routers quote it. */
export function ours(family: 4 | 6, port = 4789, source?: string, destination?: string, vni = 4097): Uint8Array {
  const [one, two] = VTEPS[family];
  const payload = vxlan(vni, new Uint8Array(1442));
  return udpIp(family, port, payload, 'right', source ?? one, destination ?? two).subarray(0, 128);
}
