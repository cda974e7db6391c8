/** How much goes from one namespace to another. */
import { type NetworkNamespace } from './network-namespace.js';

/** How much to send, and how. */
export interface Iperf3Options {
  /** Where the server listens: an address that the client can reach. */
  readonly address: string;
  /** Bytes to send in all, instead of so many seconds. */
  readonly bytes?: number;
  readonly seconds?: number;
  /** Datagrams, each sent once, instead of a TCP stream. */
  readonly udp?: boolean;
  /** Bits a second; for UDP 1 Mbit/s if it isn't said. */
  readonly bitrate?: number;
  /** Bytes of each write, for UDP of each datagram. */
  readonly length?: number;
  /** From the server to the client. */
  readonly reverse?: boolean;
  /** Milliseconds that all may take. */
  readonly patience?: number;
}

/** What was measured. */
export interface Iperf3Result {
  /** As received. */
  readonly bitsPerSecond: number;
  /** Bytes sent, and those of them that had come when the client stopped: what was on its way then is not waited for. */
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
  /** TCP segments that were sent again; 0 for UDP. */
  readonly retransmits: number;
  /** Datagrams sent, and those that never came; 0 for TCP. */
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
 * Sends as much as it can or is told to, and measures.
 *
 * @throws {Error} with the words of iperf3, if it fails or takes too long
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
