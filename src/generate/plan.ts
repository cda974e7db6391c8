/**
 * The order of all packets: flows by their next time in a heap, damage by the underlay, and sequence numbers. A plan is cheap
 * beside the bytes that follow from it, so each thread makes the whole plan, and only the bytes of its own blocks.
 */
import { SeededRandom } from '../replay/random.js';
import type { Budget, Flow } from './flow.js';
import { HeldPackets } from './held-packets.js';
import type { Lane } from './lane.js';
import { type Measure, TRUNCATED_TO } from './measure.js';
import type { CheckedOptions } from './options.js';
import { Alteration, NO_FAULT, type PlannedPacket } from './packet.js';
import { Step, STEP_WORDS } from './script.js';
import { TcpFlag } from '../wire/index.js';

/** Packets after which a reordered one comes, and a replay. */
const REORDERED_BY = 3;
const REPLAYED_AFTER = 100;
/** Sequence numbers that `SkipSequence` skips. */
const SKIPPED = 5000;
/** From one node to another, in nanoseconds. */
const PATH_DELAY = 40_000;
/** Nanoseconds between copies. */
const COPY_GAP = 2000;
const LAST_32 = 0xffffffff;
const FIRST_OUTER_PORT = 32_768;
const OUTER_PORTS = 28_231;
const MILLISECOND = 1e6;
const SECOND = 1e9;

/** Kinds of damage by the underlay, after the faults in the truth. */
export const IMPAIRMENTS = ['loss', 'reorder', 'duplicates', 'bad-icv', 'replays', 'truncation'] as const;
const Impairment = { Loss: 0, Reorder: 1, Duplicates: 2, BadIcv: 3, Replays: 4, Truncation: 5 } as const;

/** What is reported of a packet that shows a fault. */
export type FaultListener = (fault: number, packet: number, lane: Lane) => void;

/** What is planned. */
export interface Planned {
  readonly options: CheckedOptions;
  readonly lanes: readonly Lane[];
  readonly flows: readonly Flow[];
  readonly tunnels: number;
  /** First sequence number of each SA. */
  readonly firsts: readonly number[];
  /** Number of faults. */
  readonly faults: number;
  /** Nanoseconds between rotations. */
  readonly rotationInterval: number;
}

/** A plan in progress. */
export class Plan implements Budget {
  /** Records of the capture so far. */
  records = 0;
  /** Their bytes. */
  bytes = 0;
  /** Packets planned, before damage. */
  planned = 0;
  /** Times of the first and the last packet, in nanoseconds since the begin. */
  first = 0;
  last = 0;
  readonly #input: Planned;
  readonly #measure: Measure;
  readonly #random: SeededRandom;
  readonly #listener: FaultListener | undefined;
  /** Flows by the time of their next packet, the earliest first, and these times. */
  readonly #heap: Flow[] = [];
  readonly #times: Float64Array;
  readonly #reordered = new HeldPackets();
  readonly #replayed = new HeldPackets();
  readonly #twice = new HeldPackets();
  readonly #outerIds: Uint16Array;
  readonly #espLow: Uint32Array;
  readonly #espHigh: Uint32Array;
  readonly #spared: Uint32Array;
  /** Packets in all three of them. */
  #heldBack = 0;
  readonly #hasView: boolean;
  #charged = 0;
  #reserved = 0;
  readonly #impaired: boolean;
  /** When the last healthy packet is sent at the latest, in nanoseconds. */
  readonly #end: number;

