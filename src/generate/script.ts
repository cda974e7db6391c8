/** Scripts: what a flow sends next, packet by packet, each with the delay after the one before. */
import { TcpFlag } from '../wire/index.js';
import { NO_FAULT } from './packet.js';

/** Words of a step. Small ones share a word, so that a step is half a cache line. */
export const Step = {
  /** Index among the flow's lanes; TCP flags in the upper half. */
  LaneFlags: 0,
  Length: 1,
  Sequence: 2,
  Acknowledgment: 3,
  /** ICMP sequence number or DNS id; the client's port in the upper half. */
  WordPort: 4,
  Alterations: 5,
  Fault: 6,
} as const;

/** Words of a step. */
export const STEP_WORDS = 8;

/** Indices of a TCP flow's lanes. */
export const TcpLane = { Client: 0, Server: 1, ClientSyn: 2, ServerSyn: 3 } as const;

const MICROSECOND = 1e3;
/** From a segment to the answer of the other end; between segments of a burst. */
const ROUND_TRIP = 240 * MICROSECOND;
const BACK_TO_BACK = 12 * MICROSECOND;

/** A growing list of steps, reused for each exchange of a flow. */
export class Script {
  steps: Int32Array;
  /** Nanoseconds between a step and the one before. */
  gaps: Float64Array;
  count = 0;
  /** Sum of the gaps. */
  duration = 0;
  /** Given to all steps that follow. */
  port = 0;
  fault: number = NO_FAULT;
  alterations = 0;

  constructor(capacity = 8) {
    this.steps = new Int32Array(capacity * STEP_WORDS);
    this.gaps = new Float64Array(capacity);
  }

  /** Starts again. */
  clear(): void {
    this.count = 0;
    this.duration = 0;
  }

  /**
   * Adds a packet.
   * @param lane index among the flow's lanes
   * @param gap nanoseconds after the packet before
   * @param length bytes of the varying payload
   * @param word ICMP sequence number or DNS id
   */
  add(lane: number, gap: number, length: number, word = 0): void {
    this.#step(lane, gap, length, 0, 0, 0, word);
  }

  /** Adds a TCP segment. */
  segment(lane: number, gap: number, length: number, flags: number, sequence: number, acknowledgment: number): void {
    this.#step(lane, gap, length, flags, sequence, acknowledgment, 0);
  }

  #step(
    lane: number,
    gap: number,
    length: number,
    flags: number,
    sequence: number,
    acknowledgment: number,
    word: number,
  ): void {
    if (this.count === this.gaps.length) this.#grow();
    const { steps } = this;
    const at = this.count * STEP_WORDS;
    this.gaps[this.count++] = gap;
    steps[at + Step.LaneFlags] = lane | (flags << 16);
    steps[at + Step.Length] = length;
    steps[at + Step.Sequence] = sequence;
    steps[at + Step.Acknowledgment] = acknowledgment;
    steps[at + Step.WordPort] = word | (this.port << 16);
    steps[at + Step.Alterations] = this.alterations;
    steps[at + Step.Fault] = this.fault;
    this.duration += gap;
  }

  #grow(): void {
    const steps = new Int32Array(2 * this.steps.length);
    const gaps = new Float64Array(2 * this.gaps.length);
    steps.set(this.steps);
    gaps.set(this.gaps);
    this.steps = steps;
    this.gaps = gaps;
  }
}

/** A TCP connection: both ends' sequence numbers. */
export class TcpConversation {
  /** Next sequence number of the client and the server. */
  client = 0;
  server = 0;

  /** Begins a new connection. */
  begin(client: number, server: number): void {
    this.client = client;
    this.server = server;
  }

  /** The three segments of the handshake. */
  open(script: Script): void {
    this.syn(script, 0);
    script.segment(TcpLane.ServerSyn, ROUND_TRIP, 0, TcpFlag.Syn | TcpFlag.Ack, this.server, this.client);
    this.server++;
    this.acknowledge(script, TcpLane.Client, ROUND_TRIP);
  }

  /** The client's first segment. */
  syn(script: Script, gap: number): void {
    script.segment(TcpLane.ClientSyn, gap, 0, TcpFlag.Syn, this.client, 0);
    this.client++;
  }

  /** The same again: retransmitted. */
  synAgain(script: Script, gap: number): void {
    script.segment(TcpLane.ClientSyn, gap, 0, TcpFlag.Syn, this.client - 1, 0);
  }

  /** Data from either end. */
  send(script: Script, from: number, length: number, gap: number = BACK_TO_BACK, push = false): void {
    const flags = TcpFlag.Ack | (push ? TcpFlag.Psh : 0);
    if (from === TcpLane.Client) {
      script.segment(from, gap, length, flags, this.client, this.server);
      this.client += length;
    } else {
      script.segment(from, gap, length, flags, this.server, this.client);
      this.server += length;
    }
  }

  /** Data that was sent before, `back` bytes ago. */
  again(script: Script, from: number, length: number, back: number, gap: number): void {
    const [own, other] = from === TcpLane.Client ? [this.client, this.server] : [this.server, this.client];
    script.segment(from, gap, length, TcpFlag.Ack | TcpFlag.Psh, own - back, other);
  }

  /** An acknowledgment without data of everything but the last `except` bytes. */
  acknowledge(script: Script, from: number, gap: number = ROUND_TRIP, except = 0): void {
    if (from === TcpLane.Client) script.segment(from, gap, 0, TcpFlag.Ack, this.client, this.server - except);
    else script.segment(from, gap, 0, TcpFlag.Ack, this.server, this.client - except);
  }

  /**
   * A request and its answer, of which every second segment is acknowledged.
   * @param segments number of full segments of the answer, before the last
   * @param lost which of them is lost and retransmitted; -1: none
   */
  exchange(script: Script, request: number, segments: number, mss: number, last: number, lost = -1): void {
    this.send(script, TcpLane.Client, request, 0, true);
    let unacknowledged = 0;
    // What the client got beyond a hole isn't acknowledged.
    let beyond = 0;
    for (let i = 0; i < segments; i++) {
      this.send(script, TcpLane.Server, mss, i === 0 ? ROUND_TRIP : BACK_TO_BACK);
      if (i === lost || beyond > 0) {
        beyond += mss;
        if (i > lost) this.acknowledge(script, TcpLane.Client, BACK_TO_BACK, beyond);
      } else if (++unacknowledged === 2) {
        this.acknowledge(script, TcpLane.Client, BACK_TO_BACK);
        unacknowledged = 0;
      }
    }
    this.send(script, TcpLane.Server, last, segments === 0 ? ROUND_TRIP : BACK_TO_BACK, true);
    if (beyond > 0) {
      this.acknowledge(script, TcpLane.Client, BACK_TO_BACK, beyond + last);
      this.again(script, TcpLane.Server, mss, beyond + last, ROUND_TRIP);
    }
    this.acknowledge(script, TcpLane.Client, BACK_TO_BACK);
  }

  /** The end of the connection, from the client. */
  close(script: Script): void {
    const fin = TcpFlag.Fin | TcpFlag.Ack;
    script.segment(TcpLane.Client, ROUND_TRIP, 0, fin, this.client, this.server);
    this.client++;
    script.segment(TcpLane.Server, ROUND_TRIP, 0, fin, this.server, this.client);
    this.server++;
    this.acknowledge(script, TcpLane.Client);
  }
}

/** Largest number of steps of an exchange with `segments` full segments. */
export function exchangeSteps(segments: number): number {
  return 2 * segments + 5;
}
