/** The kinds of traffic that are sent through a line. */
import { iperf3, type Iperf3Result } from './iperf3.js';
import { ping } from './ping.js';
import { processTime } from './process-time.js';
import { type Sample, Traffic } from './result.js';
import { percentile } from './samples.js';
import type { Setup } from './setup.js';

/** Parameters of TCP and UDP, by iperf3. */
interface Flood {
  readonly streams: number;
  /** Bytes of data in each UDP datagram. Default: TCP. */
  readonly datagram?: number;
}

/** A kind of traffic. */
export interface TrafficKind {
  readonly title: string;
  readonly unit: string;
  readonly flood?: Flood;
  /** Seconds between pings. */
  readonly interval?: number;
}

export const TRAFFIC: Readonly<Record<Traffic, TrafficKind>> = {
  [Traffic.Tcp1]: { title: 'TCP, one stream', unit: 'bit/s', flood: { streams: 1 } },
  [Traffic.Tcp4]: { title: 'TCP, four streams', unit: 'bit/s', flood: { streams: 4 } },
  [Traffic.Udp64]: { title: 'UDP, 64 bytes of data', unit: 'datagrams/s', flood: { streams: 1, datagram: 64 } },
  [Traffic.Udp1400]: { title: 'UDP, 1400 bytes of data', unit: 'datagrams/s', flood: { streams: 1, datagram: 1400 } },
  [Traffic.Ping5]: { title: 'Ping every 5 ms', unit: 'ms', interval: 0.005 },
  [Traffic.Ping200]: { title: 'Ping every 200 ms', unit: 'ms', interval: 0.2 },
};

const FEWEST_PINGS = 5;

/** The pids of a line's processes. */
function pidsOf({ processes }: Setup): number[] {
  return processes.flatMap(({ pid }) => pid ?? []);
}

/**
 * Sends TCP or UDP through a line.
 * @param reverse from the server's node to the client's
 * @throws Error with the output of iperf3 if it fails
 */
export async function flood(
  setup: Setup,
  { streams, datagram }: Flood,
  seconds: number,
  reverse: boolean,
): Promise<Iperf3Result> {
  const { client, server, serverAddress: address } = setup;
  const size = datagram === undefined ? {} : { datagram };
  return iperf3(server, client, { address, seconds, streams, reverse, ...size });
}

/**
 * Measures one kind of traffic once.
 * @param reverse from the server's node to the client's
 * @throws Error with the output of the program that failed
 */
export async function measure(setup: Setup, traffic: Traffic, seconds: number, reverse: boolean): Promise<Sample> {
  const { flood: sent, interval = 1 } = TRAFFIC[traffic];
  const pids = pidsOf(setup);
  const before = pids.map(processTime);
  const cpuSince = (elapsed: number): number[] =>
    pids.map((pid, i) => (100 * Math.max(0, processTime(pid) - before[i])) / elapsed);
  if (sent === undefined) {
    const [from, to] = reverse ? [setup.server, setup.clientAddress] : [setup.client, setup.serverAddress];
    const count = Math.max(FEWEST_PINGS, Math.round(seconds / interval));
    const start = performance.now();
    const { roundTrips, sent: pings } = await ping(from, to, count, interval);
    const elapsed = (performance.now() - start) / 1000;
    return { value: percentile(roundTrips, 0.5), cpu: cpuSince(elapsed), roundTrips, sent: pings };
  }
  const { bitsPerSecond, seconds: elapsed, retransmits, datagrams, lost } = await flood(setup, sent, seconds, reverse);
  const cpu = cpuSince(elapsed || seconds);
  if (sent.datagram === undefined) return { value: bitsPerSecond, cpu, retransmits };
  return { value: (datagrams - lost) / (elapsed || seconds), cpu, lost: datagrams === 0 ? 0 : lost / datagrams };
}
