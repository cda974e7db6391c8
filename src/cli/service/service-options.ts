/** Values of the options of `vtep service create`. */
import { parsePublishedPort, type PublishedPort } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import type { ValueKind } from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

/** A network that a service is attached to, and its further names there. */
export interface Attachment {
  readonly network: string;
  readonly aliases: readonly string[];
}

/** Ports, in Docker's short or long syntax. */
export const publishedPorts: ValueKind<readonly PublishedPort[]> = {
  read(given, name) {
    try {
      return parsePublishedPort(given);
    } catch (error) {
      throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
};

/** A network: `NETWORK`, or `name=NETWORK,alias=NAME`. */
export const attachment: ValueKind<Attachment> = {
  read(given, name) {
    if (!given.includes('=')) return { network: given, aliases: [] };
    const aliases: string[] = [];
    let network: string | undefined;
    for (const field of given.split(',')) {
      const at = field.indexOf('=');
      const key = field.slice(0, Math.max(at, 0));
      const value = field.slice(at + 1);
      if (key === 'name' && network === undefined) network = value;
      else if (key === 'alias') aliases.push(value);
      else {
        throw new UsageError(`${name} takes NETWORK or name=NETWORK,alias=NAME, not ${inQuotes(given)}`);
      }
    }
    if (network === undefined) throw new UsageError(`${name}: ${inQuotes(given)} has no name=NETWORK`);
    return { network, aliases };
  },
};

/** `SERVICE=REPLICAS`. */
export interface Scale {
  readonly service: string;
  readonly replicas: string;
}

/** @throws UsageError in Docker's words */
export function scaleOf(given: string): Scale {
  const at = given.indexOf('=');
  if (at < 1) throw new UsageError(`invalid scale specifier '${given}': it takes SERVICE=REPLICAS`);
  return { service: given.slice(0, at), replicas: given.slice(at + 1) };
}
