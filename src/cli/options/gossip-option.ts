/** `--gossip`, `--gossip-keys` and `--advertise-addr`: taking part in a swarm's gossip. */
import type { GossipEndpoint } from '../../gossip/index.js';
import { formatAddress, KeyRing, parseIp } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';
import { option, options } from './declared.js';
import { aboutFile } from './file-error.js';
import { readSmallFile } from './small-file.js';
import { file, type ValueKind } from './value-kinds.js';

/** Docker's port. */
const GOSSIP_PORT = 7946;
const MAX_PORT = 65_535;
const MAX_BYTES = 1 << 20;
const HEADING = 'Gossip';

/** `IPV4[:PORT]`, `IPV6` or `[IPV6]:PORT`. */
const endpoint: ValueKind<GossipEndpoint> = {
  read(text, name) {
    const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/i.exec(text);
    const [, ipv6, ipv4, digits] = (match ?? []) as readonly (string | undefined)[];
    const port = digits === undefined ? GOSSIP_PORT : Number(digits);
    const addr = addressOf(ipv6 ?? ipv4 ?? text);
    if (addr === undefined || port < 1 || port > MAX_PORT) {
      throw new UsageError(`${name} takes ADDRESS, ADDRESS:PORT or [IPV6]:PORT, not ${inQuotes(text)}`);
    }
    return { addr, port };
  },
};

const address: ValueKind<Uint8Array> = {
  read(text, name) {
    const bytes = addressOf(text);
    if (bytes === undefined) throw new UsageError(`${name} takes an IP address, not ${inQuotes(text)}`);
    return bytes;
  },
};

/** The options of a node that takes part in gossip. */
export const GOSSIP_OPTIONS = {
  gossip: options(
    '--gossip ADDRESS[:PORT]',
    "learn the other nodes, their endpoints and services by gossip, from this member; the first node names its own address. The config then has this node's networks and endpoints only (docs/live.md)",
    endpoint,
  ).under(HEADING),
  gossipKeys: option(
    '--gossip-keys FILE',
    'keys of gossip, a line for each: networking:gossip lamport TAG key HEX; without them it is in clear text',
    file,
  ).under(HEADING),
  advertiseAddr: option('--advertise-addr ADDRESS', 'address to listen on for gossip, and to advertise', address)
    .otherwise("the node's advertise: in the config, or its VTEP")
    .under(HEADING),
};

/**
 * Where this node listens, and which members it joins.
 * @param given the values of `--gossip`: one with the node's own address sets its port
 */
export function gossipEndpoints(
  given: readonly GossipEndpoint[],
  own: Uint8Array,
): { readonly endpoint: GossipEndpoint; readonly seeds: readonly GossipEndpoint[] } {
  const key = formatAddress(own);
  const isOwn = ({ addr }: GossipEndpoint): boolean => formatAddress(addr) === key;
  const port = given.find(isOwn)?.port ?? GOSSIP_PORT;
  return { endpoint: { addr: own, port }, seeds: given.filter((one) => !isOwn(one)) };
}

/**
 * The keys in a file of `--gossip-keys`. The caller wipes them.
 * @throws UsageError
 */
export async function readGossipKeys(path: string): Promise<KeyRing> {
  const { parseGossipKeys } = await import('../../overlay/keys/gossip-keys.js');
  const bytes = readSmallFile(path, MAX_BYTES, 'a file of gossip keys (1 MiB)');
  try {
    const keys = parseGossipKeys(bytes.toString('latin1'));
    if (keys.length === 0) {
      throw new UsageError(`${path}: it has no line networking:gossip lamport TAG key HEX`);
    }
    return new KeyRing(keys);
  } catch (error) {
    throw error instanceof UsageError ? error : aboutFile(path, error);
  } finally {
    bytes.fill(0);
  }
}

function addressOf(text: string): Uint8Array | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}
