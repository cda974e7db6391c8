/** `--metrics [HOST:]PORT`: the address that Prometheus scrapes. */
import type { MetricsAddress } from '../../live/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';
import { option } from './declared.js';
import type { ValueKind } from './value-kinds.js';

const LOOPBACK = '127.0.0.1';
const MAX_PORT = 65_535;

/** A port on loopback, `HOST:PORT` or `[IPV6]:PORT`. */
const address: ValueKind<MetricsAddress> = {
  read(text, name) {
    const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^:\s]+)):)?(\d{1,5})$/i.exec(text);
    const port = match === null ? -1 : Number(match[3]);
    if (match === null || port > MAX_PORT) {
      throw new UsageError(`${name} takes PORT, HOST:PORT or [IPV6]:PORT, not ${inQuotes(text)}`);
    }
    const [, ipv6, host] = match as unknown as readonly [string, string | undefined, string | undefined, string];
    return { host: ipv6 ?? host ?? LOOPBACK, port };
  },
};

/** `--metrics [HOST:]PORT`. */
export const metricsDeclared = option(
  '--metrics [HOST:]PORT',
  'serve Prometheus metrics at this address; without HOST, on loopback only',
  address,
);
