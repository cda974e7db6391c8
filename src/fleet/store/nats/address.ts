/** Where a store is: nats://HOST:PORT/OVERLAY. */
import { quoted } from '../../../text/plain-text.js';
import { StoreError } from '../../error.js';

export interface StoreAddress {
  /** HOST:PORT of each server of a cluster, the scheme before it. */
  readonly servers: readonly string[];
  /** The overlay whose records the store has. */
  readonly overlay: string;
}

const MAX_LENGTH = 1024;
const ADDRESS = /^(nats|tls):\/\/([^/]+)\/([A-Za-z0-9_-]{1,64})$/;
const SERVER = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?$/;

/**
 * Reads a store's address. Servers of a cluster are listed with commas between them: nats://a:4222,b:4222/web. The port
 * is 4222 unless given. With tls:// the client insists on TLS. User names and passwords have no place in it, since other
 * users can read a command line: they go into a credentials file.
 * @throws StoreError `BAD_ADDRESS`
 */
export function parseStoreAddress(text: string): StoreAddress {
  if (text.includes('@')) {
    throw new StoreError('BAD_ADDRESS', 'a store address has no user or password; use a credentials or NKEY file');
  }
  const match = text.length > MAX_LENGTH ? null : ADDRESS.exec(text);
  if (match === null) {
    const shown = quoted(text.slice(0, 100));
    throw new StoreError('BAD_ADDRESS', `a store address is nats://HOST:PORT/OVERLAY, not ${shown}`);
  }
  const [, scheme, hosts, overlay] = match;
  return { servers: hosts.split(',').map((host) => `${scheme}://${checkServer(host)}`), overlay };
}

function checkServer(text: string): string {
  const match = SERVER.exec(text) as [string, string, string | undefined] | null;
  const port = Number(match?.[2] ?? 4222);
  if (match === null || port < 1 || port > 65_535) {
    throw new StoreError('BAD_ADDRESS', `${quoted(text)} in the store address is not HOST:PORT`);
  }
  return `${match[1]}:${port}`;
}
