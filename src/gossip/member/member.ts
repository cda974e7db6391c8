import { type UserData } from '../user-data.js';
import { MessageType, type PushNodeState } from '../wire/messages.js';
import { MemberContext, type MemberIdentity, type MemberPorts } from './context.js';
import { type MemberCounts } from './counts.js';
import { Dissemination } from './dissemination.js';
import { type GossipEndpoint } from './endpoint.js';
import { type PacketPart, type StreamMessage } from './packet.js';
import { type MemberParameters } from './parameters.js';
import { type Peer } from './peer.js';
import { Probing } from './probing.js';
import { PushPull } from './push-pull.js';
import { States } from './states.js';
import { type StreamDone, Streams } from './streams.js';

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
  readonly counts: MemberCounts;
  readonly #context: MemberContext;
  readonly #dissemination: Dissemination;
  readonly #states: States;
  readonly #streams: Streams;
  readonly #probing: Probing;
  readonly #pushPull: PushPull;

  constructor(identity: MemberIdentity, parameters: MemberParameters, ports: MemberPorts) {
    const context = new MemberContext(identity, parameters, ports);
    this.self = context.self;
    this.counts = context.counts;
    this.#context = context;
    this.#dissemination = new Dissemination(context);
    this.#states = new States(context, this.#dissemination);
    this.#streams = new Streams(context);
    this.#probing = new Probing(context, this.#dissemination, this.#states, this.#streams);
    this.#pushPull = new PushPull(context, this.#states, this.#streams);
  }

  /** Lifeguard's health score: 0 is healthy. */
  get healthScore(): number {
    return this.#context.awareness.score;
  }

  /** Members known, itself and dead ones included. */
  get size(): number {
    return this.#context.peers.size;
  }

  /** Messages queued for gossip, and those dropped since the queue was full. */
  get queued(): number {
    return this.#dissemination.queued;
  }

  get evictedBroadcasts(): number {
    return this.#dissemination.evicted;
  }

  /** All members known, itself and dead ones included. */
  peers(): readonly Peer[] {
    return this.#context.peers.values();
  }

  /** A member by name. */
  peer(name: string): Peer | undefined {
    return this.#context.peers.get(name);
  }

  /** Whether this member's departure has been passed on as often as it is meant to be. */
  get hasLeft(): boolean {
    return this.#states.leaving && !this.#dissemination.has(this.self.name);
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return Math.min(
      this.#dissemination.nextDeadline,
      this.#probing.nextDeadline,
      this.#pushPull.nextDeadline,
      this.#states.nextDeadline,
    );
  }

  /** Starts to probe and gossip, alone in its cluster. */
  start(now: number): void {
    this.#states.start(now);
    // A random start keeps members that start together from acting together.
    this.#probing.start(now);
    this.#dissemination.start(now);
    this.#pushPull.start(now);
  }

  /** Adds members known from elsewhere, without gossip about them: a list that was saved, for instance. */
  learn(members: Iterable<PushNodeState>, now: number): void {
    this.#states.learn(members, now);
  }

  /** Joins the cluster of the members at these addresses. Each one ends in a `synchronized` or `unreachable` event. */
  join(endpoints: Iterable<GossipEndpoint>, now: number, done?: StreamDone): void {
    for (const endpoint of endpoints) this.#pushPull.exchange(endpoint, true, now, done);
  }

  /** Exchanges the state with a member, as it does with one at random now and then. */
  exchange(to: GossipEndpoint, now: number): void {
    if (!this.hasLeft) this.#pushPull.exchange(to, false, now, undefined);
  }

  /** Leaves the cluster: others learn that this member isn't dead. Go on until {@link hasLeft}. */
  leave(now: number): void {
    this.#states.leave(now);
  }

  /** Sends a user message to members, in a packet of its own to each. */
  sendUser(to: readonly Peer[], data: UserData): void {
    const parts: readonly PacketPart[] = [{ type: MessageType.User, data }];
    for (const peer of to) this.#dissemination.send(peer, parts);
  }

  /** Sends a user message in a stream. */
  sendReliably(to: GossipEndpoint, data: UserData, now: number, done?: StreamDone): void {
    const deadline = now + this.#context.parameters.streamTimeout;
    this.#streams.open(to, 'user', { type: MessageType.User, data }, deadline, done);
  }

  /** Takes a packet that arrived: the messages in it, in order. */
  receive(parts: readonly PacketPart[], from: GossipEndpoint, now: number): void {
    for (const part of parts) {
      switch (part.type) {
        case MessageType.Ping:
          this.#probing.receivePing(part, from);
          break;
        case MessageType.IndirectPing:
          this.#probing.receiveIndirectPing(part, from, now);
          break;
        case MessageType.Ack:
          this.#probing.receiveAck(part.seqNo, from, now);
          break;
        case MessageType.Nack:
          this.#probing.receiveNack(part.seqNo);
          break;
        case MessageType.Suspect:
          this.#states.receiveSuspect(part, now);
          break;
        case MessageType.Alive:
          this.#states.receiveAlive(part, now);
          break;
        case MessageType.Dead:
          this.#states.receiveDead(part, now);
          break;
        case MessageType.User:
          this.#context.user.receive(part.data, now);
          break;
      }
    }
  }

  /** Takes a stream that another member opened. Returns what to answer before it is closed, if anything. */
  receiveStream(message: StreamMessage, now: number): StreamMessage | undefined {
    switch (message.type) {
      case MessageType.PushPull:
        return this.#pushPull.answer(message, now);
      case MessageType.Ping:
        return this.#probing.answer(message);
      case MessageType.User:
        this.#context.user.receive(message.data, now);
        return undefined;
      case MessageType.Ack:
        this.counts.unknownAnswers += 1;
        return undefined;
    }
  }

  /** Takes the answer in a stream that this member opened; undefined for a user message that was sent. */
  streamAnswered(id: number, answer: StreamMessage | undefined, now: number): void {
    const kind = this.#streams.kindOf(id);
    if (kind === undefined) return;
    if (kind === 'user') {
      this.#streams.end(id, true, now);
    } else if (kind === 'ping') {
      this.#streams.end(id, this.#probing.receiveStreamAnswer(id, answer), now);
    } else if (answer?.type === MessageType.PushPull) {
      this.#pushPull.receiveAnswer(answer, now);
      this.#streams.end(id, true, now);
    } else {
      this.#streams.end(id, false, now);
    }
  }

  /** Takes the failure of a stream that this member opened. */
  streamFailed(id: number, now: number): void {
    this.#streams.end(id, false, now);
  }

  /** Does what is due. */
  advance(now: number): void {
    this.#probing.advance(now);
    if (now >= this.#states.nextDeadline) this.#states.endSuspicions(now);
    this.#probing.endRelays(now);
    this.#dissemination.advance(now);
    this.#pushPull.advance(now);
  }
}
