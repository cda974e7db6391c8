/** A libpcap filter for the packets of an overlay, so that the kernel passes no others. */
import { ESP_UDP_PORT, IpProtocol, VXLAN_PORT } from '../../wire/index.js';

/** Options that depend on the network and the device. */
export interface OverlayFilterOptions {
  /**
   * UDP port of VXLAN, or several.
   * @default 4789
   */
  readonly port?: number | readonly number[];
  /**
   * Whether to also pass such packets with one VLAN tag. Not possible on devices without Ethernet.
   * @default true
   */
  readonly vlan?: boolean;
}

/**
 * A filter that passes VXLAN (to and from its port), ESP, ESP in UDP, and every fragment that may belong to them, over
 * IPv4 and IPv6. Only the first fragment of a packet has ports, so UDP fragments of other programs also pass.
 */
export function overlayFilter({ port = VXLAN_PORT, vlan = true }: OverlayFilterOptions = {}): string {
  const { Udp, Esp, Fragment } = IpProtocol;
  const packets = [
    ...(typeof port === 'number' ? [port] : port).map((one) => `udp port ${one}`),
    `udp port ${ESP_UDP_PORT}`,
    // Every fragment of an ESP packet has protocol 50.
    `ip proto ${Esp}`,
    `ip6 proto ${Esp}`,
    `(ip proto ${Udp} and ip[6:2] & 0x1fff != 0)`,
    // IPv6 next header 44; the fragment header follows, and starts with the protocol of the fragmented payload.
    `(ip6[6] == ${Fragment} and (ip6[40] == ${Udp} or ip6[40] == ${Esp}))`,
  ].join(' or ');
  // `vlan` shifts every offset after it, so it comes last.
  return vlan ? `(${packets}) or (vlan and (${packets}))` : packets;
}
