/** Throughput between two containers, by iperf3. */
import { VtepError } from '../../src/error.js';
import type { NetworkNamespace } from '../../test/live/namespaces/network-namespace.js';

/** iperf3 failed, or gave no usable report. */
export class Iperf3Error extends VtepError<'IPERF3_FAILED'> {}

/** What to send. */
export interface Iperf3Options {
  readonly address: string;
  /** Whole seconds: iperf3 takes no others. */
  readonly seconds: number;
  /** Parallel streams; 1 for UDP. */
  readonly streams: number;
  /** From the server to the client. */
  readonly reverse: boolean;
  /** Bytes of data in each UDP datagram, sent as fast as possible. Default: TCP. */
  readonly datagram?: number;
}

/** The measurement. */
export interface Iperf3Result {
  /** Bits per second that arrived. */
  readonly bitsPerSecond: number;
  /** Bytes that arrived. */
  readonly bytes: number;
  readonly seconds: number;
  /** Retransmitted TCP segments. */
  readonly retransmits: number;
  /** UDP datagrams sent and lost. */
  readonly datagrams: number;
  readonly lost: number;
}

interface Sum {
  readonly bits_per_second?: number;
  readonly bytes?: number;
  readonly seconds?: number;
  readonly retransmits?: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

interface Report {
  readonly error?: string;
  readonly end?: { readonly sum?: Sum; readonly sum_sent?: Sum; readonly sum_received?: Sum };
}

const SECOND_MS = 1000;
/** For connecting, and for the reports after a stream that hardly anything arrives of. */
const PATIENCE_S = 30;
const IDLE_SECONDS = 60;

function parsed(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}

/**
 * Reads the report of `iperf3 --json`.
 * @param why what it wrote to standard error
 * @throws Iperf3Error if it failed or the report is cut off
 */
export function parseIperf3(report: string, why = ''): Iperf3Result {
  const { error, end } = parsed(report) ?? { error: why.trim() || 'it reported nothing' };
  const received = end?.sum_received ?? end?.sum;
  if (error !== undefined || received === undefined) {
    throw new Iperf3Error('IPERF3_FAILED', `iperf3: ${error ?? 'its report has no sums'}`);
  }
  const { bytes = 0, seconds = 0, bits_per_second: bitsPerSecond = 0 } = received;
  return {
    bitsPerSecond,
    bytes,
    seconds,
    retransmits: end?.sum_sent?.retransmits ?? 0,
    datagrams: end?.sum?.packets ?? 0,
    lost: end?.sum?.lost_packets ?? 0,
  };
}

/**
 * Sends as much as possible for some seconds.
 * @throws Iperf3Error if it fails
 * @throws Error with the output of iperf3 if it takes too long
 */
export async function iperf3(
  server: NetworkNamespace,
  client: NetworkNamespace,
  { address, seconds, streams, reverse, datagram }: Iperf3Options,
): Promise<Iperf3Result> {
  const listener = server.start(['iperf3', '-s', '--one-off', '--forceflush', '--idle-timeout', `${IDLE_SECONDS}`]);
  try {
    await listener.line('stdout', /Server listening/);
    const sender = client.start([
      ...['iperf3', '--json', '-c', address, '-t', `${seconds}`, '-P', `${streams}`],
      ...(datagram === undefined ? [] : ['-u', '-b', '0', '-l', `${datagram}`]),
      ...(reverse ? ['-R'] : []),
    ]);
    const { stdout, stderr } = await sender.end((seconds + PATIENCE_S) * SECOND_MS);
    return parseIperf3(stdout, stderr);
  } finally {
    listener.kill();
    await listener.ended;
  }
}
