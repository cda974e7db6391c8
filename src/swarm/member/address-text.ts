/** Addresses of members as Node writes them. */
import { isIPv6 } from 'node:net';
import { type GossipEndpoint, sameEndpoint } from '../../gossip/index.js';
import { formatAddress, isNodeAddress } from '../../overlay/internal.js';

/** `192.168.50.1:7946`, an IPv6 address in brackets. */
export function endpointText({ addr, port }: GossipEndpoint): string {
  const text = formatAddress(addr);
  return isIPv6(text) ? `[${text}]:${port}` : `${text}:${port}`;
}

/**
 * Whether packets can be sent to a place: others may announce any.
 * @param own this member's
 */
export function isReachable(to: GossipEndpoint, own: GossipEndpoint): boolean {
  const { addr, port } = to;
  return port > 0 && port <= 0xffff && isNodeAddress(addr, own.addr) && !sameEndpoint(to, own);
}

/** Link-local addresses come with the interface's name. */
export function withoutZone(address: string): string {
  const at = address.indexOf('%');
  return at < 0 ? address : address.slice(0, at);
}
