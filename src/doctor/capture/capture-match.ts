/** Finds the packets of one capture in another: both ends of a tunnel, packet by packet. */
import { KeyIndex } from '../../memory/internal.js';
import type { CaptureEvidence, Occurrence } from '../evidence/capture.js';
import { type CaptureTrace, TRACE_KINDS, TraceKind } from './capture-trace.js';
import { OccurrenceColumns } from './occurrence-columns.js';

/** Matched packets whose delay is kept for the clocks' offset. */
const MAX_DELAYS = 4096;
/** What the captures must have in common at both ends beyond a packet's time, in seconds, before it counts as lost. */
const MARGIN = 0.25;
/** Captures that share no packet are compared by their own clocks if they overlap by this many seconds. */
const UNMATCHED_OVERLAP = 1;
/** Clocks that are further apart than this, in seconds, are of another hour or day, not just not synchronized. */
const MAX_OFFSET = 3600;

/** Packets of one direction and kind, as both captures have them. */
export interface MatchedFlow {
  /** VTEPs, as the capture with more of its packets shows them. */
  readonly source: string;
  readonly destination: string;
  readonly kind: TraceKind;
  /** `ESP`, `VXLAN`, `gossip over UDP`, `gossip over TCP`. */
  readonly kindName: string;
  readonly matched: number;
  /** Packets of the first capture that the second one lacks though it covers their time; and the other way. */
  readonly onlyFirst: Occurrence;
  readonly onlySecond: Occurrence;
  /** Bytes of the largest packet that both have, and of the smallest that one of them lacks; 0 without. */
  readonly largestMatched: number;
  readonly smallestLost: number;
  /** The addresses in the other capture, if packets have others there: translated on the way. */
  readonly translated: { readonly source: string; readonly destination: string } | undefined;
}

/** Two captures, compared. */
export interface CaptureMatch {
  readonly first: CaptureEvidence;
  readonly second: CaptureEvidence;
  /** Packets that both have. */
  readonly matched: number;
  /** The second capture's clock minus the first one's, in seconds; undefined if they share no packet with a time. */
  readonly clockOffset: number | undefined;
  /** Seconds that both cover, by the corrected clocks. */
  readonly overlap: number;
  readonly flows: readonly MatchedFlow[];
}

/** Entries of a trace by what identifies them. */
class TraceIndex {
  readonly #index: KeyIndex;
  /** By id: its first row; by row: the next one with the same id; -1 at the end. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #repeated: Uint8Array;

  constructor(trace: CaptureTrace) {
    this.#repeated = new Uint8Array(Math.max(1, trace.size));
    this.#index = new KeyIndex(2, Math.max(1, trace.size));
    this.#heads = new Int32Array(Math.max(1, trace.size)).fill(-1);
    this.#next = new Int32Array(trace.size).fill(-1);
    const { key } = this.#index;
    // Backwards, so that the chains are in the order of the capture.
    for (let row = trace.size - 1; row >= 0; row--) {
      key[0] = trace.first(row);
      key[1] = trace.second(row);
      const id = this.#index.add();
      if (this.#heads[id] >= 0) this.#repeated[id] = 1;
      this.#next[row] = this.#heads[id];
      this.#heads[id] = row;
    }
  }

  /** The id of an entry; -1 if there is none. */
  find(first: number, second: number): number {
    return this.#index.find2(first, second);
  }

  /** Whether several packets have the id, or did before they were taken. */
  isRepeated(id: number): boolean {
    return this.#repeated[id] === 1;
  }

  /** Takes the first row that hasn't been taken; -1 if there is none. */
  take(id: number): number {
    const row = this.#heads[id];
    if (row >= 0) this.#heads[id] = this.#next[row];
    return row;
  }

  /** The row that `take` would take; -1 if there is none. */
  peek(id: number): number {
    return this.#heads[id];
  }
}

/** Counts of one direction and kind while matching. */
class FlowCounts {
  matched = 0;
  largestMatched = 0;
  smallestLost = 0;
  /** Whether offloads merged packets at one of the ends. */
  merged = false;
  readonly first: number[] = [];
  readonly second: number[] = [];
  /** Direction in the second capture of the matched packets. */
  tunnelInSecond = -1;

  constructor(
    readonly kind: TraceKind,
    readonly source: string,
    readonly destination: string,
  ) {}
}

