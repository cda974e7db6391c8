/** NetworkDB's messages and bytes: what memberlist's user messages and push/pulls carry in a swarm. */
import { VtepError } from '../../error.js';
import { textLength } from '../../memory/internal.js';
import { ProtobufReader, ProtobufWriter } from '../../protobuf/internal.js';
import type { GossipFault } from './fault.js';
import { MAX_COMPOUND_DEPTH, MAX_COMPOUND_MESSAGES, MAX_PUSH_PULL_ENTRIES, MAX_STREAM_BYTES } from './limits.js';
import {
  type EntryEvent,
  type GossipCompound,
  type GossipMessage,
  GossipType,
  MAX_NAME_BYTES,
  type MembershipEvent,
  type NetworkEntry,
} from './messages.js';

/** Maximum number of networks in a bulk sync. */
const MAX_NETWORKS = 65_536;
const MAX_INT32 = 0x7fffffff;
const NO_BYTES: Uint8Array = new Uint8Array(0);

type Reader = ProtobufReader<GossipFault>;

function time(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new VtepError('BAD_GOSSIP', `a Lamport time is not a whole number from 0 to 2^53 - 1: ${value}`);
}

function name(text: string): string {
  if (textLength(text) <= MAX_NAME_BYTES) return text;
  throw new VtepError('BAD_GOSSIP', `a name has more than ${MAX_NAME_BYTES} bytes`);
}

/**
 * Encodes a message as the body of a user message, or the user state of a push/pull, to the same bytes as Docker.
 * @throws VtepError `BAD_GOSSIP` for a Lamport time above 2^53 - 1, or a name that is too long
 */
export function encodeGossip(message: GossipMessage): Uint8Array {
  return new ProtobufWriter().int(1, message.type).bytes(2, encodeData(message)).finish();
}

function encodeData(message: GossipMessage): Uint8Array {
  const out = new ProtobufWriter();
  switch (message.type) {
    case GossipType.NodeEvent:
      return out.int(1, message.event).int(2, time(message.lTime)).text(3, name(message.nodeName)).finish();
    case GossipType.NetworkEvent:
      return out
        .int(1, message.event)
        .int(2, time(message.lTime))
        .text(3, name(message.nodeName))
        .text(4, name(message.networkId))
        .finish();
    case GossipType.PushPull:
      out.int(1, time(message.lTime));
      for (const entry of message.networks) out.element(2, encodeNetworkEntry(entry));
      return out.text(3, name(message.nodeName)).finish();
    case GossipType.TableEvent:
      return out
        .int(1, message.event)
        .int(2, time(message.lTime))
        .text(3, name(message.nodeName))
        .text(4, name(message.networkId))
        .text(5, name(message.tableName))
        .text(6, name(message.key))
        .bytes(7, message.value)
        .int(8, message.residualReapTime)
        .finish();
    case GossipType.BulkSync:
      out.int(1, time(message.lTime)).bool(2, message.unsolicited).text(3, name(message.nodeName));
      for (const network of message.networks) out.element(4, name(network));
      return out.bytes(5, message.payload).finish();
    case GossipType.Compound:
      for (const part of message.messages) out.element(1, new ProtobufWriter().bytes(1, part).finish());
      return out.finish();
  }
}

function encodeNetworkEntry(entry: NetworkEntry): Uint8Array {
  return new ProtobufWriter()
    .text(1, name(entry.networkId))
    .int(2, time(entry.lTime))
    .text(3, name(entry.nodeName))
    .bool(4, entry.leaving)
    .finish();
}

/** Decodes the body of a user message, or the user state of a push/pull. The message doesn't refer to the bytes. */
export function decodeGossip(bytes: Uint8Array): GossipMessage | GossipFault {
  const outer: Reader = new ProtobufReader(bytes);
  let type = 0;
  let data = NO_BYTES;
  while (outer.next()) {
    if (outer.field === 1) type = outer.uint(MAX_INT32);
    else if (outer.field === 2) data = outer.view(MAX_STREAM_BYTES);
    else outer.skip();
  }
  if (outer.fault !== undefined) return outer.fault;
  const reader: Reader = new ProtobufReader(data);
  const message = messageOf(type, reader);
  return reader.fault ?? message;
}

function messageOf(type: number, reader: Reader): GossipMessage | GossipFault {
  switch (type) {
    case GossipType.NodeEvent:
    case GossipType.NetworkEvent:
      return readMembership(type, reader);
    case GossipType.PushPull:
      return readPushPull(reader);
    case GossipType.TableEvent:
      return readTableEvent(reader);
    case GossipType.BulkSync:
      return readBulkSync(reader);
    case GossipType.Compound:
      return readCompound(reader);
    default:
      return 'unknown-type';
  }
}

/** Reads a type of event: 1 to `last`. */
function readEvent(reader: Reader, last: number): number {
  const event = reader.uint(last);
  if (event === 0) reader.fail('bad-number');
  return event;
}

function readName(reader: Reader): string {
  return reader.text(MAX_NAME_BYTES, 'name-too-long');
}

function readTime(reader: Reader): number {
  return reader.uint(Number.MAX_SAFE_INTEGER, 'bad-lamport-time');
}

function readMembership(
  type: typeof GossipType.NodeEvent | typeof GossipType.NetworkEvent,
  reader: Reader,
): GossipMessage {
  let event = 0;
  let lTime = 0;
  let nodeName = '';
  let networkId = '';
  while (reader.next()) {
    if (reader.field === 1) event = readEvent(reader, 2);
    else if (reader.field === 2) lTime = readTime(reader);
    else if (reader.field === 3) nodeName = readName(reader);
    else if (reader.field === 4 && type === GossipType.NetworkEvent) networkId = readName(reader);
    else reader.skip();
  }
  if (event === 0) reader.fail('bad-number');
  const kind = event as MembershipEvent;
  return type === GossipType.NodeEvent
    ? { type, event: kind, lTime, nodeName }
    : { type, event: kind, lTime, nodeName, networkId };
}

