import { nextTick } from '../ticker.js';
import { type Ack, type IndirectPing, MessageType, NodeState, type Ping, type Suspect } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { type Dissemination } from './dissemination.js';
import { type GossipEndpoint, sameEndpoint } from './endpoint.js';
import { type StreamMessage } from './packet.js';
import { type Peer } from './peer.js';
import { Relays } from './relays.js';
import { type States } from './states.js';
import { type Streams } from './streams.js';

/** Protocol versions from which members understand pings over TCP, and nacks. */
const STREAM_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;

/** The probe of a member in progress. */
interface Probe {
  readonly peer: Peer;
  readonly seqNo: number;
  readonly ping: Ping;
  /** When others are asked; undefined once they have been. */
  indirectAt: number | undefined;
  readonly deadline: number;
  expectedNacks: number;
  nacks: number;
  stream: number | undefined;
  answeredByStream: boolean;
}

/** SWIM's failure detection: probes one member after the other, answers the probes of others, and pings for them. */
export class Probing {
  readonly #context: MemberContext;
  readonly #dissemination: Dissemination;
  readonly #states: States;
  readonly #streams: Streams;
  readonly #relays: Relays;
  readonly #picked: Peer[] = [];
  readonly #isOther: (peer: Peer) => boolean;
  readonly #isForgotten: (peer: Peer) => boolean;
  readonly #isAsked: (peer: Peer) => boolean;
  #now = 0;
  #probe: Probe | undefined;
  #probeAt = Infinity;
  /** Whether a probe fell due while another one was in progress. */
  #probeDue = false;
  #seqNo = 0;

  constructor(context: MemberContext, dissemination: Dissemination, states: States, streams: Streams) {
    const { self, parameters } = context;
    this.#context = context;
    this.#dissemination = dissemination;
    this.#states = states;
    this.#streams = streams;
    this.#relays = new Relays(parameters.maxRelays);
    this.#isOther = (peer) => peer !== self && !peer.isGone;
    this.#isForgotten = (peer) =>
      peer.isGone && peer !== self && this.#now - peer.stateChange > parameters.gossipToTheDeadTime;
    this.#isAsked = (peer) => peer !== self && peer !== this.#probe?.peer && peer.state === NodeState.Alive;
  }

