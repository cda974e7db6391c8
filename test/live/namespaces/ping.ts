/** Pings from a namespace, a number of them. */
import { parsePing, type PingSums } from './ping-output.js';
import { type NetworkNamespace } from './network-namespace.js';

/** How to ping. */
export interface PingOptions {
  /** Bytes of data in each, beside 8 of ICMP's header. */
  readonly size?: number;
  readonly count?: number;
  /** Seconds from one to the next; if not said a few go at once, and many or endless ones a hundred a second. */
  readonly interval?: number;
  /** Whether DF is set, or never is; without a word here the system decides. */
  readonly doNotFragment?: boolean;
  /** Of each packet: DSCP and ECN. */
  readonly typeOfService?: number;
  /** Send the next as soon as one is answered, and at least a hundred a second. */
  readonly flood?: boolean;
  /** Seconds that they get to be answered; where an interval is said, `ping` gives the last ones two round trips. */
  readonly patience?: number;
}

const SECOND_MS = 1000;
/** So many find room in a socket while the address is asked for; `ping` sends the rest at its interval. */
const AT_ONCE = 10;
/** Seconds between those that are more. */
const PACE = 0.01;

/** The words of a call of `ping`; `sending` are those that say how many, and how fast. */
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
 * How many, and how fast. `ping` waits for the last ones no longer than its interval or two round trips: few that go at
 * once are given their patience as an interval that they never need.
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
 * @throws {Error} with the words of `ping`, if it could send nothing
 */
export async function ping(from: NetworkNamespace, address: string, options: PingOptions = {}): Promise<PingSums> {
  const { count = 5, interval = PACE, patience = 1 } = options;
  const process = from.start(pingWords(address, options, sendingWords(count, options)));
  const { stdout, stderr } = await process.end((count * (interval + patience) + 10) * SECOND_MS);
  return parsePing(stdout, stderr);
}