  /**
   * @param listener called with packets that show a fault
   */
  constructor(input: Planned, measure: Measure, listener?: FaultListener) {
    const { options, flows, tunnels, firsts } = input;
    this.#input = input;
    this.#measure = measure;
    this.#listener = listener;
    this.#random = new SeededRandom(options.seed ^ 0x706c616e);
    this.#times = new Float64Array(flows.length);
    this.#outerIds = new Uint16Array(tunnels);
    for (let i = 0; i < tunnels; i++) this.#outerIds[i] = this.#random.word();
    this.#espLow = Uint32Array.from(firsts);
    this.#espHigh = new Uint32Array(firsts.length);
    this.#spared = new Uint32Array(firsts.length);
    const { loss, reorder, duplicates, badIcv, replays, truncation } = options.impairments;
    this.#impaired = loss + reorder + duplicates + badIcv + replays + truncation > 0;
    this.#hasView = options.seenBy !== undefined;
    this.#end = options.duration * SECOND;
    for (const flow of flows) if (this.#advance(flow)) this.#push(flow);
  }

  ask(wanted: number): number {
    const { packets, bytes } = this.#input.options;
    if (this.bytes >= bytes) return 0;
    const left = packets - this.#charged - this.#reserved;
    return left < wanted ? Math.max(0, left) : wanted;
  }

  reserve(count: number): void {
    this.#reserved += count;
  }

  release(count: number): void {
    this.#reserved -= count;
  }

  /**
   * Plans the next packet of the capture.
   * @returns false at the end
   */
  next(packet: PlannedPacket): boolean {
    for (;;) {
      if (this.#heldBack > 0 && this.#takeHeld(packet)) return this.#record(packet);
      if (this.#heap.length === 0) return false;
      const flow = this.#heap[0];
      this.#fill(packet, flow);
      this.planned++;
      if (this.#advance(flow)) this.#sink(flow);
      else this.#pop();
      if (this.#hasView && this.#isHidden(packet)) continue;
      if (this.#impaired && packet.fault === NO_FAULT && this.#impair(packet)) continue;
      if ((packet.alterations & Alteration.Replay) !== 0) {
        packet.alterations &= ~Alteration.Replay;
        this.#hold(this.#replayed, packet, REPLAYED_AFTER);
        // Only the copy shows the fault.
        packet.fault = NO_FAULT;
      }
      if ((packet.alterations & Alteration.Delay) !== 0) {
        packet.alterations &= ~Alteration.Delay;
        if (this.#hold(this.#reordered, packet, REORDERED_BY)) continue;
      }
      return this.#record(packet);
    }
  }

  /** Whether there are no more packets. */
  get done(): boolean {
    return this.#heap.length + this.#heldBack === 0;
  }

  /** Keeps a packet for later. Returns whether there was room. */
  #hold(held: HeldPackets, packet: PlannedPacket, after: number): boolean {
    if (!held.push(packet, this.planned + after)) return false;
    this.#heldBack++;
    return true;
  }

  /** Takes a held packet that is due, or the rest at the end. */
  #takeHeld(packet: PlannedPacket): boolean {
    const end = this.#heap.length === 0;
    const planned = end ? Number.POSITIVE_INFINITY : this.planned;
    const held = this.#twice.isDue(planned)
      ? this.#twice
      : this.#reordered.isDue(planned)
        ? this.#reordered
        : this.#replayed.isDue(planned)
          ? this.#replayed
          : undefined;
    if (held === undefined) return false;
    held.pop(packet);
    this.#heldBack--;
    packet.time = Math.max(packet.time, this.last + COPY_GAP);
    return true;
  }

  /** Whether the node that captures doesn't see the packet. */
  #isHidden(packet: PlannedPacket): boolean {
    const { seenBy } = this.#input.options;
    const { source, destination } = this.#input.lanes[packet.lane];
    if (source.name === seenBy) return false;
    if (destination.name !== seenBy) return true;
    packet.time += PATH_DELAY;
    if ((packet.alterations & Alteration.LostOnTheWay) === 0) return false;
    // Seen by its absence.
    this.#listener?.(packet.fault, this.records + 1, this.#input.lanes[packet.lane]);
    return true;
  }

  /** Damages a packet at random. Returns whether it isn't recorded now. */
  #impair(packet: PlannedPacket): boolean {
    const random = this.#random;
    const { loss, reorder, duplicates, badIcv, replays, truncation } = this.#input.options.impairments;
    const { faults } = this.#input;
    if (random.chance(loss)) {
      this.#listener?.(faults + Impairment.Loss, this.records + 1, this.#input.lanes[packet.lane]);
      return true;
    }
    if (random.chance(badIcv)) {
      packet.alterations |= Alteration.FlipBit;
      packet.fault = faults + Impairment.BadIcv;
    }
    if (random.chance(truncation) && packet.frameLength > TRUNCATED_TO) {
      packet.alterations |= Alteration.Truncate;
      packet.fault = faults + Impairment.Truncation;
      this.#measure.measure(packet, this.#input.lanes[packet.lane]);
    }
    const own = packet.fault;
    if (random.chance(duplicates)) {
      packet.fault = faults + Impairment.Duplicates;
      this.#hold(this.#twice, packet, 0);
    }
    if (random.chance(replays)) {
      packet.fault = faults + Impairment.Replays;
      this.#hold(this.#replayed, packet, REPLAYED_AFTER);
    }
    packet.fault = own;
    if (!random.chance(reorder)) return false;
    packet.fault = faults + Impairment.Reorder;
    if (this.#hold(this.#reordered, packet, REORDERED_BY)) return true;
    packet.fault = own;
    return false;
  }

  /** Counts a packet of the capture. */
  #record(packet: PlannedPacket): true {
    if (packet.time < this.last) packet.time = this.last;
    if (this.records === 0) this.first = packet.time;
    this.last = packet.time;
    if (packet.fault !== NO_FAULT) {
      const lane = this.#input.lanes[packet.lane];
      for (let i = 1; i <= packet.records; i++) this.#listener?.(packet.fault, this.records + i, lane);
    }
    this.records += packet.records;
    this.bytes += packet.recordBytes;
    return true;
  }

  /** Takes the next packet of a flow. */
  #fill(packet: PlannedPacket, flow: Flow): void {
    const { steps } = flow.script;
    const at = flow.at * STEP_WORDS;
    const laneFlags = steps[at + Step.LaneFlags];
    const side = laneFlags & 0xffff;
    const index = flow.firstLane + side;
    const lane = this.#input.lanes[index];
    packet.time = flow.time;
    packet.lane = index;
    packet.length = steps[at + Step.Length];
    packet.flags = laneFlags >>> 16;
    packet.sequence = steps[at + Step.Sequence];
    packet.acknowledgment = steps[at + Step.Acknowledgment];
    const wordPort = steps[at + Step.WordPort];
    packet.word = wordPort & 0xffff;
    packet.port = wordPort >>> 16;
    packet.alterations = steps[at + Step.Alterations];
    packet.fault = steps[at + Step.Fault];
    if (lane.timestamps > 0) this.#stamp(packet, flow, (side & 1) === 0);
    packet.innerId = flow.identification;
    flow.identification = (flow.identification + 1) & 0xffff;
    packet.outerId = this.#outerIds[lane.tunnel]++;
    // All packets of a connection in one direction have the same, whatever lane they are of.
    packet.outerPort = outerPortOf(flow.firstLane + (side & 1), packet.port);
    this.#protect(packet, lane);
    this.#measure.measure(packet, lane);
  }

  /** Sets TCP's timestamps. */
  #stamp(packet: PlannedPacket, flow: Flow, fromClient: boolean): void {
    const now = Math.floor(flow.time / MILLISECOND);
    packet.timestamp = ((fromClient ? flow.clientClock : flow.serverClock) + now) | 0;
    // A SYN has nothing to echo.
    packet.echoed = packet.flags === TcpFlag.Syn ? 0 : fromClient ? flow.serverStamp : flow.clientStamp;
    if (fromClient) flow.clientStamp = packet.timestamp;
    else flow.serverStamp = packet.timestamp;
  }

  /** Chooses the SA, and takes a sequence number. */
  #protect(packet: PlannedPacket, lane: Lane): void {
    const { sas } = lane;
    const rotations = sas.length;
    if (rotations === 0) {
      packet.sa = -1;
      return;
    }
    const rotation = rotations === 1 ? 0 : Math.floor(packet.time / this.#input.rotationInterval);
    const sa = sas[rotation < rotations ? rotation : rotations - 1];
    packet.sa = sa;
    const { alterations } = packet;
    if ((alterations & Alteration.SkipSequence) !== 0) this.#espLow[sa] += SKIPPED;
    if ((alterations & Alteration.RestartSequence) !== 0) this.#espLow[sa] = 1;
    packet.espHigh = this.#espHigh[sa];
    if ((alterations & Alteration.SparedSequence) !== 0) {
      packet.espLow = this.#spared[sa] | 0;
      return;
    }
    if ((alterations & Alteration.SpareSequence) !== 0) this.#spared[sa] = this.#espLow[sa]++;
    const low = this.#espLow[sa];
    packet.espLow = low | 0;
    // 0 is no sequence number (RFC 4303 section 3.3.3), except under ESN.
    this.#espLow[sa] = low === LAST_32 ? 1 : low + 1;
    if (low === LAST_32) this.#espHigh[sa]++;
  }

  /** Goes to a flow's next step. Returns whether there is one. */
  #advance(flow: Flow): boolean {
    const { script } = flow;
    flow.at++;
    if (flow.at >= script.count) {
      const before = script.count;
      script.clear();
      flow.at = 0;
      flow.exchanges.refill(script, this);
      if (script.count === 0) return false;
      if (flow.interval > 0) this.#charged += script.count;
      this.#pace(flow, before);
    }
    flow.time += script.gaps[flow.at];
    return true;
  }

