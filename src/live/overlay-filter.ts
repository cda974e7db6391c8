/** The packets of an overlay as a filter of libpcap, so that the kernel hands over no others. */
import { ESP_UDP_PORT, IpProtocol, VXLAN_PORT } from '../wire/index.js';

/** What of a filter depends on the network and the device. */
export interface OverlayFilterOptions {
  /**
   * UDP port of VXLAN, or several.
   * @default 4789
   */
  readonly port?: number | readonly number[];
  /** Whether to let such packets through under one VLAN tag, too: true if not said. Devices without Ethernet can't. */
  readonly vlan?: boolean;
}

/**
 * The filter that lets through VXLAN (to and from its port), ESP, ESP in UDP, and every fragment that may be of them, over
 * IPv4 and IPv6. Only a packet's first fragment names ports, so that other programs' UDP fragments come along.
 */
export function overlayFilter({ port = VXLAN_PORT, vlan = true }: OverlayFilterOptions = {}): string {
  const { Udp, Esp, Fragment } = IpProtocol;
  const packets = [
    ...(typeof port === 'number' ? [port] : port).map((one) => `udp port ${one}`),
    `udp port ${ESP_UDP_PORT}`,
    // Protocol 50 stands in every fragment of an ESP packet.
    `ip proto ${Esp}`,
    `ip6 proto ${Esp}`,
    `(ip proto ${Udp} and ip[6:2] & 0x1fff != 0)`,
    // 44 in the next header of IPv6; behind it the fragment header, which begins with what was cut.
    `(ip6[6] == ${Fragment} and (ip6[40] == ${Udp} or ip6[40] == ${Esp}))`,
  ].join(' or ');
  // `vlan` moves every offset that stands behind it, so it comes last.
  return vlan ? `(${packets}) or (vlan and (${packets}))` : packets;
}
