import { type PacketPart, type StreamMessage } from './member/packet.js';
import { type UserData } from './user-data.js';
import { type GossipFault, isFault } from './wire/fault.js';
import { type GossipKeyring } from './wire/keyring.js';
import { encodeMember } from './wire/member-codec.js';
import { GossipType, type MemberMessage, MessageType, type TableEvent } from './wire/messages.js';
import { decodeGossip, encodeGossip } from './wire/networkdb-codec.js';
import { decodePacket, encodePacket } from './wire/packet.js';

/** What the bytes of a packet or stream were. */
export interface DecodedParts {
  readonly parts: readonly PacketPart[];
  /** Messages that are not valid, or don't belong in a packet. */
  readonly invalid: number;
}

/**
 * Encodes what a member sends in a packet.
 * @param crc as in {@link MemberOutput.sendPacket}
 * @param keys undefined for clear text
 */
export function encodeParts(parts: readonly PacketPart[], crc: boolean, keys: GossipKeyring | undefined): Uint8Array {
  return encodePacket(
    parts.map((part) => encodeMember(part.type === MessageType.User ? userMessage(part.data) : part)),
    keys,
    { crc },
  );
}

/** Decodes a packet for a member. What is invalid in it is counted, and doesn't keep the rest from being read. */
export function decodeParts(bytes: Uint8Array, keys: GossipKeyring | undefined): DecodedParts | GossipFault {
  const packet = decodePacket(bytes, keys);
  if (isFault(packet)) return packet;
  const parts: PacketPart[] = [];
  let { invalid } = packet;
  for (const message of packet.messages) {
    if (message.type === MessageType.User) {
      const data: UserData[] = [];
      invalid += readUser(message.body, data);
      for (const item of data) parts.push({ type: MessageType.User, data: item });
    } else if (message.type === MessageType.PushPull || message.type === MessageType.Error) {
      invalid += 1;
    } else {
      parts.push(message);
    }
  }
  return { parts, invalid };
}

/** What a member sends in a stream, for `encodeStream`. */
export function toStream(message: StreamMessage): MemberMessage {
  switch (message.type) {
    case MessageType.User:
      return userMessage(message.data);
    case MessageType.PushPull: {
      const { type, join, nodes, userState } = message;
      return { type, join, nodes, userState: userState === undefined ? new Uint8Array(0) : encodeGossip(userState) };
    }
    default:
      return message;
  }
}

/** What arrived in a stream, for a member. Undefined if it isn't what a member expects there. */
export function fromStream(message: MemberMessage): StreamMessage | undefined {
  switch (message.type) {
    case MessageType.User: {
      const data: UserData[] = [];
      readUser(message.body, data);
      const first = data.at(0);
      return first === undefined ? undefined : { type: MessageType.User, data: first };
    }
    case MessageType.PushPull: {
      const { type, join, nodes } = message;
      if (message.userState.length === 0) return { type, join, nodes, userState: undefined };
      const userState = decodeGossip(message.userState);
      const isState = !isFault(userState) && userState.type === GossipType.PushPull;
      return { type, join, nodes, userState: isState ? userState : undefined };
    }
    case MessageType.Ping:
    case MessageType.Ack:
      return message;
    default:
      return undefined;
  }
}

function userMessage(data: UserData): MemberMessage {
  return { type: MessageType.User, body: encodeUser(data) };
}

function encodeUser(data: UserData): Uint8Array {
  switch (data.type) {
    case GossipType.Compound:
      return compoundOf(data.events);
    case GossipType.BulkSync: {
      const { type, lTime, unsolicited, nodeName, networks } = data;
      return encodeGossip({ type, lTime, unsolicited, nodeName, networks, payload: compoundOf(data.events) });
    }
    default:
      return encodeGossip(data);
  }
}

function compoundOf(events: readonly TableEvent[]): Uint8Array {
  return encodeGossip({ type: GossipType.Compound, messages: events.map((event) => encodeGossip(event)) });
}

/** Appends what a user message holds to `into`. Returns the number of invalid messages. */
function readUser(body: Uint8Array, into: UserData[]): number {
  const message = decodeGossip(body);
  if (isFault(message)) return 1;
  switch (message.type) {
    case GossipType.PushPull:
      return 1;
    case GossipType.Compound: {
      const events: TableEvent[] = [];
      const invalid = readCompound(message.messages, events, into);
      if (events.length > 0) into.push({ type: GossipType.Compound, events });
      return invalid;
    }
    case GossipType.BulkSync: {
      const { type, lTime, unsolicited, nodeName, networks } = message;
      const payload = decodeGossip(message.payload);
      const events: TableEvent[] = [];
      if (isFault(payload) || payload.type !== GossipType.Compound) return 1;
      const invalid = readCompound(payload.messages, events, []);
      into.push({ type, lTime, unsolicited, nodeName, networks, events });
      return invalid;
    }
    default:
      into.push(message);
      return 0;
  }
}

function readCompound(messages: readonly Uint8Array[], events: TableEvent[], others: UserData[]): number {
  let invalid = 0;
  for (const bytes of messages) {
    const message = decodeGossip(bytes);
    if (isFault(message)) invalid += 1;
    else if (message.type === GossipType.TableEvent) events.push(message);
    else if (message.type === GossipType.NodeEvent || message.type === GossipType.NetworkEvent) others.push(message);
    else invalid += 1;
  }
  return invalid;
}
