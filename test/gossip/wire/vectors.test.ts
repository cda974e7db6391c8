/**
 * The codecs against packets and streams of real swarms (Docker 20.10.24): decoding gives what an independent decoder
 * found, and encoding gives the same bytes.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  decodeEndpointRecord,
  decodeGossip,
  decodePacket,
  decodePeerRecord,
  encodeEndpointRecord,
  encodeGossip,
  encodeMember,
  encodePacket,
  encodePeerRecord,
  encodeStream,
  forEachGossip,
  type GossipMessage,
  GossipType,
  isFault,
  type MemberMessage,
  MessageType,
  StreamDecoder,
  TableName,
} from '../../../src/gossip/index.js';
import { crc32 } from '../../../src/gossip/wire/crc32.js';
import { compressLzw, decompressLzw } from '../../../src/gossip/wire/lzw.js';
import { decodeHex, encodeHex } from '../../../src/memory/internal.js';
import { plainGossip, plainMember, plainRecord } from './plain-form.js';
import { type Layer, PACKETS, ringOf, STREAMS, TABLE_EVENTS } from './vectors.js';

/** The messages inside the layers of the vectors' decoder. */
function leaves(decoded: unknown): unknown[] {
  const layer = decoded as Record<string, unknown>;
  const [[name, content]] = Object.entries(layer);
  if (name === 'crc' || name === 'compress') return leaves((content as { msg: unknown }).msg);
  if (name === 'compound') return (content as unknown[]).flatMap(leaves);
  const { header, msg } = content as { header?: unknown; msg?: unknown };
  return name === 'user' && header !== undefined ? [{ user: msg }] : [layer];
}

/** Without the fields that are undefined. */
function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function valid<T>(result: T): Exclude<T, string | undefined> {
  assert.ok(result !== undefined && !isFault(result), String(result));
  return result as Exclude<T, string | undefined>;
}

function layer(layers: readonly Layer[], name: Layer['layer']): Layer | undefined {
  return layers.find((each) => each.layer === name);
}

/** Counts NetworkDB's messages that are encoded to the same bytes, with all that they contain. */
function reencodeGossip(body: Uint8Array): number {
  const message: GossipMessage = valid(decodeGossip(body));
  assert.equal(encodeHex(encodeGossip(message)), encodeHex(body));
  let count = 1;
  if (message.type === GossipType.Compound) for (const part of message.messages) count += reencodeGossip(part);
  if (message.type === GossipType.BulkSync) count += reencodeGossip(message.payload);
  if (message.type === GossipType.TableEvent) {
    const { tableName, value } = message;
    const again =
      tableName === TableName.Peers
        ? encodePeerRecord(valid(decodePeerRecord(value)))
        : encodeEndpointRecord(valid(decodeEndpointRecord(value)));
    assert.equal(encodeHex(again), encodeHex(value));
  }
  return count;
}

function reencodeBody(message: MemberMessage): number {
  if (message.type === MessageType.User) return reencodeGossip(message.body);
  return message.type === MessageType.PushPull ? reencodeGossip(message.userState) : 0;
}

function say(t: TestContext, text: string): void {
  t.diagnostic(text);
}

