/** Addresses of members as Node writes them. */
import { isIPv6 } from 'node:net';
import type { GossipEndpoint } from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';

/** `192.168.50.1:7946`, an IPv6 address in brackets. */
export function endpointText({ addr, port }: GossipEndpoint): string {
  const text = formatAddress(addr);
  return isIPv6(text) ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Whether packets can be sent to a place: others may announce any. */
export function isReachable({ addr, port }: GossipEndpoint, family: number): boolean {
  return addr.length === family && port > 0 && port <= 0xffff && addr.some((byte) => byte !== 0);
}
