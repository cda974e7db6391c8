import { BroadcastQueue } from '../broadcast-queue.js';
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES, USER_TYPE_BYTES, partBytes } from '../message-size.js';
import { nextTick } from '../ticker.js';
import { type Random } from '../random.js';
import { type UserData } from '../user-data.js';
import {
  type Alive,
  type Dead,
  type IndirectPing,
  MessageType,
  NodeState,
  type Ping,
  type PushNodeState,
  type Suspect,
} from '../wire/messages.js';
import { Awareness } from './awareness.js';
import { MemberCounts } from './counts.js';
import { type GossipEndpoint, sameBytes, sameEndpoint } from './endpoint.js';
import { type MemberOutput, type MemberUser } from './output.js';
import { type PacketPart, type StateExchange, type StreamMessage, type UserPart } from './packet.js';
import { type MemberParameters, pushPullInterval, suspicionTimeout } from './parameters.js';
import { Peer } from './peer.js';
import { Peers } from './peers.js';
import { Relays } from './relays.js';
import { Suspicion } from './suspicion.js';

/** Versions in an `alive`: protocol 1 to 5, speaking 2, as Docker's members say. */
export const SWARM_VERSIONS: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** Higher incarnations are refused: their subject could not contradict for long. */
const MAX_INCARNATION = 0x7fff_ffff;

/** Protocol versions from which members understand pings over TCP, nacks, and checksums. */
const STREAM_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;
const CRC_PROTOCOL = 5;

/** Difference between the suspicion multiplier and the number of confirmations expected. */
const UNCONFIRMED = 2;

/** Who a member is. */
export interface MemberIdentity {
  /** Unique in the cluster; Docker takes 12 hexadecimal digits, new at each start of the engine. */
  readonly name: string;
  /** Where others reach it. */
  readonly endpoint: GossipEndpoint;
  /** Empty in a swarm. @default empty */
  readonly meta?: Uint8Array;
  /** @default {@link SWARM_VERSIONS} */
  readonly vsn?: Uint8Array;
}

/** What a member needs from outside. */
export interface MemberPorts {
  readonly random: Random;
  readonly output: MemberOutput;
  readonly user: MemberUser;
}

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

/** A stream that this member opened. */
interface OpenStream {
  readonly endpoint: GossipEndpoint;
  readonly kind: 'join' | 'push-pull' | 'ping' | 'user';
  readonly done: ((succeeded: boolean, now: number) => void) | undefined;
}

/**
 * A member of a gossip cluster, compatible with HashiCorp's memberlist: SWIM with Lifeguard's extensions.
 *
 * It has no sockets, clock or timers. Packets, streams and the time go in; packets, streams to open and events come out
 * through its {@link MemberOutput}. Times are milliseconds of any clock that doesn't run backwards. After each call,
 * {@link Member.nextDeadline} says when {@link Member.advance} is due.
 *
 * @example
 * import { DEFAULT_MEMBER_PARAMETERS, Member, type MemberIdentity, type MemberPorts } from 'vtep/gossip';
 *
 * export function joinCluster(identity: MemberIdentity, ports: MemberPorts, now: number): Member {
 *   const member = new Member(identity, DEFAULT_MEMBER_PARAMETERS, ports);
 *   member.start(now);
 *   member.join([{ addr: Uint8Array.of(192, 168, 50, 1), port: 7946 }], now);
 *   return member;
 * }
 */
