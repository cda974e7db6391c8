/** The host's own DNS servers: where unknown names go unless an endpoint has servers of its own. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type DnsServer } from '../../service/index.js';

const LOOPBACK = /^(127\.|::1$)/;
/** Docker's server itself: a vtep in a container doesn't ask itself. */
const OWN = '127.0.0.11';

/**
 * The servers of a resolv.conf(5), in order. Those on loopback addresses, such as systemd-resolved at 127.0.0.53, are
 * reached from the host's namespace. Link-local addresses with a zone are left out.
 */
export function serversIn(text: string): DnsServer[] {
  return text.split('\n').flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '';
    if (isIP(address) === 0 || address.includes('%') || address === OWN) return [];
    return [{ address, hostLoopback: LOOPBACK.test(address) }];
  });
}

/** The servers of a resolv.conf; none if it can't be read. */
export function hostServers(path: string): DnsServer[] {
  try {
    return serversIn(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}
