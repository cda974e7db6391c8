import { BroadcastQueue } from '../broadcast-queue.js';
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES, USER_TYPE_BYTES, partBytes } from '../message-size.js';
import { nextTick } from '../ticker.js';
import { type UserData } from '../user-data.js';
import { type Alive, type Dead, MessageType, NodeState, type Suspect } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { type GossipEndpoint } from './endpoint.js';
import { type PacketPart } from './packet.js';
import { type Peer } from './peer.js';

/** Protocol version from which members understand checksums. */
const CRC_PROTOCOL = 5;

/** SWIM's dissemination: messages that are passed on in rounds of gossip, and in the room that other packets leave. */
export class Dissemination {
  /** When {@link advance} is due. */
  nextDeadline = Infinity;
  readonly #context: MemberContext;
  readonly #broadcasts: BroadcastQueue<PacketPart>;
  /** Room for messages in a packet, in bytes. */
  readonly #packetBytes: number;
  // Reused, so that gossip doesn't allocate while there is nothing to say.
  readonly #picked: Peer[] = [];
  readonly #userPicked: UserData[] = [];
  readonly #getsGossip: (peer: Peer) => boolean;
  #now = 0;

  constructor(context: MemberContext) {
    const { retransmitMult, maxBroadcasts, packetBytes, encryptionOverhead, gossipToTheDeadTime } = context.parameters;
    this.#context = context;
    this.#broadcasts = new BroadcastQueue(retransmitMult, maxBroadcasts);
    this.#packetBytes = packetBytes - COMPOUND_HEADER_BYTES - encryptionOverhead;
    this.#getsGossip = (peer) =>
      peer !== context.self &&
      (peer.state === NodeState.Dead
        ? this.#now - peer.stateChange <= gossipToTheDeadTime
        : peer.state !== NodeState.Left);
  }

  /** Messages queued. */
  get queued(): number {
    return this.#broadcasts.length;
  }

  /** Messages dropped since the queue was full. */
  get evicted(): number {
    return this.#broadcasts.evicted;
  }

  /** Whether a message about a member is still to be passed on. */
  has(name: string): boolean {
    return this.#broadcasts.has(name);
  }

  start(now: number): void {
    const { parameters, random } = this.#context;
    this.nextDeadline = now + parameters.gossipInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now < this.nextDeadline) return;
    this.nextDeadline = nextTick(this.nextDeadline, this.#context.parameters.gossipInterval, now);
    this.#gossip(now);
  }

  /** Queues a message to pass on, instead of an older one about the same member. */
  queue(message: Alive | Suspect | Dead): void {
    this.#broadcasts.push(message.node, message, partBytes(message));
  }

  /** Sends a message, and messages to pass on in the room that it leaves. */
  sendWithBroadcasts(to: GossipEndpoint, part: PacketPart): void {
    const parts: PacketPart[] = [part];
    this.#take(this.#packetBytes - partBytes(part), parts);
    // Without a checksum, as memberlist does when it has an address and not a member.
    this.#context.output.sendPacket(to, parts, false);
  }

  /** Sends messages to a member, and nothing else. */
  send(to: Peer, parts: readonly PacketPart[]): void {
    this.#context.output.sendPacket(to.endpoint, parts, to.protocolMax >= CRC_PROTOCOL);
  }

  #gossip(now: number): void {
    this.#now = now;
    const { peers, parameters } = this.#context;
    this.#picked.length = 0;
    peers.pick(parameters.gossipNodes, this.#getsGossip, this.#picked);
    for (const peer of this.#picked) {
      const parts: PacketPart[] = [];
      this.#take(this.#packetBytes, parts);
      if (parts.length === 0) return;
      this.send(peer, parts);
    }
  }

  #take(limit: number, into: PacketPart[]): void {
    const used = this.#broadcasts.take(COMPOUND_PART_BYTES, limit, this.#context.peers.size, into);
    const overhead = COMPOUND_PART_BYTES + USER_TYPE_BYTES;
    if (limit - used <= overhead) return;
    this.#userPicked.length = 0;
    this.#context.user.takeBroadcasts(overhead, limit - used, this.#userPicked);
    for (const data of this.#userPicked) into.push({ type: MessageType.User, data });
  }
}
