/** memberlist's messages and bytes, without framing: a type byte and a MessagePack struct (or two, and bytes). */
import { VtepError } from '../../error.js';
import { ByteWriter, textLength } from '../../memory/internal.js';
import type { GossipFault } from './fault.js';
import {
  MAX_ERROR_BYTES,
  MAX_META_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PUSH_PULL_ENTRIES,
  MAX_STREAM_BYTES,
} from './limits.js';
import { MAX_NAME_BYTES, type MemberMessage, MessageType, type NodeState, type PushNodeState } from './messages.js';
import { MsgpackReader, writeStruct } from './msgpack.js';

const UINT8 = 0xff;
const UINT16 = 0xffff;
const UINT32 = 0xffffffff;
const VSN_BYTES = 6;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** An optional field (`omitempty` in Go). */
function optional<T extends string | number | Uint8Array>(value: T | undefined): T | null {
  if (value === undefined || value === 0 || value === '') return null;
  return value instanceof Uint8Array && value.length === 0 ? null : value;
}

function number(value: number, max: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new VtepError('BAD_GOSSIP', `${name} is not a whole number from 0 to ${max}: ${value}`);
}

function name(text: string): string {
  if (textLength(text) <= MAX_NAME_BYTES) return text;
  throw new VtepError('BAD_GOSSIP', `a name has more than ${MAX_NAME_BYTES} bytes`);
}

function address(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 4 || bytes.length === 16) return bytes;
  throw new VtepError('BAD_GOSSIP', `an address has ${bytes.length} bytes, not 4 or 16`);
}

function meta(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined || bytes.length <= MAX_META_BYTES) return bytes;
  throw new VtepError('BAD_GOSSIP', `a node's meta data has more than ${MAX_META_BYTES} bytes`);
}

/** Nil if there is none, as Go writes a slice that was never set. */
function versions(vsn: Uint8Array): Uint8Array | undefined {
  return vsn.length === 0 ? undefined : vsn;
}

/**
 * Encodes a message without framing, to the same bytes as memberlist.
 * @param stream whether it goes into a stream, where user messages have a header
 * @throws VtepError `BAD_GOSSIP` for a value that doesn't fit: a number, an address, a name
 */
export function encodeMember(message: MemberMessage, stream = false): Uint8Array {
  const out = new ByteWriter();
  out.byte(message.type);
  switch (message.type) {
    case MessageType.Ping:
      writeStruct(out, [
        ['Node', name(message.node)],
        ['SeqNo', number(message.seqNo, UINT32, 'seqNo')],
        ['SourceAddr', optional(message.sourceAddr)],
        ['SourceNode', optional(message.sourceNode)],
        ['SourcePort', optional(message.sourcePort)],
      ]);
      break;
    case MessageType.IndirectPing:
      writeStruct(out, [
        ['Nack', message.nack],
        ['Node', name(message.node)],
        ['Port', number(message.port, UINT16, 'port')],
        ['SeqNo', number(message.seqNo, UINT32, 'seqNo')],
        ['SourceAddr', optional(message.sourceAddr)],
        ['SourceNode', optional(message.sourceNode)],
        ['SourcePort', optional(message.sourcePort)],
        ['Target', address(message.target)],
      ]);
      break;
    case MessageType.Ack:
      writeStruct(out, [
        ['Payload', message.payload],
        ['SeqNo', number(message.seqNo, UINT32, 'seqNo')],
      ]);
      break;
    case MessageType.Nack:
      writeStruct(out, [['SeqNo', number(message.seqNo, UINT32, 'seqNo')]]);
      break;
    case MessageType.Suspect:
    case MessageType.Dead:
      writeStruct(out, [
        ['From', name(message.from)],
        ['Incarnation', number(message.incarnation, UINT32, 'incarnation')],
        ['Node', name(message.node)],
      ]);
      break;
    case MessageType.Alive:
      writeStruct(out, [
        ['Addr', address(message.addr)],
        ['Incarnation', number(message.incarnation, UINT32, 'incarnation')],
        ['Meta', meta(message.meta)],
        ['Node', name(message.node)],
        ['Port', number(message.port, UINT16, 'port')],
        ['Vsn', versions(message.vsn)],
      ]);
      break;
    case MessageType.PushPull:
      writeStruct(out, [
        ['Join', message.join],
        ['Nodes', message.nodes.length],
        ['UserStateLen', message.userState.length],
      ]);
      for (const node of message.nodes) putNodeState(out, node);
      out.bytes(message.userState);
      break;
    case MessageType.User:
      if (stream) writeStruct(out, [['UserMsgLen', message.body.length]]);
      out.bytes(message.body);
      break;
    case MessageType.Error:
      writeStruct(out, [['Error', message.error]]);
  }
  return out.finish();
}

