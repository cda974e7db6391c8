/** Throughput between two namespaces. */
import { type NetworkNamespace } from './network-namespace.js';

/** What to send, and how. */
export interface Iperf3Options {
  /** The server's address, which the client can reach. */
  readonly address: string;
  /** Total bytes to send, instead of a duration. */
  readonly bytes?: number;
  readonly seconds?: number;
  /** UDP datagrams instead of a TCP stream. */
  readonly udp?: boolean;
  /** Bits per second. Default for UDP: 1 Mbit/s. */
  readonly bitrate?: number;
  /** Bytes per write, or per datagram for UDP. */
  readonly length?: number;
  /** From the server to the client. */
  readonly reverse?: boolean;
  /** Timeout in milliseconds. */
  readonly patience?: number;
}

/** The measurement. */
export interface Iperf3Result {
  /** As received. */
  readonly bitsPerSecond: number;
  /** Bytes sent, and bytes received by the time the client stopped, without those still in flight. */
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
  /** Retransmitted TCP segments; 0 for UDP. */
  readonly retransmits: number;
  /** Datagrams sent and lost; 0 for TCP. */
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
  readonly end: { readonly sum?: Sum; readonly sum_sent?: Sum; readonly sum_received?: Sum };
}

const PATIENCE_MS = 60_000;
const IDLE_SECONDS = 60;

/**
 * Sends as much as possible or requested, and measures.
 *
 * @throws {Error} with iperf3's message, if it fails or takes too long
 */
export async function iperf3(
  server: NetworkNamespace,
  client: NetworkNamespace,
  { address, bytes, seconds, udp, bitrate, length, reverse, patience = PATIENCE_MS }: Iperf3Options,
): Promise<Iperf3Result> {
  const listener = server.start(['iperf3', '-s', '--one-off', '--forceflush', '--idle-timeout', String(IDLE_SECONDS)]);
  try {
    await listener.line('stdout', /Server listening/);
    const sender = client.start([
      ...['iperf3', '--json', '-c', address],
      ...(bytes === undefined ? ['-t', String(seconds ?? 1)] : ['-n', String(bytes)]),
      ...(udp === true ? ['-u'] : []),
      ...(bitrate === undefined ? [] : ['-b', String(bitrate)]),
      ...(length === undefined ? [] : ['-l', String(length)]),
      ...(reverse === true ? ['-R'] : []),
    ]);
    const { stdout, stderr } = await sender.end(patience);
    return measured(stdout, stderr);
  } finally {
    listener.kill();
    await listener.ended;
  }
}

function measured(stdout: string, stderr: string): Iperf3Result {
  if (!stdout.startsWith('{')) throw new Error(`iperf3: ${stderr.trim() || stdout.trim() || 'it said nothing'}`);
  const { error, end } = JSON.parse(stdout) as Report;
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  const received = end.sum_received ?? end.sum ?? {};
  return {
    bitsPerSecond: received.bits_per_second ?? 0,
    sent: (end.sum_sent ?? end.sum)?.bytes ?? 0,
    received: received.bytes ?? 0,
    seconds: received.seconds ?? 0,
    retransmits: end.sum_sent?.retransmits ?? 0,
    datagrams: end.sum?.packets ?? 0,
    lost: end.sum?.lost_packets ?? 0,
  };
}
