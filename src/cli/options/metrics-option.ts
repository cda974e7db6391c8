/** `--metrics [HOST:]PORT`: the address that Prometheus scrapes. */
import type { MetricsAddress } from '../../live/metrics/metrics-server.js';
import { inQuotes } from '../../text/plain-text.js';
import { type ParsedArguments, UsageError } from '../arguments.js';

const LOOPBACK = '127.0.0.1';
const MAX_PORT = 65_535;

/**
 * The option's value: a port on loopback, `HOST:PORT` or `[IPV6]:PORT`; undefined without the option.
 * @throws UsageError
 */
export function metricsOption(parsed: ParsedArguments): MetricsAddress | undefined {
  const text = parsed.values['metrics'];
  if (typeof text !== 'string') return undefined;
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^:\s]+)):)?(\d{1,5})$/i.exec(text);
  const port = match === null ? -1 : Number(match[3]);
  if (match === null || port > MAX_PORT) {
    throw new UsageError(`--metrics takes PORT, HOST:PORT or [IPV6]:PORT, not ${inQuotes(text)}`);
  }
  const [, ipv6, host] = match as unknown as readonly [string, string | undefined, string | undefined, string];
  return { host: ipv6 ?? host ?? LOOPBACK, port };
}
