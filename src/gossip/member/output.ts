import { type UserData, type UserState } from '../user-data.js';
import { type GossipEndpoint } from './endpoint.js';
import { type PacketPart, type StateExchange, type StreamMessage, type UserPart } from './packet.js';
import { type Peer } from './peer.js';
import { type Ping } from '../wire/messages.js';

/** Where a member's packets and streams go. Its methods must not call the member back. */
export interface MemberOutput {
  /**
   * Sends a packet: a compound if it has several parts. With `crc`, it carries a checksum, since the receiver is known
   * to understand one.
   */
  sendPacket(to: GossipEndpoint, parts: readonly PacketPart[], crc: boolean): void;
  /**
   * Opens a stream, sends a message and, unless it is a user message, waits for the answer until `deadline`. Call
   * {@link Member.streamAnswered} with the answer (for a user message: when it is sent), or {@link Member.streamFailed}.
   */
  openStream(id: number, to: GossipEndpoint, message: StateExchange | Ping | UserPart, deadline: number): void;
  /** Reports what happened. */
  memberEvent(event: MemberEvent): void;
}

/** What happened to a member. */
export type MemberEvent =
  /** It joined, or came back. */
  | { readonly kind: 'joined'; readonly peer: Peer }
  /** Its meta data changed. */
  | { readonly kind: 'updated'; readonly peer: Peer }
  /** It was declared dead, here or elsewhere. */
  | { readonly kind: 'failed'; readonly peer: Peer; readonly from: string }
  /** It left by itself. */
  | { readonly kind: 'left'; readonly peer: Peer }
  /** Its name appeared at another address. */
  | { readonly kind: 'conflict'; readonly peer: Peer; readonly endpoint: GossipEndpoint }
  /** A member asked to join, or to be synchronised with, exchanged its state with this one. */
  | { readonly kind: 'synchronized'; readonly endpoint: GossipEndpoint; readonly join: boolean }
  /** It didn't. */
  | { readonly kind: 'unreachable'; readonly endpoint: GossipEndpoint; readonly join: boolean };

/** What runs on top of a member: NetworkDB. */
export interface MemberUser {
  /** Appends messages to pass on: as many as fit in `limit` bytes with `overhead` bytes each. */
  takeBroadcasts(overhead: number, limit: number, into: UserData[]): void;
  /** Takes a message that arrived. */
  receive(data: UserData, now: number): void;
  /** What a push/pull says. */
  state(join: boolean): UserState | undefined;
  /** Takes what another member's push/pull says. */
  merge(state: UserState, join: boolean, now: number): void;
  /** A member joined, or came back. */
  joined(peer: Peer, now: number): void;
  /** A member left or failed. */
  gone(peer: Peer, now: number): void;
}

export type { StreamMessage };
