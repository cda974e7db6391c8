/** Selects packets, and sums them up, in slices that leave the page time to draw. */
import { DROP_REASONS, Verdict } from '../../../src/dataplane/index.js';
import type { CaptureIndex } from '../index/capture-index.js';
import { NO_ID, PART_PACKETS, type PacketPart } from '../index/packet-columns.js';
import { flowOf, type Predicate, senderOf } from './column-readers.js';
import type { Selection, SelectionSeries, SelectionTotals } from './selection.js';

/** Seconds since the first packet; packets at both ends are selected. */
export interface TimeRange {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Options of a selection. */
export interface SelectOptions {
  /** Filter, compiled for the same index; undefined for all packets. */
  readonly test: Predicate | undefined;
  readonly range: TimeRange;
  /**
   * Intervals of the series.
   * @default 240
   */
  readonly intervals?: number;
}

const INTERVALS = 240;
const NANO = 1e9;
const VERDICTS = Math.max(...Object.values(Verdict)) + 1;
/** Packets between two turns: a few milliseconds. */
const SLICE = 1 << 14;
/** Shortest interval of a series, in nanoseconds. */
const SHORTEST = 1000;

/** A selection that is being made, slice by slice. */
class Selecting {
  readonly totals: SelectionTotals & { packets: number; bytes: number };
  readonly series: SelectionSeries;
  count = 0;
  #rows: Uint32Array;
  readonly #index: CaptureIndex;
  readonly #test: Predicate | undefined;
  readonly #from: number;
  readonly #to: number;
  /** Packets of each part when the selection began: the index may grow meanwhile, and its tables with it. */
  readonly #counts: readonly number[];

  constructor(index: CaptureIndex, { test, range, intervals = INTERVALS }: SelectOptions) {
    this.#index = index;
    this.#test = test;
    this.#from = range.from === undefined ? -Infinity : range.from * NANO;
    this.#to = range.to === undefined ? Infinity : range.to * NANO;
    const { networks, tunnels, sas, flows } = index.tables;
    this.totals = {
      packets: 0,
      bytes: 0,
      networkPackets: new Float64Array(networks.length),
      networkBytes: new Float64Array(networks.length),
      tunnelPackets: new Float64Array(tunnels.length),
      tunnelBytes: new Float64Array(tunnels.length),
      saPackets: new Float64Array(sas.length),
      saBytes: new Float64Array(sas.length),
      flowPackets: new Uint32Array(2 * flows.count),
      flowBytes: new Float64Array(2 * flows.count),
      flowFirst: new Float64Array(flows.count).fill(Number.NaN),
      flowLast: new Float64Array(flows.count).fill(Number.NaN),
      verdicts: new Float64Array(VERDICTS),
      reasons: new Float64Array(DROP_REASONS),
    };
    this.#counts = index.parts.map(({ count }) => count);
    this.series = seriesOf(index, this.#from, this.#to, intervals);
    this.#rows = new Uint32Array(test === undefined ? index.packets : Math.min(index.packets, PART_PACKETS));
  }

  get rows(): Uint32Array {
    return this.#rows;
  }

  /** Number of parts. */
  get parts(): number {
    return this.#counts.length;
  }

  /** Number of packets of a part. */
  packetsOf(partIndex: number): number {
    return this.#counts[partIndex];
  }

  /** Takes packets of a part. */
  add(partIndex: number, from: number, to: number): void {
    const part = this.#index.parts[partIndex];
    const first = partIndex * PART_PACKETS;
    const test = this.#test;
    this.#reserve(to - from);
    const rows = this.#rows;
    const hasRange = this.#from > -Infinity || this.#to < Infinity;
    for (let i = from; i < to; i++) {
      const time = part.time[i];
      if (hasRange && !(time >= this.#from && time <= this.#to)) continue;
      if (test !== undefined && !test(part, i, first + i)) continue;
      rows[this.count++] = first + i;
      this.#sum(part, i, time);
    }
  }

  #reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.#rows.length) return;
    const rows = new Uint32Array(Math.max(needed, 2 * this.#rows.length));
    rows.set(this.#rows.subarray(0, this.count));
    this.#rows = rows;
  }

  #sum(part: PacketPart, i: number, time: number): void {
    const { totals } = this;
    const bytes = part.length[i];
    totals.packets++;
    totals.bytes += bytes;
    totals.verdicts[part.verdict[i]]++;
    totals.reasons[part.reason[i]]++;
    const network = part.network[i];
    if (network !== NO_ID) {
      totals.networkPackets[network]++;
      totals.networkBytes[network] += bytes;
    }
    const tunnel = part.tunnel[i];
    if (tunnel !== NO_ID) {
      totals.tunnelPackets[tunnel]++;
      totals.tunnelBytes[tunnel] += bytes;
    }
    const sa = part.sa[i];
    if (sa !== NO_ID) {
      totals.saPackets[sa]++;
      totals.saBytes[sa] += bytes;
    }
    const flow = flowOf(part, i);
    if (flow >= 0) this.#sumFlow(flow, senderOf(part, i), bytes, time);
    if (!Number.isNaN(time)) this.#sumTime(network, bytes, time);
  }

  #sumFlow(flow: number, side: number, bytes: number, time: number): void {
    const { flowPackets, flowBytes, flowFirst, flowLast } = this.totals;
    flowPackets[2 * flow + side]++;
    flowBytes[2 * flow + side] += bytes;
    if (!(time >= flowFirst[flow])) flowFirst[flow] = time;
    if (!(time <= flowLast[flow])) flowLast[flow] = time;
  }

  #sumTime(network: number, bytes: number, time: number): void {
    const { start, interval, intervals, bytes: lines } = this.series;
    const at = Math.floor((time - start) / interval);
    if (at < 0 || at >= intervals) return;
    const line = network === NO_ID ? lines.length - 1 : network;
    lines[line][at] += bytes;
  }
}

/** An empty series over the time of an index, or of a range in it. */
function seriesOf({ parts, tables }: CaptureIndex, from: number, to: number, intervals: number): SelectionSeries {
  let start = Infinity;
  let end = -Infinity;
  for (const part of parts) {
    for (let i = 0; i < part.count; i++) {
      const time = part.time[i];
      if (time < start) start = time;
      if (time > end) end = time;
    }
  }
  start = Math.max(start, from);
  end = Math.min(end, to);
  if (!(end >= start)) start = end = 0;
  return {
    start,
    interval: Math.max(SHORTEST, (end - start) / intervals + 1),
    intervals,
    bytes: Array.from({ length: tables.networks.length + 1 }, () => new Float64Array(intervals)),
  };
}

/**
 * Selects packets and sums them up. Every few milliseconds the caller's `turn` lets others run.
 * @param turn awaited between slices; throws to cancel
 * @returns the selection of the index as it is
 */
export async function selectPackets(
  index: CaptureIndex,
  options: SelectOptions,
  turn: () => Promise<void>,
): Promise<Selection> {
  const selecting = new Selecting(index, options);
  for (let part = 0; part < selecting.parts; part++) {
    const packets = selecting.packetsOf(part);
    for (let from = 0; from < packets; from += SLICE) {
      if (part + from > 0) await turn();
      selecting.add(part, from, Math.min(packets, from + SLICE));
    }
  }
  const { rows, count, totals, series } = selecting;
  return { rows, count, totals, series };
}
