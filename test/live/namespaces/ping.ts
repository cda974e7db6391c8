/** A number of pings from a namespace. */
import { parsePing, type PingSums } from './ping-output.js';
import { type NetworkNamespace } from './network-namespace.js';

/** Options of pings. */
export interface PingOptions {
  /** Bytes of data in each, after the 8-byte ICMP header. */
  readonly size?: number;
  readonly count?: number;
  /** Interval in seconds. Default: a few are sent at once, many or endless ones at a hundred per second. */
  readonly interval?: number;
  /** Whether DF is always or never set. Default: the system decides. */
  readonly doNotFragment?: boolean;
  /** DSCP and ECN of each packet. */
  readonly typeOfService?: number;
  /** Sends the next ping after each answer, and at least a hundred per second. */
  readonly flood?: boolean;
  /** Timeout for answers in seconds; with an interval, `ping` waits two round trips for the last ones. */
  readonly patience?: number;
}

const SECOND_MS = 1000;
/** How many fit in a socket during address resolution; `ping` sends the rest at its interval. */
const AT_ONCE = 10;
/** Interval of larger numbers, in seconds. */
const PACE = 0.01;

/** The arguments of `ping`; `sending` are those for number and rate. */
export function pingWords(address: string, options: PingOptions, sending: readonly string[]): string[] {
  const { size = 56, doNotFragment, patience = 1, typeOfService } = options;
  return [
    ...['ping', '-n', '-s', String(size), '-W', String(patience)],
    ...sending,
    ...(doNotFragment === undefined ? [] : ['-M', doNotFragment ? 'do' : 'dont']),
    ...(typeOfService === undefined ? [] : ['-Q', String(typeOfService)]),
    address,
  ];
}

/**
 * Arguments for number and rate. `ping` waits for the last answers no longer than its interval or two round trips, so a
 * few pings sent at once get their timeout as an otherwise unused interval.
 */
function sendingWords(count: number, { interval, flood = false, patience = 1 }: PingOptions): string[] {
  const all = ['-c', String(count)];
  if (flood) return [...all, '-f'];
  return interval === undefined && count <= AT_ONCE
    ? [...all, '-l', String(count), '-i', String(patience)]
    : [...all, '-i', String(interval ?? PACE)];
}

/**
 * Pings an address and waits for the answers.
 *
 * @throws {Error} with the message of `ping`, if it could send nothing
 */
export async function ping(from: NetworkNamespace, address: string, options: PingOptions = {}): Promise<PingSums> {
  const { count = 5, interval = PACE, patience = 1 } = options;
  const process = from.start(pingWords(address, options, sendingWords(count, options)));
  const { stdout, stderr } = await process.end((count * (interval + patience) + 10) * SECOND_MS);
  return parsePing(stdout, stderr);
}
