/** Rates of networks, VTEP pairs and endpoints, from the differences between two surveys. */
import type { SurveyReport } from '../../inspect/index.js';

/** What was counted until now, and per second since the survey before. */
export interface Flow {
  readonly packets: number;
  readonly bytes: number;
  readonly packetsPerSecond: number;
  readonly bitsPerSecond: number;
}

/** A network. */
export interface NetworkRate extends Flow {
  readonly name: string;
  readonly endpoints: number;
}

/** The packets from one VTEP to another. */
export interface PairRate extends Flow {
  readonly name: string;
  readonly source: string;
  readonly destination: string;
}

/** The frames from an endpoint. */
export interface EndpointRate extends Flow {
  readonly name: string;
  readonly vni: number;
  readonly vtep: string;
}

/** The rates of a survey. */
export interface LiveRates {
  readonly networks: readonly NetworkRate[];
  readonly pairs: readonly PairRate[];
  readonly endpoints: readonly EndpointRate[];
  /** All packets. */
  readonly total: Flow;
}

interface Counts {
  readonly packets: number;
  readonly bytes: number;
}

const NOTHING: Counts = { packets: 0, bytes: 0 };

/** Compares each survey with the one before. */
export class RateMeter {
  #before = new Map<string, Counts>();
  #now = new Map<string, Counts>();
  #time: number;

  /** @param time start of the capture in seconds, of any clock */
  constructor(time: number) {
    this.#time = time;
  }

  /**
   * The rates since the last call, or since the start.
   * @param time in seconds, of the clock of the constructor
   */
  measure(report: SurveyReport, time: number): LiveRates {
    const seconds = time - this.#time;
    this.#time = time;
    this.#before = this.#now;
    this.#now = new Map();
    const keyed = report.cipher !== null;
    return {
      networks: report.networks.map(({ vni, frames, bytes, endpoints }) => {
        return { name: String(vni), endpoints, ...this.#flow(`n${vni}`, { packets: frames, bytes }, seconds) };
      }),
      pairs: report.tunnels.map((row) => {
        const { source, destination } = row;
        const counts = pairCounts(row, keyed);
        return { name: source, source, destination, ...this.#flow(`p${source} ${destination}`, counts, seconds) };
      }),
      endpoints: report.endpoints.map(({ vni, mac, ip, vtep, sentFrames, sentBytes }) => {
        const counts = { packets: sentFrames, bytes: sentBytes };
        return { name: ip ?? mac, vni, vtep, ...this.#flow(`e${vni} ${mac} ${ip}`, counts, seconds) };
      }),
      total: this.#flow('', report, seconds),
    };
  }

  #flow(key: string, { packets, bytes }: Counts, seconds: number): Flow {
    const before = this.#before.get(key) ?? NOTHING;
    this.#now.set(key, { packets, bytes });
    const per = seconds > 0 ? 1 / seconds : 0;
    return {
      packets,
      bytes,
      // A survey's tables are bounded: a row that returns starts again.
      packetsPerSecond: Math.max(0, packets - before.packets) * per,
      bitsPerSecond: Math.max(0, bytes - before.bytes) * 8 * per,
    };
  }
}

/** With keys, frames include those of the ESP packets; without, they are the clear ones only. */
function pairCounts({ frames, bytes, espPackets, espBytes }: SurveyReport['tunnels'][number], keyed: boolean): Counts {
  return keyed
    ? { packets: Math.max(frames, espPackets), bytes: Math.max(bytes, espBytes) }
    : { packets: frames + espPackets, bytes: bytes + espBytes };
}