/** The middle of some numbers; undefined for none. */
function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Delays of matched packets, by which end sent them. */
class Delays {
  readonly #byDirection: [number[], number[]] = [[], []];

  add(forward: boolean, seconds: number): void {
    const list = this.#byDirection[forward ? 0 : 1];
    if (list.length < MAX_DELAYS && !Number.isNaN(seconds)) list.push(seconds);
  }

  /** With packets in both directions, the path's delay cancels out. */
  get offset(): number | undefined {
    const [one, other] = this.#byDirection.map(median);
    if (one !== undefined && other !== undefined) return (one + other) / 2;
    return one ?? other;
  }
}

/**
 * Matches two captures that have traces.
 * @returns undefined if they have nothing to do with each other: no common packet, and no common time or no common VTEPs
 */
export function matchCaptures(first: CaptureEvidence, second: CaptureEvidence): CaptureMatch | undefined {
  const [one, other] = [first.trace, second.trace];
  if (one === undefined || other === undefined || one.size === 0 || other.size === 0) return undefined;
  const matching = new Matching(one, other);
  const offset = matching.delays.offset;
  const overlap = overlapOf(first, second, offset ?? 0, one, other);
  const seconds = overlap[1] - overlap[0];
  if (matching.matched === 0) {
    const common = matching.flows.some((flow) => flow.first.length > 0 && namesBoth(other, flow));
    if (!common || !(seconds >= UNMATCHED_OVERLAP)) return undefined;
  }
  const flows = matching.flows.map((flow) => flowOf(flow, one, other, overlap, offset ?? 0));
  return {
    first,
    second,
    matched: matching.matched,
    clockOffset: offset,
    overlap: Number.isNaN(seconds) ? 0 : Math.max(0, seconds),
    flows: flows.filter((flow) => flow.matched + flow.onlyFirst.count + flow.onlySecond.count > 0),
  };
}

/** Pairs the packets of two traces. */
class Matching {
  readonly flows: FlowCounts[] = [];
  readonly delays = new Delays();
  matched = 0;
  readonly #byName = new Map<string, FlowCounts>();
  /** Flows by 4 * tunnel + kind, of each trace. */
  readonly #ofFirst: (FlowCounts | undefined)[] = [];
  readonly #ofSecond: (FlowCounts | undefined)[] = [];

  constructor(one: CaptureTrace, other: CaptureTrace) {
    const index = new TraceIndex(one);
    const taken = new Uint8Array(one.size);
    const again: number[] = [];
    for (let row = 0; row < other.size; row++) {
      const id = index.find(other.first(row), other.second(row));
      if (id >= 0 && index.isRepeated(id)) {
        again.push(row);
        continue;
      }
      const found = id < 0 ? -1 : index.take(id);
      if (found < 0) this.#flow(this.#ofSecond, other, row).second.push(row);
      else {
        taken[found] = 1;
        this.#match(one, found, other, row);
        this.delays.add((one.tunnel(found) & 1) === 0, other.seconds(row) - one.seconds(found));
      }
    }
    // Which of several that are the same it is, the clocks tell; if nothing else tells their difference, they are taken for right.
    const known = this.delays.offset;
    const offset = known ?? 0;
    for (const row of again) {
      const id = index.find(other.first(row), other.second(row));
      const earliest = other.seconds(row) - offset - MARGIN;
      let found = index.peek(id);
      while (found >= 0 && one.seconds(found) < earliest) {
        index.take(id);
        found = index.peek(id);
      }
      if (found < 0 || one.seconds(found) > earliest + 2 * MARGIN) {
        this.#flow(this.#ofSecond, other, row).second.push(row);
        continue;
      }
      taken[index.take(id)] = 1;
      this.#match(one, found, other, row);
      if (known === undefined) {
        this.delays.add((one.tunnel(found) & 1) === 0, other.seconds(row) - one.seconds(found));
      }
    }
    for (let row = 0; row < one.size; row++) {
      if (taken[row] === 0) this.#flow(this.#ofFirst, one, row).first.push(row);
    }
  }