  /**
   * Keeps a flow at its rate: an exchange begins when the packets before it are due, and takes no longer than its own. What
   * would be later than the end comes at any time before it.
   */
  #pace(flow: Flow, before: number): void {
    const { interval, script, time: last } = flow;
    if (interval === 0) return;
    flow.due += before * interval * (0.5 + this.#random.word() / 2 ** 32);
    if (flow.time < flow.due) flow.time = flow.due;
    else if (flow.time > flow.due + SECOND) flow.due = flow.time;
    const end = this.#end;
    if (flow.time >= end) flow.time = before === 0 ? end : last + (end - last) * (this.#random.word() / 2 ** 32);
    const most = Math.min(interval * script.count, end - flow.time);
    if (script.duration <= most) return;
    const scale = most / script.duration;
    for (let i = 0; i < script.count; i++) script.gaps[i] *= scale;
  }

  #push(flow: Flow): void {
    const heap = this.#heap;
    const times = this.#times;
    let at = heap.length;
    heap.push(flow);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent] <= flow.time) break;
      heap[at] = heap[parent];
      times[at] = times[parent];
      at = parent;
    }
    heap[at] = flow;
    times[at] = flow.time;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
  }

  /** Puts a flow into the place of the first one. */
  #sink(flow: Flow): void {
    const heap = this.#heap;
    const times = this.#times;
    const count = heap.length;
    const { time } = flow;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && times[child + 1] < times[child]) child++;
      if (times[child] >= time) break;
      heap[at] = heap[child];
      times[at] = times[child];
      at = child;
    }
    heap[at] = flow;
    times[at] = time;
  }
}

/** The outer source port of a flow, spread as Linux does (the flow's hash, scaled into its range). */
function outerPortOf(lane: number, port: number): number {
  let hash = Math.imul(lane + 1, 0x9e3779b1) ^ Math.imul(port + 1, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return FIRST_OUTER_PORT + ((hash >>> 0) % OUTER_PORTS);
}