  /** When {@link advance} or {@link endRelays} is due. */
  get nextDeadline(): number {
    const next = Math.min(this.#probeAt, this.#relays.nextDeadline);
    return this.#probe === undefined ? next : Math.min(next, this.#probe.indirectAt ?? this.#probe.deadline);
  }

  start(now: number): void {
    const { parameters, random } = this.#context;
    this.#probeAt = now + parameters.probeInterval * (0.001 + random());
  }

  /** Does what is due of its own probes. */
  advance(now: number): void {
    this.#advanceProbe(now);
    if (now < this.#probeAt) return;
    this.#probeAt = nextTick(this.#probeAt, this.#context.parameters.probeInterval, now);
    if (this.#probe === undefined) this.#startProbe(now);
    else this.#probeDue = true;
  }

  /** Answers for the pings on behalf of others that were not answered in time. */
  endRelays(now: number): void {
    if (now < this.#relays.nextDeadline) return;
    for (const relay of this.#relays.expire(now)) {
      if (!relay.nack) continue;
      this.#dissemination.sendWithBroadcasts(relay.to, { type: MessageType.Nack, seqNo: relay.answer });
    }
  }

  /** The answer to a ping; undefined if it is meant for another name. */
  answer(ping: Ping): Ack | undefined {
    const { self, counts } = this.#context;
    if (ping.node === '' || ping.node === self.name) {
      return { type: MessageType.Ack, seqNo: ping.seqNo, payload: undefined };
    }
    counts.misdirectedPings += 1;
    return undefined;
  }

  receivePing(ping: Ping, from: GossipEndpoint): void {
    const answer = this.answer(ping);
    if (answer !== undefined) this.#dissemination.sendWithBroadcasts(sourceOf(ping, from), answer);
  }

  receiveIndirectPing(request: IndirectPing, from: GossipEndpoint, now: number): void {
    const { parameters, counts } = this.#context;
    const seqNo = this.#nextSeqNo();
    const deadline = now + parameters.probeTimeout;
    if (!this.#relays.add(seqNo, request.seqNo, sourceOf(request, from), request.nack, deadline)) {
      counts.refusedRelays += 1;
      return;
    }
    const target = { addr: request.target, port: request.port };
    this.#dissemination.sendWithBroadcasts(target, this.#pingOf(request.node, seqNo));
  }

  receiveAck(seqNo: number, from: GossipEndpoint, now: number): void {
    if (seqNo === this.#probe?.seqNo) {
      // Late, so that the failure is certain already: the timer was, perhaps, not.
      if (now >= this.#probe.deadline) this.#advanceProbe(now);
      else {
        this.#countAnswer(this.#probe, from);
        this.#endProbe(-1, now);
      }
      return;
    }
    const relay = this.#relays.take(seqNo, now);
    if (relay === undefined) {
      this.#context.counts.unknownAnswers += 1;
      return;
    }
    const ack: Ack = { type: MessageType.Ack, seqNo: relay.answer, payload: undefined };
    this.#dissemination.sendWithBroadcasts(relay.to, ack);
  }

  receiveNack(seqNo: number): void {
    if (seqNo === this.#probe?.seqNo) this.#probe.nacks += 1;
    else this.#context.counts.unknownAnswers += 1;
  }

  /** Takes the answer to a ping in a stream. Returns whether it is one. */
  receiveStreamAnswer(id: number, answer: StreamMessage | undefined): boolean {
    const answered = answer?.type === MessageType.Ack && answer.seqNo === this.#probe?.seqNo;
    if (answered && this.#probe?.stream === id) this.#probe.answeredByStream = true;
    return answered;
  }

  #startProbe(now: number): void {
    const { self, peers, parameters, awareness, counts } = this.#context;
    this.#now = now;
    this.#probeDue = false;
    if (this.#states.leaving) return;
    const peer = peers.nextToProbe(this.#isOther, this.#isForgotten);
    if (peer === undefined) return;
    const seqNo = this.#nextSeqNo();
    const ping = this.#pingOf(peer.name, seqNo);
    this.#probe = {
      peer,
      seqNo,
      ping,
      indirectAt: now + parameters.probeTimeout,
      deadline: now + awareness.scale(parameters.probeInterval),
      expectedNacks: 0,
      nacks: 0,
      stream: undefined,
      answeredByStream: false,
    };
    counts.probes += 1;
    if (peer.state === NodeState.Alive || !parameters.suspectWithPing) {
      this.#dissemination.sendWithBroadcasts(peer.endpoint, ping);
    } else {
      const { incarnation, name } = peer;
      const suspect: Suspect = { type: MessageType.Suspect, incarnation, node: name, from: self.name };
      this.#dissemination.send(peer, [ping, suspect]);
    }
  }

  #advanceProbe(now: number): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    if (probe.indirectAt !== undefined && now >= probe.indirectAt) {
      probe.indirectAt = undefined;
      this.#probeIndirectly(probe);
    }
    if (now >= probe.deadline) this.#failProbe(probe, now);
  }

  #probeIndirectly(probe: Probe): void {
    const { self, peers, parameters } = this.#context;
    const { peer, seqNo } = probe;
    this.#picked.length = 0;
    peers.pick(parameters.indirectChecks, this.#isAsked, this.#picked);
    for (const other of this.#picked) {
      const nack = parameters.nacks && other.protocolMax >= NACK_PROTOCOL;
      if (nack) probe.expectedNacks += 1;
      const request: IndirectPing = {
        type: MessageType.IndirectPing,
        seqNo,
        target: peer.endpoint.addr,
        port: peer.endpoint.port,
        node: peer.name,
        nack,
        sourceAddr: self.endpoint.addr,
        sourcePort: self.endpoint.port,
        sourceNode: self.name,
      };
      this.#dissemination.sendWithBroadcasts(other.endpoint, request);
    }
    if (parameters.streamPing && peer.protocolMax >= STREAM_PING_PROTOCOL) {
      probe.stream = this.#streams.open(peer.endpoint, 'ping', probe.ping, probe.deadline, undefined);
    }
  }

  #failProbe(probe: Probe, now: number): void {
    const { self, counts } = this.#context;
    if (probe.answeredByStream) {
      counts.streamOnlyProbes += 1;
      probe.peer.streamOnlyProbes += 1;
      this.#endProbe(-1, now);
      return;
    }
    counts.failedProbes += 1;
    const { peer, expectedNacks, nacks } = probe;
    this.#forgetProbe(expectedNacks > 0 ? Math.max(0, expectedNacks - nacks) : 1);
    const { incarnation, name } = peer;
    this.#states.receiveSuspect({ type: MessageType.Suspect, incarnation, node: name, from: self.name }, now);
    if (this.#probeDue) this.#startProbe(now);
  }

  #countAnswer({ peer, indirectAt }: Probe, from: GossipEndpoint): void {
    peer.streamOnlyProbes = 0;
    // Until others are asked, an ack from another address is that of a member with more than one.
    if (indirectAt !== undefined || sameEndpoint(from, peer.endpoint)) {
      peer.relayedProbes = 0;
      peer.directProbes += 1;
      return;
    }
    this.#context.counts.relayedProbes += 1;
    peer.relayedProbes += 1;
  }

  #endProbe(awareness: number, now: number): void {
    this.#forgetProbe(awareness);
    if (this.#probeDue) this.#startProbe(now);
  }

  #forgetProbe(awareness: number): void {
    if (this.#probe?.stream !== undefined) this.#streams.forget(this.#probe.stream);
    this.#probe = undefined;
    this.#context.awareness.apply(awareness);
  }

  #nextSeqNo(): number {
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    return this.#seqNo;
  }

  #pingOf(node: string, seqNo: number): Ping {
    const { name, endpoint } = this.#context.self;
    const source = { sourceAddr: endpoint.addr, sourcePort: endpoint.port, sourceNode: name };
    return { type: MessageType.Ping, seqNo, node, ...source };
  }
}

/** Where to answer: to the address in the message, if there is one. */
function sourceOf(message: Ping | IndirectPing, from: GossipEndpoint): GossipEndpoint {
  const { sourceAddr, sourcePort } = message;
  if (sourceAddr === undefined || sourceAddr.length === 0 || sourcePort === undefined || sourcePort === 0) return from;
  return { addr: sourceAddr, port: sourcePort };
}
