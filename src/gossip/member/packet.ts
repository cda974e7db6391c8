import { type UserData, type UserState } from '../user-data.js';
import {
  type Ack,
  type Alive,
  type Dead,
  type IndirectPing,
  type MessageType,
  type Nack,
  type Ping,
  type PushNodeState,
  type Suspect,
} from '../wire/messages.js';

/** A user message, decoded. */
export interface UserPart {
  readonly type: typeof MessageType.User;
  readonly data: UserData;
}

/** A message in a packet. A packet with more than one is a compound on the wire. */
export type PacketPart = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserPart;

/** A push/pull, decoded. */
export interface StateExchange {
  readonly type: typeof MessageType.PushPull;
  readonly join: boolean;
  readonly nodes: readonly PushNodeState[];
  /** Undefined if the other side sent none. */
  readonly userState: UserState | undefined;
}

/** A message in a stream. A push/pull is answered by one, a ping by an ack, a user message by nothing. */
export type StreamMessage = StateExchange | Ping | Ack | UserPart;
