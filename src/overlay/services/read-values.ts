/** Values that several parts of a swarm's description have. */
import { inQuotes } from '../../text/plain-text.js';
import { didYouMean } from '../../text/suggestion.js';
import { OverlayError } from '../error.js';
import type { Locations, Path } from '../locations.js';
import { parseIp } from '../prefix.js';

/**
 * Parses the address of something that has IPv4 only.
 * @throws VtepError `BAD_ADDRESS`, OverlayError `BAD_CONFIG`
 */
export function parseIpv4Address(text: string): Uint8Array {
  const address = parseIp(text);
  if (address.length !== 4) throw new OverlayError('BAD_CONFIG', `${text} is not an IPv4 address`);
  return address;
}

/**
 * Checks that something of a name exists.
 * @param at whether it is the name of an entry, or its value
 * @throws OverlayError `BAD_CONFIG` with a suggestion
 */
export function checkKnown(
  name: string,
  what: string,
  names: readonly string[],
  path: Path,
  locations: Locations,
  at: 'name' | 'value' = 'value',
): void {
  if (names.includes(name)) return;
  const hint = didYouMean(name, names);
  throw locations.error(path, `${path.join('.')}: there is no ${what} ${inQuotes(name)}${hint}`, 'BAD_CONFIG', at);
}

/** What a field says of each network of a service, where one text is for its only network. */
export interface NetworkTexts {
  readonly value: string | Readonly<Record<string, string>> | undefined;
  readonly path: Path;
  /** The service's networks, without the ingress network. */
  readonly networks: readonly string[];
  /** The ingress network, if the service publishes ports on it. */
  readonly ingress: string | undefined;
}

/**
 * Reads a field that is a text, or a block of texts by network.
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readByNetwork<T>(
  { value, path, networks, ingress }: NetworkTexts,
  locations: Locations,
  read: (text: string) => T,
): ReadonlyMap<string, T> {
  if (value === undefined) return new Map();
  const all = ingress === undefined ? networks : [ingress, ...networks];
  if (typeof value === 'string') {
    const [only = ingress] = networks;
    if (only === undefined || networks.length > 1) {
      const why = `the service is on ${only === undefined ? 'no network' : networks.join(', ')}`;
      throw locations.error(path, `${path.join('.')}: ${why}; give a block of networks, each with its own`);
    }
    return new Map([[only, locations.read(path, read, value)]]);
  }
  const result = new Map<string, T>();
  for (const [network, text] of Object.entries(value)) {
    const at = [...path, network];
    checkKnown(network, 'network of the service', all, at, locations, 'name');
    result.set(network, locations.read(at, read, text));
  }
  return result;
}
