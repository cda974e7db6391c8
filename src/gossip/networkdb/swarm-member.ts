import { type GossipEndpoint } from '../member/endpoint.js';
import { type MemberIdentity } from '../member/context.js';
import { Member } from '../member/member.js';
import { type MemberEvent, type MemberOutput } from '../member/output.js';
import { type PacketPart, type StreamMessage } from '../member/packet.js';
import { DEFAULT_MEMBER_PARAMETERS, type MemberParameters } from '../member/parameters.js';
import { type Random } from '../random.js';
import { NetworkDb } from './network-db.js';
import { DEFAULT_NETWORK_DB_PARAMETERS, type NetworkDbParameters } from './parameters.js';
import { type TableChange } from './table-change.js';

/** What a swarm member needs from outside. */
export interface SwarmMemberPorts {
  readonly random: Random;
  readonly output: SwarmMemberOutput;
}

/** Where packets, streams and events of a swarm member go. Its methods must not call the member back. */
export interface SwarmMemberOutput extends MemberOutput {
  memberEvent(event: MemberEvent): void;
  /** Reports an entry that was created, updated or deleted. */
  tableChanged(change: TableChange): void;
}

/** How a swarm member behaves, where it is not the default. */
export interface SwarmMemberParameters {
  readonly member?: Partial<MemberParameters>;
  readonly networkDb?: Partial<NetworkDbParameters>;
}

/**
 * A member of a swarm's gossip: memberlist and, on top of it, NetworkDB. Without sockets, clocks or timers: see
 * {@link Member}.
 *
 * @example
 * import { type GossipEndpoint, SwarmMember, type SwarmMemberOutput } from 'vtep/gossip';
 *
 * export function joinSwarm(endpoint: GossipEndpoint, manager: GossipEndpoint, output: SwarmMemberOutput): SwarmMember {
 *   const now = performance.now();
 *   const member = new SwarmMember({ name: 'cccccccccccc', endpoint }, { random: Math.random, output });
 *   member.start(now);
 *   member.networkDb.join([manager], now);
 *   member.networkDb.joinNetwork('r0yqus78gwe90z4dmog6y22cv', now);
 *   return member;
 * }
 */
export class SwarmMember {
  readonly member: Member;
  readonly networkDb: NetworkDb;

  constructor(identity: MemberIdentity, ports: SwarmMemberPorts, parameters: SwarmMemberParameters = {}) {
    const { random, output } = ports;
    this.networkDb = new NetworkDb(
      identity.name,
      { ...DEFAULT_NETWORK_DB_PARAMETERS, ...parameters.networkDb },
      { random, changed: (change) => output.tableChanged(change) },
    );
    this.member = new Member(
      identity,
      { ...DEFAULT_MEMBER_PARAMETERS, ...parameters.member },
      { random, output, user: this.networkDb },
    );
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return Math.min(this.member.nextDeadline, this.networkDb.nextDeadline);
  }

  /** Starts to probe and gossip, alone in its cluster. */
  start(now: number): void {
    this.member.start(now);
    this.networkDb.start(this.member, now);
  }

  /** Leaves the cluster. Go on until `member.hasLeft`. */
  leave(now: number): void {
    this.networkDb.leave();
    this.member.leave(now);
  }

  /** Takes a packet that arrived. */
  receive(parts: readonly PacketPart[], from: GossipEndpoint, now: number): void {
    this.member.receive(parts, from, now);
  }

  /** Takes a stream that another member opened. Returns what to answer before it is closed, if anything. */
  receiveStream(message: StreamMessage, now: number): StreamMessage | undefined {
    return this.member.receiveStream(message, now);
  }

  /** Takes the answer in a stream that this member opened; undefined for a user message that was sent. */
  streamAnswered(id: number, answer: StreamMessage | undefined, now: number): void {
    this.member.streamAnswered(id, answer, now);
  }

  /** Takes the failure of a stream that this member opened. */
  streamFailed(id: number, now: number): void {
    this.member.streamFailed(id, now);
  }

  /** Does what is due. */
  advance(now: number): void {
    this.member.advance(now);
    this.networkDb.advance(now);
  }
}