export class Member {
  readonly self: Peer;
  readonly counts = new MemberCounts();
  readonly #parameters: MemberParameters;
  readonly #random: Random;
  readonly #output: MemberOutput;
  readonly #user: MemberUser;
  readonly #peers: Peers;
  readonly #awareness: Awareness;
  readonly #broadcasts: BroadcastQueue<PacketPart>;
  readonly #relays: Relays;
  readonly #streams = new Map<number, OpenStream>();
  /** Accusations passed on about members that this one doesn't know, with their incarnations. */
  readonly #forwarded = new Map<string, number>();
  readonly #suspects: Peer[] = [];
  /** No suspicion ends before this. */
  #suspicionAt = Infinity;
  #probe: Probe | undefined;
  #probeAt = Infinity;
  /** Whether a probe fell due while another one was in progress. */
  #probeDue = false;
  #gossipAt = Infinity;
  #pushPullAt = Infinity;
  #seqNo = 0;
  #streamId = 0;
  #leaving = false;
  // Reused, so that gossip doesn't allocate while there is nothing to say.
  readonly #picked: Peer[] = [];
  readonly #userPicked: UserData[] = [];
  readonly #isOther = (peer: Peer): boolean => peer !== this.self && !peer.isGone;
  readonly #isOtherAlive = (peer: Peer): boolean => peer !== this.self && peer.state === NodeState.Alive;
  #now = 0;
  readonly #getsGossip = (peer: Peer): boolean =>
    peer !== this.self &&
    (peer.state === NodeState.Dead
      ? this.#now - peer.stateChange <= this.#parameters.gossipToTheDeadTime
      : peer.state !== NodeState.Left);
  readonly #isForgotten = (peer: Peer): boolean =>
    peer.isGone && peer !== this.self && this.#now - peer.stateChange > this.#parameters.gossipToTheDeadTime;
  readonly #isAsked = (peer: Peer): boolean =>
    peer !== this.self && peer !== this.#probe?.peer && peer.state === NodeState.Alive;

  constructor(identity: MemberIdentity, parameters: MemberParameters, ports: MemberPorts) {
    this.#parameters = parameters;
    this.#random = ports.random;
    this.#output = ports.output;
    this.#user = ports.user;
    this.#peers = new Peers(ports.random);
    this.#awareness = new Awareness(parameters.awarenessMaxMultiplier);
    this.#broadcasts = new BroadcastQueue(parameters.retransmitMult, parameters.maxBroadcasts);
    this.#relays = new Relays(parameters.maxRelays);
    const { name, endpoint, meta = new Uint8Array(0), vsn = SWARM_VERSIONS } = identity;
    this.self = new Peer(name, endpoint, meta, vsn, 1);
  }

  /** Lifeguard's health score: 0 is healthy. */
  get healthScore(): number {
    return this.#awareness.score;
  }

  /** Members known, itself and dead ones included. */
  get size(): number {
    return this.#peers.size;
  }

  /** Messages queued for gossip, and those dropped since the queue was full. */
  get queued(): number {
    return this.#broadcasts.length;
  }

  get evictedBroadcasts(): number {
    return this.#broadcasts.evicted;
  }

  /** All members known, itself and dead ones included. */
  peers(): readonly Peer[] {
    return this.#peers.values();
  }

