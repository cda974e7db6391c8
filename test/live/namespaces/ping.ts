/** Pings from a namespace, a number of them. */
import { parsePing, type PingSums } from './ping-output.js';
import { type NetworkNamespace } from './network-namespace.js';

/** How to ping. */
export interface PingOptions {
  /** Bytes of data in each, beside 8 of ICMP's header. */
  readonly size?: number;
  readonly count?: number;
  /** Seconds from one to the next. */
  readonly interval?: number;
  /** Whether DF is set, or never is; without a word here the system decides. */
  readonly doNotFragment?: boolean;
  /** Send the next as soon as one is answered, and at least a hundred a second. */
  readonly flood?: boolean;
  /** Seconds that the last ones get to be answered. */
  readonly patience?: number;
}

const SECOND_MS = 1000;

/** The words of a call of `ping`. */
export function pingWords(address: string, options: PingOptions): string[] {
  const { size = 56, interval = 0.01, doNotFragment, flood = false, patience = 1 } = options;
  return [
    ...['ping', '-n', '-s', String(size), '-W', String(patience)],
    ...(flood ? ['-f'] : ['-i', String(interval)]),
    ...(doNotFragment === undefined ? [] : ['-M', doNotFragment ? 'do' : 'dont']),
    address,
  ];
}

/**
 * Pings an address and waits for the answers.
 *
 * @throws {Error} with the words of `ping`, if it could send nothing
 */
export async function ping(from: NetworkNamespace, address: string, options: PingOptions = {}): Promise<PingSums> {
  const { count = 5, interval = 0.01, patience = 1 } = options;
  const process = from.start([...pingWords(address, options), '-c', String(count)]);
  const { stdout, stderr } = await process.end((count * (interval + patience) + 10) * SECOND_MS);
  return parsePing(stdout, stderr);
}
