/** The keys of the gossip, where more than one may fit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../../src/aead/index.js';
import {
  decodePacket,
  encodeMember,
  encodePacket,
  GossipKeyring,
  GossipType,
  encodeGossip,
  isFault,
  MessageType,
} from '../../../src/gossip/index.js';

function ringOf(...keys: readonly number[]): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create());
  for (const key of keys) ring.add(key, new Uint8Array(16).fill(key));
  return ring;
}

const EVENT = encodeGossip({ type: GossipType.NodeEvent, event: 1, lTime: 1, nodeName: '631fe2f865ed' });
const USER = encodeMember({ type: MessageType.User, body: EVENT });

describe("a packet in Node's Buffer, whose slice() doesn't copy", () => {
  test('is decrypted by any key of the ring, not only by the first', () => {
    const packet = Buffer.from(encodePacket([USER], ringOf(3), { crc: true }));
    const before = Buffer.from(packet);
    const ring = ringOf(1, 2, 3);
    assert.ok(!isFault(decodePacket(packet, ring)));
    assert.equal(ring.openedBy, 3);
    assert.deepEqual(packet, before, 'the packet is unchanged');
  });

  test('in clear text: what was decoded stays when the buffer is used again', () => {
    const packet = Buffer.from(encodePacket([USER], undefined, { crc: false }));
    const decoded = decodePacket(packet, undefined);
    assert.ok(!isFault(decoded));
    packet.fill(0);
    const [message] = decoded.messages;
    assert.ok(message.type === MessageType.User);
    assert.deepEqual(message.body, EVENT);
  });
});