function readPushPull(reader: Reader): GossipMessage {
  let lTime = 0;
  let nodeName = '';
  const networks: NetworkEntry[] = [];
  while (reader.next()) {
    if (reader.field === 1) lTime = readTime(reader);
    else if (reader.field === 2) {
      networks.push(readNetworkEntry(reader.message(MAX_STREAM_BYTES)));
      if (networks.length > MAX_PUSH_PULL_ENTRIES) reader.fail('too-many');
    } else if (reader.field === 3) nodeName = readName(reader);
    else reader.skip();
  }
  return { type: GossipType.PushPull, lTime, networks, nodeName };
}

function readNetworkEntry(reader: Reader): NetworkEntry {
  let networkId = '';
  let lTime = 0;
  let nodeName = '';
  let leaving = false;
  while (reader.next()) {
    if (reader.field === 1) networkId = readName(reader);
    else if (reader.field === 2) lTime = readTime(reader);
    else if (reader.field === 3) nodeName = readName(reader);
    else if (reader.field === 4) leaving = reader.bool();
    else reader.skip();
  }
  return { networkId, lTime, nodeName, leaving };
}

function readTableEvent(reader: Reader): GossipMessage {
  let event = 0;
  let lTime = 0;
  let nodeName = '';
  let networkId = '';
  let tableName = '';
  let key = '';
  let value: Uint8Array = NO_BYTES;
  let residualReapTime = 0;
  while (reader.next()) {
    if (reader.field === 1) event = readEvent(reader, 3);
    else if (reader.field === 2) lTime = readTime(reader);
    else if (reader.field === 3) nodeName = readName(reader);
    else if (reader.field === 4) networkId = readName(reader);
    else if (reader.field === 5) tableName = readName(reader);
    else if (reader.field === 6) key = readName(reader);
    else if (reader.field === 7) value = reader.bytes(MAX_STREAM_BYTES);
    else if (reader.field === 8) residualReapTime = reader.uint(MAX_INT32);
    else reader.skip();
  }
  if (event === 0) reader.fail('bad-number');
  const kind = event as EntryEvent;
  return {
    type: GossipType.TableEvent,
    event: kind,
    lTime,
    nodeName,
    networkId,
    tableName,
    key,
    value,
    residualReapTime,
  };
}

function readBulkSync(reader: Reader): GossipMessage {
  let lTime = 0;
  let unsolicited = false;
  let nodeName = '';
  const networks: string[] = [];
  let payload: Uint8Array = NO_BYTES;
  while (reader.next()) {
    if (reader.field === 1) lTime = readTime(reader);
    else if (reader.field === 2) unsolicited = reader.bool();
    else if (reader.field === 3) nodeName = readName(reader);
    else if (reader.field === 4) {
      networks.push(readName(reader));
      if (networks.length > MAX_NETWORKS) reader.fail('too-many');
    } else if (reader.field === 5) payload = reader.bytes(MAX_STREAM_BYTES);
    else reader.skip();
  }
  return { type: GossipType.BulkSync, lTime, unsolicited, nodeName, networks, payload };
}

function readCompound(reader: Reader): GossipMessage {
  const messages: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const part = reader.message(MAX_STREAM_BYTES);
    let payload: Uint8Array = NO_BYTES;
    while (part.next()) {
      if (part.field === 1) payload = part.bytes(MAX_STREAM_BYTES);
      else part.skip();
    }
    messages.push(payload);
    if (messages.length > MAX_COMPOUND_MESSAGES) reader.fail('too-many');
  }
  return { type: GossipType.Compound, messages };
}

/**
 * Decodes the body of a user message, and visits it; of compounds, the messages in them. A part that is invalid doesn't
 * keep the others from being visited. Bulk syncs are visited as they are: pass their payload to see what they hold.
 * @returns the number of messages that are invalid, and the first one's fault
 * @example
 * import { forEachGossip, GossipType, type UserMessage } from 'vtep/gossip';
 *
 * export function show(userMessage: UserMessage): void {
 *   const { count } = forEachGossip(userMessage.body, (message) => {
 *     if (message.type === GossipType.TableEvent) console.log(message.tableName, message.key);
 *   });
 *   if (count > 0) console.error(`${count} invalid messages`);
 * }
 */
export function forEachGossip(
  body: Uint8Array,
  visit: (message: Exclude<GossipMessage, GossipCompound>) => void,
): Faults {
  const faults = new FaultCount();
  let budget = MAX_COMPOUND_MESSAGES;
  const walk = (bytes: Uint8Array, depth: number): void => {
    const message = decodeGossip(bytes);
    if (typeof message === 'string') faults.add(message);
    else if (message.type !== GossipType.Compound) visit(message);
    else if (depth >= MAX_COMPOUND_DEPTH) faults.add('too-deep');
    else {
      for (const part of message.messages) {
        if (budget-- <= 0) {
          faults.add('too-many');
          return;
        }
        walk(part, depth + 1);
      }
    }
  };
  walk(body, 0);
  return faults;
}

/** How many messages were invalid. */
export interface Faults {
  readonly count: number;
  /** Of the first one. */
  readonly first: GossipFault | undefined;
}

class FaultCount implements Faults {
  count = 0;
  first: GossipFault | undefined;

  add(fault: GossipFault): void {
    this.count++;
    this.first ??= fault;
  }
}
