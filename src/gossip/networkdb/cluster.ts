import { type GossipEndpoint } from '../member/endpoint.js';
import { type Peer } from '../member/peer.js';
import { type UserData } from '../user-data.js';

/** What NetworkDB needs of the member below it; a {@link Member} is one. */
export interface Cluster {
  /** Sends a message to each of these in a packet, which may get lost. */
  sendUser(to: readonly Peer[], data: UserData): void;
  /** Sends a message by a stream; `done` says whether it got there. */
  sendReliably(to: GossipEndpoint, data: UserData, now: number, done?: (succeeded: boolean, now: number) => void): void;
  /** Exchanges the state with a member: a push/pull. */
  exchange(to: GossipEndpoint, now: number): void;
  /** Exchanges the state with one of these. */
  join(endpoints: Iterable<GossipEndpoint>, now: number, done?: (succeeded: boolean, now: number) => void): void;
}