  /** A member by name. */
  peer(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  /** Whether this member's departure has been passed on as often as it is meant to be. */
  get hasLeft(): boolean {
    return this.#leaving && !this.#broadcasts.has(this.self.name);
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    let next = Math.min(this.#gossipAt, this.#probeAt, this.#pushPullAt, this.#suspicionAt, this.#relays.nextDeadline);
    if (this.#probe !== undefined) next = Math.min(next, this.#probe.indirectAt ?? this.#probe.deadline);
    return next;
  }

  /** Starts to probe and gossip, alone in its cluster. */
  start(now: number): void {
    this.#now = now;
    this.#peers.add(this.self);
    this.self.become(NodeState.Alive, now);
    this.#queue(aliveOf(this.self));
    this.#user.joined(this.self, now);
    const { probeInterval, gossipInterval, pushPullInterval: interval } = this.#parameters;
    // A random start keeps members that start together from acting together.
    this.#probeAt = now + probeInterval * (0.001 + this.#random());
    this.#gossipAt = now + gossipInterval * (0.001 + this.#random());
    this.#pushPullAt = now + interval * (0.001 + this.#random());
  }

  /** Adds members known from elsewhere, without gossip about them: a list that was saved, for instance. */
  learn(members: Iterable<PushNodeState>, now: number): void {
    this.#now = now;
    for (const member of members) {
      if (member.state !== NodeState.Alive || this.#peers.get(member.name) !== undefined) continue;
      const peer = this.#add(member.name, { addr: member.addr, port: member.port }, member.meta, member.vsn);
      if (peer === undefined) return;
      peer.incarnation = member.incarnation;
      peer.become(NodeState.Alive, now);
      this.#user.joined(peer, now);
    }
  }

  /** Joins the cluster of the members at these addresses. Each one ends in a `synchronized` or `unreachable` event. */
  join(endpoints: Iterable<GossipEndpoint>, now: number, done?: (succeeded: boolean, now: number) => void): void {
    for (const endpoint of endpoints) this.#exchange(endpoint, true, now, done);
  }

  /** Leaves the cluster: others learn that this member isn't dead. Go on until {@link hasLeft}. */
  leave(now: number): void {
    this.#now = now;
    if (this.#leaving) return;
    this.#leaving = true;
    const { name, incarnation } = this.self;
    this.#receiveDead({ type: MessageType.Dead, incarnation, node: name, from: name });
  }

  /** Sends a user message in a packet of its own. */
  sendUser(to: Peer, data: UserData): void {
    this.#output.sendPacket(to.endpoint, [{ type: MessageType.User, data }], to.protocolMax >= CRC_PROTOCOL);
  }

  /** Sends a user message in a stream. */
  sendReliably(
    to: GossipEndpoint,
    data: UserData,
    now: number,
    done?: (succeeded: boolean, now: number) => void,
  ): void {
    this.#openStream(to, 'user', { type: MessageType.User, data }, now + this.#parameters.streamTimeout, done);
  }

  /** Takes a packet that arrived: the messages in it, in order. */
  receive(parts: readonly PacketPart[], from: GossipEndpoint, now: number): void {
    this.#now = now;
    for (const part of parts) {
      switch (part.type) {
        case MessageType.Ping:
          this.#receivePing(part, from);
          break;
        case MessageType.IndirectPing:
          this.#receiveIndirectPing(part, from);
          break;
        case MessageType.Ack:
          this.#receiveAck(part.seqNo);
          break;
        case MessageType.Nack:
          this.#receiveNack(part.seqNo);
          break;
        case MessageType.Suspect:
          this.#receiveSuspect(part);
          break;
        case MessageType.Alive:
          this.#receiveAlive(part);
          break;
        case MessageType.Dead:
          this.#receiveDead(part);
          break;
        case MessageType.User:
          this.#user.receive(part.data, now);
          break;
      }
    }
  }

  /** Takes a stream that another member opened. Returns what to answer before it is closed, if anything. */
  receiveStream(message: StreamMessage, now: number): StreamMessage | undefined {
    this.#now = now;
    switch (message.type) {
      case MessageType.PushPull: {
        // As memberlist does: the state before the merge.
        const answer = this.#state(message.join);
        this.#merge(message);
        return answer;
      }
      case MessageType.Ping:
        if (message.node !== '' && message.node !== this.self.name) {
          this.counts.misdirectedPings += 1;
          return undefined;
        }
        return { type: MessageType.Ack, seqNo: message.seqNo, payload: undefined };
      case MessageType.User:
        this.#user.receive(message.data, now);
        return undefined;
      case MessageType.Ack:
        this.counts.unknownAnswers += 1;
        return undefined;
    }
  }

  /** Takes the answer in a stream that this member opened; undefined for a user message that was sent. */
  streamAnswered(id: number, answer: StreamMessage | undefined, now: number): void {
    this.#now = now;
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (stream.kind === 'user') {
      this.#endStream(id, true);
    } else if (stream.kind === 'ping') {
      const answered = answer?.type === MessageType.Ack && answer.seqNo === this.#probe?.seqNo;
      if (answered && this.#probe?.stream === id) this.#probe.answeredByStream = true;
      this.#endStream(id, answered);
    } else if (answer?.type === MessageType.PushPull) {
      this.counts.pushPulls += 1;
      this.#merge(answer);
      this.#endStream(id, true);
    } else {
      this.#endStream(id, false);
    }
  }

  /** Takes the failure of a stream that this member opened. */
  streamFailed(id: number, now: number): void {
    this.#now = now;
    this.#endStream(id, false);
  }

  /** Does what is due. */
  advance(now: number): void {
    this.#now = now;
    this.#advanceProbe();
    if (now >= this.#probeAt) {
      this.#probeAt = nextTick(this.#probeAt, this.#parameters.probeInterval, now);
      if (this.#probe === undefined) this.#startProbe();
      else this.#probeDue = true;
    }
    if (now >= this.#suspicionAt) this.#endSuspicions();
    if (now >= this.#relays.nextDeadline) this.#endRelays();
    if (now >= this.#gossipAt) {
      this.#gossipAt = nextTick(this.#gossipAt, this.#parameters.gossipInterval, now);
      this.#gossip();
    }
    if (now >= this.#pushPullAt) {
      this.#pushPullAt = now + pushPullInterval(this.#parameters.pushPullInterval, this.#peers.size);
      this.#pushPull();
    }
  }

  // Probes.

  #startProbe(): void {
    this.#probeDue = false;
    if (this.#leaving) return;
    const peer = this.#peers.nextToProbe(this.#isOther, this.#isForgotten);
    if (peer === undefined) return;
    const { name, endpoint } = this.self;
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    const ping: Ping = {
      type: MessageType.Ping,
      seqNo: this.#seqNo,
      node: peer.name,
      sourceAddr: endpoint.addr,
      sourcePort: endpoint.port,
      sourceNode: name,
    };
    this.#probe = {
      peer,
      seqNo: this.#seqNo,
      ping,
      indirectAt: this.#now + this.#parameters.probeTimeout,
      deadline: this.#now + this.#awareness.scale(this.#parameters.probeInterval),
      expectedNacks: 0,
      nacks: 0,
      stream: undefined,
      answeredByStream: false,
    };
    this.counts.probes += 1;
    if (peer.state === NodeState.Alive || !this.#parameters.suspectWithPing) {
      this.#sendWithBroadcasts(peer.endpoint, ping);
    } else {
      const { incarnation } = peer;
      const suspect: Suspect = { type: MessageType.Suspect, incarnation, node: peer.name, from: name };
      this.#output.sendPacket(peer.endpoint, [ping, suspect], peer.protocolMax >= CRC_PROTOCOL);
    }
  }

  #advanceProbe(): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    if (probe.indirectAt !== undefined && this.#now >= probe.indirectAt) {
      probe.indirectAt = undefined;
      this.#probeIndirectly(probe);
    }
    if (this.#now >= probe.deadline) this.#failProbe(probe);
  }

  #probeIndirectly(probe: Probe): void {
    const { peer, seqNo } = probe;
    const { name, endpoint } = this.self;
    const picked = this.#pick(this.#parameters.indirectChecks, this.#isAsked);
    for (const other of picked) {
      const nack = this.#parameters.nacks && other.protocolMax >= NACK_PROTOCOL;
      if (nack) probe.expectedNacks += 1;
      const request: IndirectPing = {
        type: MessageType.IndirectPing,
        seqNo,
        target: peer.endpoint.addr,
        port: peer.endpoint.port,
        node: peer.name,
        nack,
        sourceAddr: endpoint.addr,
        sourcePort: endpoint.port,
        sourceNode: name,
      };
      this.#sendWithBroadcasts(other.endpoint, request);
    }
    if (this.#parameters.streamPing && peer.protocolMax >= STREAM_PING_PROTOCOL) {
      probe.stream = this.#openStream(peer.endpoint, 'ping', probe.ping, probe.deadline, undefined);
    }
  }

  #failProbe(probe: Probe): void {
    if (probe.answeredByStream) {
      this.counts.streamOnlyProbes += 1;
      this.#endProbe(-1);
      return;
    }
    this.counts.failedProbes += 1;
    const { peer, expectedNacks, nacks } = probe;
    this.#endProbe(expectedNacks > 0 ? Math.max(0, expectedNacks - nacks) : 1, false);
    const { incarnation } = peer;
    this.#receiveSuspect({ type: MessageType.Suspect, incarnation, node: peer.name, from: this.self.name });
    if (this.#probeDue) this.#startProbe();
  }

  #endProbe(awareness: number, goOn = true): void {
    if (this.#probe?.stream !== undefined) this.#streams.delete(this.#probe.stream);
    this.#probe = undefined;
    this.#awareness.apply(awareness);
    if (goOn && this.#probeDue) this.#startProbe();
  }

  #receivePing(ping: Ping, from: GossipEndpoint): void {
    if (ping.node !== '' && ping.node !== this.self.name) {
      this.counts.misdirectedPings += 1;
      return;
    }
    this.#sendWithBroadcasts(sourceOf(ping, from), { type: MessageType.Ack, seqNo: ping.seqNo, payload: undefined });
  }

  #receiveIndirectPing(request: IndirectPing, from: GossipEndpoint): void {
    const { name, endpoint } = this.self;
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    const deadline = this.#now + this.#parameters.probeTimeout;
    if (!this.#relays.add(this.#seqNo, request.seqNo, sourceOf(request, from), request.nack, deadline)) {
      this.counts.refusedRelays += 1;
      return;
    }
    const ping: Ping = {
      type: MessageType.Ping,
      seqNo: this.#seqNo,
      node: request.node,
      sourceAddr: endpoint.addr,
      sourcePort: endpoint.port,
      sourceNode: name,
    };
    this.#sendWithBroadcasts({ addr: request.target, port: request.port }, ping);
  }

  #receiveAck(seqNo: number): void {
    if (seqNo === this.#probe?.seqNo) {
      // Late, so that the failure is certain already: the timer was, perhaps, not.
      if (this.#now >= this.#probe.deadline) this.#advanceProbe();
      else this.#endProbe(-1);
      return;
    }
    const relay = this.#relays.take(seqNo, this.#now);
    if (relay === undefined) this.counts.unknownAnswers += 1;
    else this.#sendWithBroadcasts(relay.to, { type: MessageType.Ack, seqNo: relay.answer, payload: undefined });
  }

  #receiveNack(seqNo: number): void {
    if (seqNo === this.#probe?.seqNo) this.#probe.nacks += 1;
    else this.counts.unknownAnswers += 1;
  }

  #endRelays(): void {
    for (const relay of this.#relays.expire(this.#now)) {
      if (relay.nack) this.#sendWithBroadcasts(relay.to, { type: MessageType.Nack, seqNo: relay.answer });
    }
  }

  // States of members.

  #receiveAlive(alive: Alive): void {
    const { node, incarnation, vsn } = alive;
    const isSelf = node === this.self.name;
    if (isSelf && this.#leaving) return;
    if (!this.#isPossible(incarnation)) return;
    const [min = 0, max = 0] = vsn;
    if (vsn.length < 6 || min === 0 || max === 0 || min > max) {
      this.counts.badVersions += 1;
      return;
    }
    let peer = this.#peers.get(node);
    let moves = false;
    if (peer === undefined) {
      peer = this.#add(node, { addr: alive.addr, port: alive.port }, alive.meta, vsn);
      if (peer === undefined) return;
      peer.incarnation = 0;
    } else if (peer.endpoint.port !== alive.port || !sameBytes(peer.endpoint.addr, alive.addr)) {
      const { deadNodeReclaimTime } = this.#parameters;
      const reclaims = deadNodeReclaimTime > 0 && this.#now - peer.stateChange > deadNodeReclaimTime;
      moves = peer.state === NodeState.Left || (peer.state === NodeState.Dead && reclaims);
      if (!moves) {
        this.counts.conflicts += 1;
        this.#output.memberEvent({ kind: 'conflict', peer, endpoint: { addr: alive.addr, port: alive.port } });
        return;
      }
    }
    if (isSelf) {
      const isKnown = incarnation === peer.incarnation && sameBytes(alive.meta, peer.meta) && sameBytes(vsn, peer.vsn);
      if (incarnation >= peer.incarnation && !isKnown) this.#refute(incarnation);
      return;
    }
    if (incarnation <= peer.incarnation && !moves) {
      this.#answerStaleAlive(peer, incarnation);
      return;
    }
    peer.suspicion = undefined;
    const wasGone = peer.isGone;
    const hasChanged = !sameBytes(alive.meta, peer.meta);
    this.#queue(alive);
    const endpoint = moves ? { addr: alive.addr, port: alive.port } : peer.endpoint;
    if (hasChanged || moves || !sameBytes(vsn, peer.vsn)) peer.describe(endpoint, alive.meta, vsn);
    peer.incarnation = incarnation;
    if (peer.state !== NodeState.Alive) peer.become(NodeState.Alive, this.#now);
    if (wasGone) {
      this.#user.joined(peer, this.#now);
      this.#output.memberEvent({ kind: 'joined', peer });
    } else if (hasChanged) {
      this.#output.memberEvent({ kind: 'updated', peer });
    }
  }

  /** A member that announces itself with an old incarnation hasn't heard of the accusation: repeat it. */
  #answerStaleAlive(peer: Peer, incarnation: number): void {
    if (!this.#parameters.forwardAccusations || peer.state === NodeState.Alive || peer.state === NodeState.Left) return;
    if (incarnation >= peer.incarnation && peer.state === NodeState.Suspect) return;
    if (this.#now - peer.accusedAt < this.#parameters.probeInterval || this.#broadcasts.has(peer.name)) return;
    peer.accusedAt = this.#now;
    this.counts.forwardedAccusations += 1;
    const type = peer.state === NodeState.Dead ? MessageType.Dead : MessageType.Suspect;
    this.#queue({ type, incarnation: peer.incarnation, node: peer.name, from: this.self.name });
  }

  #receiveSuspect(suspect: Suspect): void {
    const { node, incarnation } = suspect;
    if (!this.#isPossible(incarnation)) return;
    const peer = this.#peers.get(node);
    if (peer === undefined) {
      this.#forward(suspect);
      return;
    }
    if (incarnation < peer.incarnation) return;
    if (peer.suspicion !== undefined) {
      if (this.#parameters.monotonicIncarnations && incarnation > peer.incarnation) peer.incarnation = incarnation;
      if (peer.suspicion.confirm(suspect.from)) {
        this.#suspicionAt = Math.min(this.#suspicionAt, peer.suspicion.deadline);
        this.#queue(suspect);
      }
      return;
    }
    if (peer.state !== NodeState.Alive) {
      if (this.#parameters.monotonicIncarnations && peer.isGone && incarnation > peer.incarnation) {
        peer.incarnation = incarnation;
      }
      return;
    }
    if (peer === this.self) {
      this.#refute(incarnation);
      return;
    }
    this.#queue(suspect);
    peer.incarnation = incarnation;
    peer.become(NodeState.Suspect, this.#now);
    const members = this.#peers.size;
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = this.#parameters;
    const expected = suspicionMaxTimeoutMult > 1 ? suspicionMult - UNCONFIRMED : 0;
    const min = suspicionTimeout(suspicionMult, members, probeInterval);
    peer.suspicion = new Suspicion(
      suspect.from,
      members - UNCONFIRMED < expected ? 0 : expected,
      min,
      min * suspicionMaxTimeoutMult,
      this.#now,
    );
    if (!peer.isListed) {
      peer.isListed = true;
      this.#suspects.push(peer);
    }
    this.#suspicionAt = Math.min(this.#suspicionAt, peer.suspicion.deadline);
  }

  #endSuspicions(): void {
    const suspects = this.#suspects;
    let kept = 0;
    let next = Infinity;
    for (const peer of suspects) {
      const { suspicion } = peer;
      const isSuspect = suspicion !== undefined && peer.state === NodeState.Suspect;
      if (isSuspect && this.#now < suspicion.deadline) {
        suspects[kept] = peer;
        kept += 1;
        next = Math.min(next, suspicion.deadline);
        continue;
      }
      peer.isListed = false;
      if (!isSuspect) continue;
      const { incarnation, name } = peer;
      this.#receiveDead({ type: MessageType.Dead, incarnation, node: name, from: this.self.name });
    }
    suspects.length = kept;
    this.#suspicionAt = next;
  }

  #receiveDead(dead: Dead): void {
    const { node, incarnation } = dead;
    if (!this.#isPossible(incarnation)) return;
    const peer = this.#peers.get(node);
    if (peer === undefined) {
      if (dead.from !== node) this.#forward(dead);
      return;
    }
    if (incarnation < peer.incarnation) return;
    peer.suspicion = undefined;
    if (peer.isGone) {
      if (this.#parameters.monotonicIncarnations && incarnation > peer.incarnation) peer.incarnation = incarnation;
      return;
    }
    if (peer === this.self && !this.#leaving) {
      this.#refute(incarnation);
      return;
    }
    this.#queue(dead);
    peer.incarnation = incarnation;
    const left = dead.from === node;
    peer.become(left ? NodeState.Left : NodeState.Dead, this.#now);
    this.#user.gone(peer, this.#now);
    this.#output.memberEvent(left ? { kind: 'left', peer } : { kind: 'failed', peer, from: dead.from });
  }

  #refute(accused: number): void {
    this.counts.refutations += 1;
    this.self.incarnation = Math.max(this.self.incarnation, accused) + 1;
    this.#awareness.apply(1);
    this.#queue(aliveOf(this.self));
  }

  /** Passes on an accusation of a member that this one doesn't know, once per incarnation. */
  #forward(accusation: Suspect | Dead): void {
    const { node, incarnation } = accusation;
    if (!this.#parameters.forwardAccusations || incarnation <= (this.#forwarded.get(node) ?? 0)) return;
    if (this.#forwarded.size >= this.#parameters.maxRelays) {
      for (const oldest of this.#forwarded.keys()) {
        this.#forwarded.delete(oldest);
        break;
      }
    }
    this.#forwarded.delete(node);
    this.#forwarded.set(node, incarnation);
    this.counts.forwardedAccusations += 1;
    this.#queue(accusation);
  }

  #isPossible(incarnation: number): boolean {
    if (incarnation <= MAX_INCARNATION) return true;
    this.counts.impossibleIncarnations += 1;
    return false;
  }

  #add(name: string, endpoint: GossipEndpoint, meta: Uint8Array | undefined, vsn: Uint8Array): Peer | undefined {
    if (this.#peers.size >= this.#parameters.maxMembers) {
      this.counts.refusedMembers += 1;
      return undefined;
    }
    const peer = new Peer(name, endpoint, meta, vsn, 0);
    peer.stateChange = this.#now;
    this.#peers.add(peer);
    return peer;
  }

  // Gossip.

  #gossip(): void {
    const bytes = this.#packetBytes;
    for (const peer of this.#pick(this.#parameters.gossipNodes, this.#getsGossip)) {
      const parts: PacketPart[] = [];
      this.#takeBroadcasts(bytes, parts);
      if (parts.length === 0) return;
      this.#output.sendPacket(peer.endpoint, parts, peer.protocolMax >= CRC_PROTOCOL);
    }
  }

  get #packetBytes(): number {
    return this.#parameters.packetBytes - COMPOUND_HEADER_BYTES - this.#parameters.encryptionOverhead;
  }

  /** Sends a message, and messages to pass on in the room that it leaves. */
  #sendWithBroadcasts(to: GossipEndpoint, part: PacketPart): void {
    const parts: PacketPart[] = [part];
    this.#takeBroadcasts(this.#packetBytes - partBytes(part), parts);
    // Without a checksum, as memberlist does when it has an address and not a member.
    this.#output.sendPacket(to, parts, false);
  }

  #takeBroadcasts(limit: number, into: PacketPart[]): void {
    const used = this.#broadcasts.take(COMPOUND_PART_BYTES, limit, this.#peers.size, into);
    const overhead = COMPOUND_PART_BYTES + USER_TYPE_BYTES;
    if (limit - used <= overhead) return;
    this.#userPicked.length = 0;
    this.#user.takeBroadcasts(overhead, limit - used, this.#userPicked);
    for (const data of this.#userPicked) into.push({ type: MessageType.User, data });
  }

  #queue(message: Alive | Suspect | Dead): void {
    this.#broadcasts.push(message.node, message, partBytes(message));
  }

  #pick(count: number, isWanted: (peer: Peer) => boolean): readonly Peer[] {
    this.#picked.length = 0;
    this.#peers.pick(count, isWanted, this.#picked);
    return this.#picked;
  }

  // Full exchanges of state.

  #pushPull(): void {
    const peer = this.#pick(1, this.#isOtherAlive).at(0);
    if (peer !== undefined && !this.#leaving) this.#exchange(peer.endpoint, false, this.#now, undefined);
  }

  #exchange(
    to: GossipEndpoint,
    join: boolean,
    now: number,
    done: ((succeeded: boolean, now: number) => void) | undefined,
  ): void {
    this.#now = now;
    const deadline = now + this.#parameters.streamTimeout;
    this.#openStream(to, join ? 'join' : 'push-pull', this.#state(join), deadline, done);
  }

  #state(join: boolean): StateExchange {
    const nodes: PushNodeState[] = [];
    for (const peer of this.#peers.values()) nodes.push(peer.record);
    return { type: MessageType.PushPull, join, nodes, userState: this.#user.state(join) };
  }

  #merge({ nodes, userState, join }: StateExchange): void {
    const isNamed = this.#parameters.attributeHearsay && userState !== undefined && userState.nodeName !== '';
    const from = isNamed ? userState.nodeName : this.self.name;
    for (const node of nodes) this.#mergeNode(node, from);
    if (userState !== undefined) this.#user.merge(userState, join, this.#now);
  }

  #mergeNode(node: PushNodeState, from: string): void {
    const { name, incarnation, state } = node;
    if (state === NodeState.Alive) {
      const peer = this.#peers.get(name);
      // Nearly always nothing new: don't make a message of it.
      const isKnown = peer !== undefined && peer !== this.self && peer.state === NodeState.Alive;
      if (isKnown && incarnation <= peer.incarnation && sameEndpoint(peer.endpoint, node)) return;
      const { addr, port, meta, vsn } = node;
      this.#receiveAlive({ type: MessageType.Alive, incarnation, node: name, addr, port, meta, vsn });
    } else if (state === NodeState.Left) {
      this.#receiveDead({ type: MessageType.Dead, incarnation, node: name, from: name });
    } else {
      // Rather suspected than declared dead on hearsay, so that it can contradict.
      const peer = this.#peers.get(name);
      const isKnown = peer?.suspicion !== undefined && incarnation <= peer.incarnation;
      if (isKnown && this.#parameters.attributeHearsay) return;
      this.#receiveSuspect({ type: MessageType.Suspect, incarnation, node: name, from });
    }
  }

  #openStream(
    endpoint: GossipEndpoint,
    kind: OpenStream['kind'],
    message: StateExchange | Ping | UserPart,
    deadline: number,
    done: OpenStream['done'],
  ): number {
    this.#streamId += 1;
    const id = this.#streamId;
    this.#streams.set(id, { endpoint, kind, done });
    this.#output.openStream(id, endpoint, message, deadline);
    return id;
  }

  #endStream(id: number, succeeded: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    const { kind, endpoint } = stream;
    if (!succeeded) this.counts.failedStreams += 1;
    if (kind === 'join' || kind === 'push-pull') {
      this.#output.memberEvent({ kind: succeeded ? 'synchronized' : 'unreachable', endpoint, join: kind === 'join' });
    }
    stream.done?.(succeeded, this.#now);
  }
}

function aliveOf({ incarnation, name, endpoint, meta, vsn }: Peer): Alive {
  return { type: MessageType.Alive, incarnation, node: name, addr: endpoint.addr, port: endpoint.port, meta, vsn };
}

/** Where to answer: to the address in the message, if there is one. */
function sourceOf(message: Ping | IndirectPing, from: GossipEndpoint): GossipEndpoint {
  const { sourceAddr, sourcePort } = message;
  if (sourceAddr === undefined || sourceAddr.length === 0 || sourcePort === undefined || sourcePort === 0) return from;
  return { addr: sourceAddr, port: sourcePort };
}