  #match(one: CaptureTrace, found: number, other: CaptureTrace, row: number): void {
    this.matched++;
    const flow = this.#flow(this.#ofFirst, one, found);
    flow.matched++;
    flow.largestMatched = Math.max(flow.largestMatched, one.length(found));
    flow.tunnelInSecond = other.tunnel(row);
  }

  #flow(cache: (FlowCounts | undefined)[], trace: CaptureTrace, row: number): FlowCounts {
    const kind = trace.kind(row);
    const at = 4 * trace.tunnel(row) + kind;
    const cached = cache[at];
    if (cached !== undefined) return cached;
    const source = trace.pairs.source(trace.tunnel(row));
    const destination = trace.pairs.destination(trace.tunnel(row));
    const name = `${kind} ${source} ${destination}`;
    const flow = this.#byName.get(name) ?? new FlowCounts(kind, source, destination);
    if (!this.#byName.has(name)) this.flows.push(flow);
    this.#byName.set(name, flow);
    cache[at] = flow;
    return flow;
  }
}

/** Whether a trace has any packet between the addresses of a flow, of whatever kind. */
function namesBoth(trace: CaptureTrace, { source, destination }: FlowCounts): boolean {
  for (let tunnel = 0; tunnel < trace.pairs.span; tunnel++) {
    if (trace.pairs.source(tunnel) === source && trace.pairs.destination(tunnel) === destination) return true;
  }
  return false;
}

/** Beginning and end of what both captures cover, in the first one's clock. */
function overlapOf(
  first: CaptureEvidence,
  second: CaptureEvidence,
  offset: number,
  one: CaptureTrace,
  other: CaptureTrace,
): readonly [begin: number, end: number] {
  const nan = Number.NaN;
  const begin = Math.max(first.firstSeconds ?? nan, (second.firstSeconds ?? nan) - offset);
  const end = Math.min(
    one.unlisted > 0 ? one.seconds(one.size - 1) : (first.lastSeconds ?? nan),
    (other.unlisted > 0 ? other.seconds(other.size - 1) : (second.lastSeconds ?? nan)) - offset,
  );
  return [begin, end];
}

function flowOf(
  flow: FlowCounts,
  one: CaptureTrace,
  other: CaptureTrace,
  [begin, end]: readonly [number, number],
  offset: number,
): MatchedFlow {
  // If one end merges segments, its packets aren't those of the other end; nothing follows from that.
  const isMerged = (trace: CaptureTrace, rows: readonly number[]): boolean =>
    rows.some((row) => trace.isSegmented(row) && trace.length(row) > 1500);
  const merged = isMerged(one, flow.first) || isMerged(other, flow.second);
  let smallest = 0;
  const lost = (trace: CaptureTrace, rows: readonly number[], shift: number): Occurrence => {
    const columns = new OccurrenceColumns();
    for (const row of rows) {
      const seconds = trace.seconds(row) - shift;
      if (!(seconds >= begin + MARGIN && seconds <= end - MARGIN)) continue;
      if (merged && trace.isSegmented(row)) continue;
      columns.addAt(0, trace.number(row), trace.seconds(row));
      const length = trace.length(row);
      if (smallest === 0 || length < smallest) smallest = length;
    }
    return columns.occurrence(0);
  };
  const onlyFirst = lost(one, flow.first, 0);
  const onlySecond = lost(other, flow.second, offset);
  return {
    source: flow.source,
    destination: flow.destination,
    kind: flow.kind,
    kindName: TRACE_KINDS[flow.kind],
    matched: flow.matched,
    onlyFirst,
    onlySecond,
    largestMatched: flow.largestMatched,
    smallestLost: smallest,
    translated: translationOf(flow, other),
  };
}

function translationOf(flow: FlowCounts, other: CaptureTrace): MatchedFlow['translated'] {
  if (flow.tunnelInSecond < 0) return undefined;
  const source = other.pairs.source(flow.tunnelInSecond);
  const destination = other.pairs.destination(flow.tunnelInSecond);
  return source === flow.source && destination === flow.destination ? undefined : { source, destination };
}

/** Whether the clocks differ by more than unsynchronized clocks do: copies of packets, or a wrong date. */
export function isFarOff(match: CaptureMatch): boolean {
  return Math.abs(match.clockOffset ?? 0) > MAX_OFFSET;
}

/** Kinds that carry the networks, as opposed to gossip. */
export function carriesFrames(kind: TraceKind): boolean {
  return kind === TraceKind.Esp || kind === TraceKind.Vxlan;
}