function putNodeState(out: ByteWriter, node: PushNodeState): void {
  writeStruct(out, [
    ['Addr', address(node.addr)],
    ['Incarnation', number(node.incarnation, UINT32, 'incarnation')],
    ['Meta', meta(node.meta)],
    ['Name', name(node.name)],
    ['Port', number(node.port, UINT16, 'port')],
    ['State', node.state],
    ['Vsn', versions(node.vsn)],
  ]);
}

/** The fields of all structs, with the values that Go gives to those that are absent. */
class Values {
  addr = NO_BYTES;
  error = '';
  from = '';
  incarnation = 0;
  join = false;
  meta: Uint8Array | undefined;
  nack = false;
  name = '';
  node = '';
  nodes = 0;
  payload: Uint8Array | undefined;
  port = 0;
  seqNo = 0;
  sourceAddr: Uint8Array | undefined;
  sourceNode = '';
  sourcePort = 0;
  state = 0;
  target = NO_BYTES;
  userMsgLen = 0;
  userStateLen = 0;
  vsn = NO_BYTES;

  constructor(readonly reader: MsgpackReader) {
    reader.struct((field) => this.#read(reader, field));
  }

  #read(reader: MsgpackReader, field: string): boolean {
    switch (field) {
      case 'Addr':
        this.addr = reader.raw(UINT8) ?? NO_BYTES;
        return true;
      case 'Error':
        this.error = reader.text(MAX_ERROR_BYTES);
        return true;
      case 'From':
        this.from = reader.text(MAX_NAME_BYTES);
        return true;
      case 'Incarnation':
        this.incarnation = reader.uint(UINT32);
        return true;
      case 'Join':
        this.join = reader.bool();
        return true;
      case 'Meta':
        this.meta = reader.raw(MAX_META_BYTES);
        return true;
      case 'Nack':
        this.nack = reader.bool();
        return true;
      case 'Name':
        this.name = reader.text(MAX_NAME_BYTES);
        return true;
      case 'Node':
        this.node = reader.text(MAX_NAME_BYTES);
        return true;
      case 'Nodes':
        this.nodes = reader.uint(MAX_PUSH_PULL_ENTRIES);
        return true;
      case 'Payload':
        this.payload = reader.raw(MAX_PAYLOAD_BYTES);
        return true;
      case 'Port':
        this.port = reader.uint(UINT16);
        return true;
      case 'SeqNo':
        this.seqNo = reader.uint(UINT32);
        return true;
      case 'SourceAddr':
        this.sourceAddr = reader.raw(UINT8);
        return true;
      case 'SourceNode':
        this.sourceNode = reader.text(MAX_NAME_BYTES);
        return true;
      case 'SourcePort':
        this.sourcePort = reader.uint(UINT16);
        return true;
      case 'State':
        this.state = reader.uint(UINT8);
        return true;
      case 'Target':
        this.target = reader.raw(UINT8) ?? NO_BYTES;
        return true;
      case 'UserMsgLen':
        this.userMsgLen = reader.uint(MAX_STREAM_BYTES);
        return true;
      case 'UserStateLen':
        this.userStateLen = reader.uint(MAX_STREAM_BYTES);
        return true;
      case 'Vsn':
        this.vsn = reader.raw(UINT8) ?? NO_BYTES;
        return true;
      default:
        return false;
    }
  }

