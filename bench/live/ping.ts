/** Round-trip times between two containers, by ping. */
import { VtepError } from '../../src/error.js';
import type { NetworkNamespace } from '../../test/live/namespaces/network-namespace.js';

/** ping could not send, or nothing was answered. */
export class PingError extends VtepError<'NO_ANSWER'> {}

const TIME = /\btime=(\d+(?:\.\d+)?) ms/g;
const SENT = /^(\d+) packets transmitted/m;
const SECOND_MS = 1000;
const PATIENCE_S = 20;

/** The pings of a run. */
export interface PingResult {
  readonly sent: number;
  /** In milliseconds, in the order of the answers. */
  readonly roundTrips: readonly number[];
}

/**
 * Reads the output of ping.
 * @param why what it wrote to standard error
 * @throws PingError if no ping was answered
 */
export function parsePing(output: string, why = ''): PingResult {
  const roundTrips = [...output.matchAll(TIME)].map(([, time]) => Number(time));
  const sent = Number(SENT.exec(output)?.[1] ?? 0);
  if (roundTrips.length > 0) return { sent, roundTrips };
  const reason = why.trim().split('\n').at(-1);
  throw new PingError('NO_ANSWER', `ping: ${reason || `none of ${sent} were answered`}`);
}

/**
 * Pings an address at an interval.
 * @param interval seconds
 * @throws PingError if no ping was answered
 */
export async function ping(
  from: NetworkNamespace,
  address: string,
  count: number,
  interval: number,
): Promise<PingResult> {
  const process = from.start(['ping', '-n', '-c', `${count}`, '-i', `${interval}`, '-W', '2', address]);
  const { stdout, stderr } = await process.end((count * interval + PATIENCE_S) * SECOND_MS);
  return parsePing(stdout, stderr);
}
