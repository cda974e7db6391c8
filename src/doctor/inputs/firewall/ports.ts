/** Ports of firewall rules. */

/** IKE, cluster management, NAT traversal, VXLAN, gossip, and VXLAN as Linux's default. */
const PORTS_OF_SWARM: readonly number[] = [500, 2377, 4500, 4789, 7946, 8472];
/** Longest range that is expanded. */
const MAX_RANGE = 1024;
const MAX_PORT = 0xffff;
const MAX_CACHED = 4096;

const ANY: readonly number[] = [];
/** Rules of a kind have the same ports: their lists are shared. */
const cache = new Map<string, readonly number[] | undefined>();

/**
 * The ports of a list such as `2377,7946` or `4000:5000`. Of a range of more than 1024 ports, its ends and the ports
 * that Swarm uses; none for all ports.
 * @returns undefined if it isn't such a list
 */
export function portsOf(text: string): readonly number[] | undefined {
  if (cache.has(text)) return cache.get(text);
  const ports = parsedPorts(text);
  if (cache.size < MAX_CACHED) cache.set(text, ports);
  return ports;
}

function parsedPorts(text: string): readonly number[] | undefined {
  const ports = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{0,5})(?:[:-](\d{0,5}))?$/.exec(part.trim());
    if (match === null || part.trim() === '') return undefined;
    const isRange = /[:-]/.test(part);
    const first = match[1] === '' ? 0 : Number(match[1]);
    const last = !isRange ? first : match[2] === '' ? MAX_PORT : Number(match[2]);
    if (last > MAX_PORT || first > last) return undefined;
    if (first <= 1 && last === MAX_PORT) return ANY;
    if (last - first < MAX_RANGE) {
      for (let port = first; port <= last; port++) ports.add(port);
    } else {
      for (const port of [first, ...PORTS_OF_SWARM, last]) if (port >= first && port <= last) ports.add(port);
    }
  }
  return [...ports].sort((a, b) => a - b);
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '4': 'ipip',
  '6': 'tcp',
  '17': 'udp',
  '41': 'ipv6',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '58': 'icmpv6',
  'ipv6-icmp': 'icmpv6',
  '132': 'sctp',
};

/** An IP protocol by name; empty for any. */
export function protocolOf(text: string): string {
  if (text === 'all' || text === '0' || text === '') return '';
  return Object.hasOwn(PROTOCOLS, text) ? PROTOCOLS[text] : text.toLowerCase();
}
