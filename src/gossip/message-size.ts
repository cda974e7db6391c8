import { type PacketPart } from './member/packet.js';
import { type UserData } from './user-data.js';
import { GossipType, MessageType, type PingSource, type TableEvent } from './wire/messages.js';

// How long messages are on the wire, without encoding them: gossip packs packets by it.

const TYPE_AND_MAP = 2;

/** What goes around a message in a compound packet of memberlist, and around the whole. */
export const COMPOUND_PART_BYTES = 2;
export const COMPOUND_HEADER_BYTES = 2;
/** The type byte before a user message. */
export const USER_TYPE_BYTES = 1;
/** What NetworkDB reckons for a part of its own compounds, and around the whole; it is never less than the truth. */
export const GOSSIP_PART_BYTES = 4;
export const GOSSIP_HEADER_BYTES = 5;

/** Length of a part of a packet, with its type byte, in bytes. */
export function partBytes(part: PacketPart): number {
  switch (part.type) {
    case MessageType.Ping:
      return TYPE_AND_MAP + 5 + rawBytes(part.node) + 6 + uintBytes(part.seqNo) + sourceBytes(part);
    case MessageType.IndirectPing:
      return (
        TYPE_AND_MAP +
        (5 + 1) +
        (5 + rawBytes(part.node)) +
        (5 + uintBytes(part.port)) +
        (6 + uintBytes(part.seqNo)) +
        (7 + bytesBytes(part.target)) +
        sourceBytes(part)
      );
    case MessageType.Ack:
      return TYPE_AND_MAP + 8 + bytesBytes(part.payload) + 6 + uintBytes(part.seqNo);
    case MessageType.Nack:
      return TYPE_AND_MAP + 6 + uintBytes(part.seqNo);
    case MessageType.Suspect:
    case MessageType.Dead:
      return TYPE_AND_MAP + 5 + rawBytes(part.from) + 12 + uintBytes(part.incarnation) + 5 + rawBytes(part.node);
    case MessageType.Alive:
      return (
        TYPE_AND_MAP +
        (5 + bytesBytes(part.addr)) +
        (12 + uintBytes(part.incarnation)) +
        (5 + bytesBytes(part.meta)) +
        (5 + rawBytes(part.node)) +
        (5 + uintBytes(part.port)) +
        (4 + bytesBytes(part.vsn))
      );
    case MessageType.User:
      return USER_TYPE_BYTES + gossipBytes(part.data);
  }
}

/** Length of an encoded GossipMessage, in bytes. */
export function gossipBytes(data: UserData): number {
  const body = bodyBytes(data);
  return 2 + 1 + varintBytes(body) + body;
}

function bodyBytes(data: UserData): number {
  switch (data.type) {
    case GossipType.NodeEvent:
      return 2 + numberField(data.lTime) + textField(data.nodeName);
    case GossipType.NetworkEvent:
      return 2 + numberField(data.lTime) + textField(data.nodeName) + textField(data.networkId);
    case GossipType.TableEvent:
      return tableEventBytes(data);
    case GossipType.Compound:
      return compoundBytes(data.events);
    case GossipType.BulkSync: {
      let bytes = numberField(data.lTime) + (data.unsolicited ? 2 : 0) + textField(data.nodeName);
      for (const network of data.networks) bytes += textField(network);
      const compound = compoundBytes(data.events);
      const payload = 2 + (compound === 0 ? 0 : 1 + varintBytes(compound) + compound);
      return bytes + 1 + varintBytes(payload) + payload;
    }
  }
}

function tableEventBytes(event: TableEvent): number {
  return (
    2 +
    numberField(event.lTime) +
    textField(event.nodeName) +
    textField(event.networkId) +
    textField(event.tableName) +
    textField(event.key) +
    lengthField(event.value.length) +
    numberField(event.residualReapTime)
  );
}

function compoundBytes(events: readonly TableEvent[]): number {
  let bytes = 0;
  for (const event of events) {
    const message = gossipBytes(event);
    const simple = 1 + varintBytes(message) + message;
    bytes += 1 + varintBytes(simple) + simple;
  }
  return bytes;
}

function sourceBytes(source: PingSource): number {
  let bytes = 0;
  if (source.sourceAddr !== undefined) bytes += 11 + bytesBytes(source.sourceAddr);
  if (source.sourcePort !== undefined) bytes += 11 + uintBytes(source.sourcePort);
  if (source.sourceNode !== undefined) bytes += 11 + rawBytes(source.sourceNode);
  return bytes;
}

/** msgpack's unsigned integers. */
function uintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  return value < 0x1_0000 ? 3 : 5;
}

/** msgpack's raw, as the old form of the format has it: no 8-bit lengths. */
function rawBytes(text: string): number {
  return rawLength(textBytes(text));
}

function bytesBytes(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 1 : rawLength(bytes.length);
}

function rawLength(length: number): number {
  return length + (length < 32 ? 1 : 3);
}

function numberField(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function textField(text: string): number {
  return lengthField(textBytes(text));
}

function lengthField(length: number): number {
  return length === 0 ? 0 : 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** Length in UTF-8. */
function textBytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair is two of the four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