describe('vectors of real swarms', () => {
  test('packets are decoded to what an independent decoder found', (t) => {
    let messages = 0;
    for (const vector of PACKETS) {
      const packet = valid(decodePacket(decodeHex(vector.udp_payload_hex), ringOf(vector)));
      assert.deepEqual(json(packet.messages.map(plainMember)), leaves(vector.decoded));
      assert.deepEqual([packet.keyTag, packet.invalid], [vector.key_tag, 0]);
      messages += packet.messages.length;
    }
    say(t, `${PACKETS.length} packets with ${messages} messages`);
    assert.equal(PACKETS.length, 87);
  });

  test('packets are encoded to the same bytes, given their nonces', (t) => {
    let compressed = 0;
    for (const vector of PACKETS) {
      const bytes = decodeHex(vector.udp_payload_hex);
      const { messages, crc, ...packet } = valid(decodePacket(bytes, ringOf(vector)));
      // Whether to compress is decided by the encoder.
      const again = encodePacket(
        messages.map((message) => encodeMember(message)),
        ringOf(vector),
        { crc },
      );
      assert.equal(encodeHex(again), vector.udp_payload_hex);
      if (packet.compressed) compressed++;
    }
    say(t, `${PACKETS.length} packets, of which ${compressed} are compressed`);
    assert.equal(compressed, 24);
  });

  test('streams are decoded and encoded, too', (t) => {
    const kinds = new Map<number, number>();
    for (const vector of STREAMS) {
      const bytes = decodeHex(vector.stream_hex);
      const decoder = new StreamDecoder(ringOf(vector));
      const message = valid(decoder.push(bytes));
      assert.deepEqual([json(plainMember(message))], leaves(vector.decoded));
      assert.deepEqual([decoder.keyTag, decoder.compressed], [vector.key_tag, true]);
      assert.equal(encodeHex(encodeStream(message, ringOf(vector))), vector.stream_hex);
      kinds.set(message.type, (kinds.get(message.type) ?? 0) + 1);
    }
    say(t, `${STREAMS.length} streams: ${JSON.stringify([...kinds])}`);
    assert.equal(STREAMS.length, 30);
  });

  test('every layer alone gives the recorded bytes', (t) => {
    let lzw = 0;
    let crcs = 0;
    for (const { layers } of [...PACKETS, ...STREAMS]) {
      const inner = layer(layers, 'decompressed');
      if (inner?.lzw_hex !== undefined) {
        const compressed = decodeHex(inner.lzw_hex);
        const plain = decodeHex(inner.hex);
        assert.equal(encodeHex(compressLzw(plain)), encodeHex(compressed));
        assert.equal(encodeHex(valid(decompressLzw(compressed, plain.length))), inner.hex);
        assert.equal(decompressLzw(compressed, plain.length - 1), 'too-large');
        lzw++;
      }
      const checked = layer(layers, 'after crc');
      if (checked?.crc32 !== undefined) {
        assert.equal(crc32(decodeHex(checked.hex)), Number.parseInt(checked.crc32, 16));
        crcs++;
      }
    }
    say(t, `${lzw} compressed messages, ${crcs} CRCs`);
    assert.ok(lzw === 54 && crcs === 40);
  });

  test("NetworkDB's messages and records are encoded to the same bytes", (t) => {
    let count = 0;
    for (const vector of PACKETS) {
      const { messages } = valid(decodePacket(decodeHex(vector.udp_payload_hex), ringOf(vector)));
      for (const message of messages) count += reencodeBody(message);
    }
    for (const vector of STREAMS) {
      count += reencodeBody(valid(new StreamDecoder(ringOf(vector)).push(decodeHex(vector.stream_hex))));
    }
    say(t, `${count} messages of NetworkDB`);
    assert.equal(count, 335);
  });

  test('table events are decoded and encoded', (t) => {
    for (const vector of TABLE_EVENTS) {
      const body = decodeHex(vector.gossip_message_hex);
      const message = valid(decodeGossip(body));
      assert.ok(message.type === GossipType.TableEvent);
      assert.equal(encodeHex(message.value), vector.value_hex);
      const { type, l_time, owner: node, network_id, table, key, residual_reap_time } = vector;
      const value = vector.record;
      const fields = { type, l_time, node, network_id, table, key, value, residual_reap_time };
      assert.deepEqual(json(plainGossip(message)), { TABLE_EVENT: fields });
      assert.deepEqual(json(plainRecord(table, message.value)), value);
      assert.equal(reencodeGossip(body), 1);
      let visited = 0;
      assert.equal(forEachGossip(body, () => visited++).count, 0);
      assert.equal(visited, 1);
    }
    say(t, `${TABLE_EVENTS.length} table events`);
    assert.equal(TABLE_EVENTS.length, 24);
  });
});
