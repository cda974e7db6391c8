/** The neighbour table of a namespace, and ARP queries from it. */
import { CONTAINER_DEVICE } from './kernel-vtep.js';
import { type NetworkNamespace } from './network-namespace.js';

/** An entry of the kernel's neighbour table. */
export interface Neighbour {
  readonly ip: string;
  readonly device: string;
  /** Absent if unknown. */
  readonly mac?: string;
  /** The kernel's state: REACHABLE, STALE, FAILED, PERMANENT... */
  readonly state: readonly string[];
}

interface Entry {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state: readonly string[];
}

const ANSWER = /reply from \S+ \[([\dA-Fa-f:]{17})\]/g;

/** The neighbour table of a namespace, IPv4 and IPv6. */
export function neighbours(namespace: NetworkNamespace): Neighbour[] {
  const entries = JSON.parse(namespace.ip('-json neighbour show')) as Entry[];
  return entries.map(({ dst, dev, lladdr, state }) => ({
    ip: dst,
    device: dev,
    ...(lladdr === undefined ? {} : { mac: lladdr }),
    state,
  }));
}

/** Options of a query. */
export interface ArpingOptions {
  /** Number of requests, one per second. */
  readonly count?: number;
  readonly device?: string;
}

/** Sends ARP requests for an address, waits a second for the last answer, and returns the MAC of each. */
export async function arping(
  from: NetworkNamespace,
  ip: string,
  { count = 1, device = CONTAINER_DEVICE }: ArpingOptions = {},
): Promise<string[]> {
  const process = from.start(['arping', '-c', String(count), '-w', String(count), '-I', device, ip]);
  const { stdout, stderr } = await process.end();
  if (!stdout.startsWith('ARPING')) throw new Error(`arping: ${stderr.trim() || 'it said nothing'}`);
  return [...stdout.matchAll(ANSWER)].map(([, mac = '']) => mac.toLowerCase());
}