  /** Checks an address. */
  checkAddress(bytes: Uint8Array): void {
    if (bytes.length !== 4 && bytes.length !== 16) this.reader.fail('bad-address');
  }

  /** Checks the versions: absent in members of memberlist's first protocol. */
  checkVersions(): void {
    if (this.vsn.length !== 0 && this.vsn.length < VSN_BYTES) this.reader.fail('bad-number');
  }

  /** Who sent a ping. An empty address is none. */
  source(): { sourceAddr?: Uint8Array; sourceNode?: string; sourcePort?: number } {
    const { sourceAddr = NO_BYTES, sourceNode, sourcePort } = this;
    if (sourceAddr.length > 0) this.checkAddress(sourceAddr);
    return {
      ...(sourceAddr.length > 0 && { sourceAddr }),
      ...(sourceNode !== '' && { sourceNode }),
      ...(sourcePort > 0 && { sourcePort }),
    };
  }
}

/**
 * Decodes a message without framing. Fields that it lacks have zero values, unknown ones are skipped and bytes that
 * follow it are ignored, as in memberlist.
 * @param bytes its type byte and what follows; the message doesn't refer to them
 * @param stream whether it comes from a stream, where user messages have a header
 */
export function decodeMember(bytes: Uint8Array, stream = false): MemberMessage | GossipFault {
  if (bytes.length === 0) return 'truncated';
  const type = bytes[0];
  if (type === MessageType.User && !stream) return { type, body: new Uint8Array(bytes.subarray(1)) };
  if (!isMemberType(type)) return 'unknown-type';
  const reader = new MsgpackReader(bytes, 1);
  const values = new Values(reader);
  const message = messageOf(type, values, bytes);
  return reader.fault ?? message;
}

function isMemberType(type: number): type is MemberMessage['type'] {
  return (
    type <= MessageType.PushPull || type === MessageType.User || type === MessageType.Nack || type === MessageType.Error
  );
}

function messageOf(type: MemberMessage['type'], values: Values, bytes: Uint8Array): MemberMessage {
  const { reader, seqNo, node, incarnation, from, port } = values;
  switch (type) {
    case MessageType.Ping:
      return { type, seqNo, node, ...values.source() };
    case MessageType.IndirectPing:
      values.checkAddress(values.target);
      return { type, seqNo, target: values.target, port, node, nack: values.nack, ...values.source() };
    case MessageType.Ack:
      return { type, seqNo, payload: values.payload };
    case MessageType.Nack:
      return { type, seqNo };
    case MessageType.Suspect:
    case MessageType.Dead:
      return { type, incarnation, node, from };
    case MessageType.Alive:
      values.checkAddress(values.addr);
      values.checkVersions();
      return { type, incarnation, node, addr: values.addr, port, meta: values.meta, vsn: values.vsn };
    case MessageType.PushPull: {
      const nodes: PushNodeState[] = [];
      for (let i = 0; i < values.nodes && reader.fault === undefined; i++) nodes.push(nodeStateOf(new Values(reader)));
      return { type, join: values.join, nodes, userState: rest(reader, bytes, values.userStateLen) };
    }
    case MessageType.User:
      return { type, body: rest(reader, bytes, values.userMsgLen) };
    case MessageType.Error:
      return { type, error: values.error };
  }
}

function nodeStateOf(values: Values): PushNodeState {
  const { name: nodeName, addr, port, meta: nodeMeta, incarnation, state, vsn } = values;
  values.checkAddress(addr);
  values.checkVersions();
  if (state > 3) values.reader.fail('bad-number');
  return { name: nodeName, addr, port, meta: nodeMeta, incarnation, state: state as NodeState, vsn };
}

/** Bytes that follow the structs. */
function rest(reader: MsgpackReader, bytes: Uint8Array, length: number): Uint8Array {
  if (reader.fault === undefined && bytes.length - reader.at < length) reader.fail('truncated');
  return reader.fault === undefined ? new Uint8Array(bytes.subarray(reader.at, reader.at + length)) : NO_BYTES;
}
