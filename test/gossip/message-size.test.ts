import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EntryEvent,
  GossipType,
  MembershipEvent,
  MessageType,
  type PacketPart,
  type TableEvent,
  decodeParts,
  encodeMember,
  encodeParts,
  fromStream,
  isFault,
  toStream,
} from '../../src/gossip/index.js';
import { partBytes } from '../../src/gossip/message-size.js';

const ADDR = Uint8Array.of(192, 168, 50, 1);
const SOURCE = { sourceAddr: ADDR, sourcePort: 7946, sourceNode: '631fe28f85ed' };
const LONG = 'n'.repeat(40);

const EVENT: TableEvent = {
  type: GossipType.TableEvent,
  event: EntryEvent.Delete,
  lTime: 300,
  nodeName: '56cf7f6c99a8',
  networkId: 'r0yqus78gwe90z4dmog6y22cv',
  tableName: 'overlay_peer_table',
  key: 'f'.repeat(64),
  value: new Uint8Array(46),
  residualReapTime: 1800,
};

const PARTS: readonly PacketPart[] = [
  { type: MessageType.Ping, seqNo: 1, node: LONG, ...SOURCE },
  { type: MessageType.Ping, seqNo: 70_000, node: 'ü😀', sourceAddr: undefined, sourcePort: undefined },
  { type: MessageType.IndirectPing, seqNo: 309, target: ADDR, port: 7946, node: 'cccccccccccc', nack: true, ...SOURCE },
  { type: MessageType.Ack, seqNo: 200, payload: undefined },
  { type: MessageType.Nack, seqNo: 128 },
  { type: MessageType.Suspect, incarnation: 2, node: 'cccccccccccc', from: LONG },
  { type: MessageType.Dead, incarnation: 65_536, node: 'cccccccccccc', from: '4c84bd9d2f8d' },
  {
    type: MessageType.Alive,
    incarnation: 2,
    node: 'cccccccccccc',
    addr: ADDR,
    port: 7946,
    meta: new Uint8Array(0),
    vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
  },
  {
    type: MessageType.User,
    data: { type: GossipType.NodeEvent, event: MembershipEvent.Join, lTime: 4, nodeName: '56cf7f6c99a8' },
  },
  {
    type: MessageType.User,
    data: {
      type: GossipType.NetworkEvent,
      event: MembershipEvent.Leave,
      lTime: 2 ** 40,
      nodeName: 'a',
      networkId: 'b',
    },
  },
  { type: MessageType.User, data: { type: GossipType.Compound, events: [EVENT, { ...EVENT, lTime: 0 }] } },
];

test('a part of a packet is as long as reckoned', () => {
  for (const part of PARTS) {
    const bytes = encodeParts([part], false, undefined);
    // The packet is not compressed where that would make it longer.
    const length = part.type === MessageType.User ? undefined : encodeMember(part).length;
    if (length !== undefined) assert.equal(partBytes(part), length, `type ${part.type}`);
    assert.ok(bytes.length <= partBytes(part), `type ${part.type}`);
  }
  const compound = PARTS.at(-1);
  assert.ok(compound?.type === MessageType.User);
  const message = toStream(compound);
  assert.equal(partBytes(compound), encodeMember(message).length);
});

test('packets are read as they were written', () => {
  const decoded = decodeParts(encodeParts(PARTS, true, undefined), undefined);
  assert.ok(!isFault(decoded));
  assert.equal(decoded.invalid, 0);
  assert.equal(decoded.parts.length, PARTS.length);
  assert.deepEqual(decoded.parts.at(-1), PARTS.at(-1));
});

test('a bulk sync is read as it was written', () => {
  const data = {
    type: GossipType.BulkSync,
    lTime: 7,
    unsolicited: true,
    nodeName: 'a',
    networks: ['b', 'c'],
    events: [EVENT],
  };
  const part = { type: MessageType.User, data } as const;
  const stream = toStream(part);
  assert.deepEqual(fromStream(stream), part);
  assert.equal(partBytes(part), encodeMember(stream).length);
});
