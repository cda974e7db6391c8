/** Gossip from strangers, or damaged: every reason by its name, and bounds on memory and work. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { nodeBackend } from '../../../src/aead/index.js';
import {
  type Alive,
  decodeEndpointRecord,
  decodeGossip,
  decodeMember,
  decodePacket,
  decodePeerRecord,
  encodeGossip,
  encodeMember,
  encodePacket,
  encodeStream,
  EncryptionVersion,
  EntryEvent,
  forEachGossip,
  GOSSIP_FAULTS,
  type GossipFault,
  gossipFaultText,
  GossipKeyring,
  GossipType,
  isFault,
  MessageType,
  type Ping,
  StreamDecoder,
} from '../../../src/gossip/index.js';
import { compressMessage } from '../../../src/gossip/wire/framing.js';
import { compressLzw, decompressLzw } from '../../../src/gossip/wire/lzw.js';
import { decodeHex, encodeHex } from '../../../src/memory/internal.js';
import { PACKETS, ringOf, STREAMS, TABLE_EVENTS } from './vectors.js';

const PING: Ping = { type: MessageType.Ping, seqNo: 70_000, node: 'a', sourcePort: 7946 };
const ALIVE: Alive = {
  type: MessageType.Alive,
  incarnation: 0xffffffff,
  node: 'x'.repeat(40),
  addr: new Uint8Array(16),
  port: 7946,
  meta: new Uint8Array(300),
  vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
};

function keyring(...lengths: number[]): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create());
  lengths.forEach((length, tag) => ring.add(tag, new Uint8Array(length).fill(tag + 1)));
  return ring;
}

function text(value: string): number[] {
  return [0xa0 | value.length, ...Buffer.from(value)];
}

/** A node event of NetworkDB. */
function longName(): Uint8Array {
  return Uint8Array.of(8, 1, 0x12, 0x86, 4, 8, 1, 0x1a, 0x81, 4, ...new Uint8Array(513).fill(0x61));
}

/** A generator of numbers below a limit (mulberry32). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** Changes, removes, repeats or inserts bytes. */
function mutated(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const copy = [...bytes];
  for (let i = below(4); i >= 0; i--) {
    const at = below(copy.length + 1);
    const kind = below(6);
    if (kind === 0) copy.splice(at, below(8));
    else if (kind === 1) copy.splice(at, 0, ...copy.slice(below(copy.length + 1)).slice(0, 16));
    else if (kind === 2) copy[at] = [0, 0x7f, 0x80, 0xff, 0xc6, 0xdf, 0xdb][below(7)];
    else if (kind === 3) copy.length = at;
    else copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
  }
  return Uint8Array.from(copy);
}

describe('faults', () => {
  const cases: readonly (readonly [string, GossipFault, () => unknown])[] = [
    ['nothing', 'truncated', () => decodePacket(new Uint8Array(0), undefined)],
    ['a packet of 64 KiB and a byte', 'too-large', () => decodePacket(new Uint8Array(65_537), undefined)],
    ['an unknown type', 'unknown-type', () => decodePacket(Uint8Array.of(99), undefined)],
    ['a push/pull in a packet', 'unknown-type', () => decodePacket(Uint8Array.of(6, 0x80), undefined)],
    ['a struct that is a list', 'bad-msgpack', () => decodeMember(Uint8Array.of(0, 0x93))],
    ['an array as a name', 'bad-msgpack', () => decodeMember(Uint8Array.of(0, 0x81, ...text('Node'), 0x90))],
    ['a negative number', 'bad-number', () => decodeMember(Uint8Array.of(11, 0x81, ...text('SeqNo'), 0xd0, 0xff))],
    [
      'a number above 32 bits',
      'bad-number',
      () => decodeMember(Uint8Array.of(11, 0x81, ...text('SeqNo'), 0xcf, 0, 0, 0, 1, 0, 0, 0, 0)),
    ],
    [
      'a name of 513 bytes',
      'name-too-long',
      () => decodeMember(Uint8Array.of(0, 0x81, ...text('Node'), 0xda, 2, 1, ...new Uint8Array(513))),
    ],
    ['text that is not UTF-8', 'bad-text', () => decodeMember(Uint8Array.of(0, 0x81, ...text('Node'), 0xa1, 0xff))],
    ['a struct of 65 fields', 'too-many', () => decodeMember(Uint8Array.of(0, 0xde, 0, 65))],
    [
      'a value nested too deeply',
      'too-deep',
      () => decodeMember(Uint8Array.of(0, 0x81, ...text('X'), ...new Uint8Array(99).fill(0x91))),
    ],
    [
      'a map of 2^32 elements',
      'truncated',
      () => decodeMember(Uint8Array.of(0, 0x81, ...text('X'), 0xdf, 255, 255, 255, 255)),
    ],
    ['an alive without an address', 'bad-address', () => decodeMember(Uint8Array.of(4, 0x80))],
    [
      'versions of 3 bytes',
      'bad-number',
      () => decodeMember(Uint8Array.of(4, 0x82, ...text('Addr'), 0xa4, 1, 1, 1, 1, ...text('Vsn'), 0xa3, 1, 1, 1)),
    ],
    ['a compound that lacks its parts', 'truncated', () => decodePacket(Uint8Array.of(7, 2, 0, 9, 0, 9, 0), undefined)],
    [
      'a wrong CRC',
      'bad-crc',
      () => {
        const packet = encodePacket([encodeMember(PING)], undefined, { crc: true });
        packet[1] ^= 1;
        return decodePacket(packet, undefined);
      },
    ],
    [
      'an unknown compression',
      'bad-compression',
      () => decodePacket(Uint8Array.of(9, 0x82, ...text('Algo'), 1, ...text('Buf'), 0xa0), undefined),
    ],
    ['LZW with a code that is not defined', 'bad-lzw', () => decompressLzw(Uint8Array.of(0x00, 0xff, 0xff), 99)],
    ['LZW without an end', 'truncated', () => decompressLzw(compressLzw(new Uint8Array(9)).slice(0, -2), 99)],
    [
      'a packet in clear text where keys are set',
      'bad-encryption-version',
      () => decodePacket(Uint8Array.of(2, 0x80), keyring(16)),
    ],
    [
      'an encrypted packet of 28 bytes',
      'truncated',
      () => decodePacket(Uint8Array.of(1, ...new Uint8Array(27)), keyring(16)),
    ],
    ['random bytes', 'no-key-fits', () => decodePacket(Uint8Array.of(1, ...new Uint8Array(99)), keyring(16, 24, 32))],
    [
      'padding of 0 bytes',
      'bad-padding',
      () => {
        const ring = keyring(16);
        const sealed = ring.seal(new Uint8Array(16), new Uint8Array(0), EncryptionVersion.Plain);
        sealed[0] = EncryptionVersion.Padded;
        return ring.open(sealed, new Uint8Array(0));
      },
    ],
    ['another label', 'bad-label', () => decodePacket(Uint8Array.of(244, 1, 65, 2, 0x80), undefined, { label: 'B' })],
    [
      'a stream in clear text where keys are set',
      'not-encrypted',
      () => new StreamDecoder(keyring(16)).push(Uint8Array.of(8)),
    ],
    ['a frame above 20 MiB', 'too-large', () => new StreamDecoder(keyring(16)).push(Uint8Array.of(10, 1, 0x40, 0, 1))],
    [
      'a frame too short to be encrypted',
      'truncated',
      () => new StreamDecoder(keyring(16)).push(Uint8Array.of(10, 0, 0, 0, 28)),
    ],
    ['a stream that ends early', 'truncated', () => new StreamDecoder(undefined).end()],
    [
      'a push/pull of 65,537 nodes',
      'bad-number',
      () => new StreamDecoder(undefined).push(Uint8Array.of(6, 0x81, ...text('Nodes'), 0xce, 0, 1, 0, 1)),
    ],
    ['a NetworkDB message without a type', 'unknown-type', () => decodeGossip(new Uint8Array(0))],
    ['a field 0', 'bad-protobuf', () => decodeGossip(Uint8Array.of(0x00, 0))],
    ['a group of protobuf', 'bad-protobuf', () => decodeGossip(Uint8Array.of(0x0b))],
    ['a varint of 11 bytes', 'bad-protobuf', () => decodeGossip(Uint8Array.of(8, ...new Uint8Array(10).fill(0x80), 1))],
    ['a varint of 65 bits', 'bad-protobuf', () => decodeGossip(Uint8Array.of(8, ...new Uint8Array(9).fill(0x80), 2))],
    ['a name of 513 bytes in NetworkDB', 'name-too-long', () => decodeGossip(longName())],
    [
      'a port with text that is not UTF-8',
      'bad-text',
      () => decodeEndpointRecord(Uint8Array.of(0x32, 3, 0x0a, 1, 0xff)),
    ],
    ['a length beyond the end', 'truncated', () => decodeGossip(Uint8Array.of(0x12, 9, 0))],
    ['an event without a type', 'bad-number', () => decodeGossip(Uint8Array.of(8, 6))],
    [
      'a Lamport time of 2^53',
      'bad-lamport-time',
      () => decodeGossip(Uint8Array.of(8, 6, 0x12, 11, 8, 1, 0x10, ...new Uint8Array(7).fill(0x80), 0x10)),
    ],
    ['a port of protocol 3', 'bad-number', () => decodeEndpointRecord(Uint8Array.of(0x32, 2, 0x10, 3))],
    ['a record with text that is not UTF-8', 'bad-text', () => decodePeerRecord(Uint8Array.of(0x0a, 1, 0xff))],
  ];
  for (const [name, fault, decode] of cases) {
    test(`${name}: ${fault}`, () => assert.equal(decode(), fault));
  }

  test('every fault has a text', () => {
    for (const fault of GOSSIP_FAULTS) assert.match(gossipFaultText(fault), /^\w.*\w$/);
  });

  test('the largest Lamport time that is read is 2^53 - 1, and larger ones are not written', () => {
    const event = { type: GossipType.NodeEvent, event: 1, lTime: Number.MAX_SAFE_INTEGER, nodeName: 'a' } as const;
    assert.deepEqual(decodeGossip(encodeGossip(event)), event);
    assert.throws(() => encodeGossip({ ...event, lTime: 2 ** 53 }), { code: 'BAD_GOSSIP' });
  });

  test('what does not fit is not written', () => {
    for (const wrong of [
      { ...PING, seqNo: 2 ** 32 },
      { ...PING, node: 'é'.repeat(257) },
      { ...ALIVE, addr: new Uint8Array(5) },
      { ...ALIVE, meta: new Uint8Array(513) },
    ]) {
      assert.throws(() => encodeMember(wrong), { code: 'BAD_GOSSIP' });
    }
    assert.throws(() => encodePacket([], undefined, { crc: false }), { code: 'BAD_GOSSIP' });
    assert.throws(() => encodePacket(new Array<Uint8Array>(256).fill(encodeMember(PING)), undefined, { crc: false }), {
      code: 'BAD_GOSSIP',
    });
  });

  test('an invalid message in a compound does not take the others with it', () => {
    const packet = encodePacket([encodeMember(PING), Uint8Array.of(99), encodeMember(PING)], undefined, { crc: true });
    const decoded = decodePacket(packet, undefined);
    assert.ok(!isFault(decoded));
    assert.deepEqual(decoded.messages, [PING, PING]);
    assert.deepEqual([decoded.invalid, decoded.fault], [1, 'unknown-type']);
  });
});

describe('bounds', () => {
  test('a decompression bomb stops at the limit', () => {
    const bomb = compressMessage(new Uint8Array(4 * 1024 * 1024));
    assert.ok(bomb.length < 16_384);
    assert.equal(decodePacket(bomb, undefined), 'too-large');
  });

  test('all compressed messages of a packet share one limit', () => {
    const part = compressMessage(new Uint8Array(40_000).fill(2));
    const compound = Uint8Array.of(7, 3, ...[part, part, part].flatMap(({ length }) => [length >> 8, length & 255]));
    const packet = Uint8Array.of(...compound, ...part, ...part, ...part);
    assert.equal(decodePacket(packet, undefined), 'bad-msgpack');
    const { invalid } = decodePacket(
      Uint8Array.of(7, 4, ...compound.subarray(2), 0, 2, ...part, ...part, ...part, 2, 0x80),
      undefined,
    ) as { invalid: number };
    assert.equal(invalid, 3);
  });

  test('framing nested too deeply is refused', () => {
    let packet: Uint8Array = encodeMember(PING);
    for (let depth = 0; depth < 4; depth++) packet = compressMessage(packet);
    assert.ok(!isFault(decodePacket(packet, undefined)));
    assert.equal(decodePacket(compressMessage(packet), undefined), 'too-deep');
  });

  test('compounds of NetworkDB nested too deeply are refused', () => {
    const leaf = encodeGossip({ type: GossipType.NodeEvent, event: 1, lTime: 1, nodeName: 'a' });
    let body = leaf;
    for (let depth = 0; depth < 4; depth++) body = encodeGossip({ type: GossipType.Compound, messages: [body, body] });
    let visited = 0;
    assert.equal(forEachGossip(body, () => visited++).count, 0);
    assert.equal(visited, 16);
    const deeper = encodeGossip({ type: GossipType.Compound, messages: [body] });
    assert.deepEqual({ ...forEachGossip(deeper, () => assert.fail()) }, { count: 8, first: 'too-deep' });
  });

  test('a packet has at most 1,024 messages', () => {
    const ack = encodeMember({ type: MessageType.Nack, seqNo: 1 });
    let packet = encodePacket(new Array<Uint8Array>(200).fill(ack), undefined, { crc: false, compress: false });
    packet = encodePacket(new Array<Uint8Array>(6).fill(packet), undefined, { crc: false, compress: false });
    const decoded = decodePacket(packet, undefined);
    assert.ok(!isFault(decoded));
    assert.ok(decoded.messages.length <= 1024);
    assert.equal(decoded.fault, 'too-many');
  });
});

describe('encryption', () => {
  for (const length of [16, 24, 32]) {
    for (const encryption of [EncryptionVersion.Padded, EncryptionVersion.Plain]) {
      test(`keys of ${length} bytes, version ${encryption}, with and without a label`, () => {
        for (const label of ['', 'swarm']) {
          for (let size = 0; size < 18; size++) {
            const ring = keyring(length);
            const message = { type: MessageType.User, body: new Uint8Array(size) } as const;
            const packet = encodePacket([encodeMember(message)], ring, { crc: true, label, encryption });
            const decoded = decodePacket(packet, ring, { label });
            assert.deepEqual(isFault(decoded) ? decoded : decoded.messages, [message]);
            const stream = encodeStream(message, ring, { label, encryption });
            assert.deepEqual(new StreamDecoder(ring, { label }).push(stream), message);
            const answer = encodeStream(message, ring, { label, encryption, dialled: false });
            assert.deepEqual(new StreamDecoder(ring, { label, accepted: false }).push(answer), message);
            if (label !== '') assert.equal(decodePacket(packet.slice(7), ring), 'no-key-fits');
          }
        }
      });
    }
  }

  test('a packet in a Buffer stays as it is, and what is read of it is a copy', () => {
    const ring = keyring(16, 16);
    const sealed = Buffer.from(encodePacket([encodeMember(ALIVE)], keyring(16), { crc: true }));
    const before = Uint8Array.from(sealed);
    const packet = decodePacket(sealed, ring);
    assert.deepEqual(Uint8Array.from(sealed), before);
    assert.ok(!isFault(packet));
    const other = keyring(16, 16);
    other.use(1);
    assert.ok(!isFault(decodePacket(sealed, other)), 'the second key fits');
    const clear = Buffer.from(encodePacket([encodeMember(ALIVE)], undefined, { crc: true }));
    const read = decodePacket(clear, undefined);
    clear.fill(0xff);
    assert.deepEqual(isFault(read) ? read : read.messages[0], ALIVE);
  });

  test('the key that fits is found, and said', () => {
    const [sender, receiver] = [keyring(16, 16, 32), keyring(16, 16, 32)];
    sender.use(2);
    assert.deepEqual(sender.tags, [2, 0, 1]);
    const decoded = decodePacket(encodePacket([encodeMember(PING)], sender, { crc: false }), receiver);
    assert.equal(isFault(decoded) ? decoded : decoded.keyTag, 2);
    receiver.remove(2);
    receiver.remove(7);
    assert.equal(decodePacket(encodePacket([encodeMember(PING)], sender, { crc: false }), receiver), 'no-key-fits');
    assert.throws(() => receiver.remove(0), { code: 'BAD_GOSSIP' });
    assert.throws(() => receiver.use(2), { code: 'BAD_GOSSIP' });
    receiver.wipe();
    assert.throws(() => receiver.seal(new Uint8Array(1), new Uint8Array(0)), { code: 'BAD_GOSSIP' });
  });
});

describe('LZW', () => {
  test('texts of all sizes, across full tables, come back', () => {
    const below = numbers(7);
    for (const size of [0, 1, 2, 255, 256, 4000, 70_000, 300_000]) {
      for (const symbols of [1, 2, 30, 256]) {
        const bytes = Uint8Array.from({ length: size }, () => below(symbols));
        const again = decompressLzw(compressLzw(bytes), size);
        assert.ok(!isFault(again));
        assert.ok(Buffer.from(bytes).equals(again));
      }
    }
  });
});

describe('streams', () => {
  const push = {
    type: MessageType.PushPull,
    join: true,
    nodes: [
      {
        name: 'a',
        addr: new Uint8Array(4),
        port: 1,
        meta: undefined,
        incarnation: 2,
        state: 3,
        vsn: new Uint8Array(6),
      },
      {
        name: 'b',
        addr: new Uint8Array(16),
        port: 1,
        meta: new Uint8Array(40),
        incarnation: 0,
        state: 0,
        vsn: new Uint8Array(0),
      },
    ],
    userState: new Uint8Array(99).fill(7),
  } as const;
  const error = { type: MessageType.Error, error: 'no' } as const;
  const user = { type: MessageType.User, body: new Uint8Array(50_000).fill(3) } as const;

  test('bytes may arrive in any pieces: clear or encrypted, compressed or not, labelled or not', () => {
    for (const message of [push, error, user, PING]) {
      for (const compress of [true, false]) {
        for (const label of ['', 'L']) {
          for (const ring of [undefined, keyring(16)]) {
            const bytes = encodeStream(message, ring, { compress, label });
            const step = bytes.length > 5000 ? 997 : 1;
            const decoder = new StreamDecoder(ring, { label });
            for (let at = 0; at + step < bytes.length; at += step) {
              assert.equal(decoder.push(bytes.subarray(at, at + step)), undefined, `${at} of ${bytes.length}`);
            }
            const rest = bytes.length % step === 0 ? step : bytes.length % step;
            assert.deepEqual(decoder.push(bytes.subarray(bytes.length - rest)), message);
            assert.deepEqual(decoder.push(Uint8Array.of(1, 2, 3)), message);
            assert.deepEqual(decoder.end(), message);
          }
        }
      }
    }
  });

  test('a struct that never ends is refused', () => {
    const decoder = new StreamDecoder(undefined);
    let result = decoder.push(Uint8Array.of(6, 0x8f));
    for (let i = 0; i < 9000 && result === undefined; i++) result = decoder.push(Uint8Array.of(0xa1));
    assert.ok(isFault(result));
  });
});

describe('mutated vectors', () => {
  /** Everything that a receiver does with a packet or a stream in clear text. */
  function receive(bytes: Uint8Array, faults: Record<string, number>): void {
    const count = (fault: string): number => (faults[fault] = (faults[fault] ?? 0) + 1);
    const packet = decodePacket(bytes, undefined, { anyLabel: true });
    const stream = new StreamDecoder(undefined, { anyLabel: true });
    const streamed = stream.push(bytes) ?? stream.end();
    if (isFault(packet)) count(packet);
    if (isFault(streamed)) count(streamed);
    const messages = [...(isFault(packet) ? [] : packet.messages), ...(isFault(streamed) ? [] : [streamed])];
    for (const message of messages) {
      count('valid');
      const body = message.type === MessageType.User ? message.body : undefined;
      const state = message.type === MessageType.PushPull ? message.userState : undefined;
      // What was decoded can be encoded.
      encodeMember(message, true);
      const found = forEachGossip(body ?? state ?? new Uint8Array(0), (inner) => {
        encodeGossip(inner);
        if (inner.type === GossipType.BulkSync) forEachGossip(inner.payload, () => count('synced'));
        if (inner.type !== GossipType.TableEvent || inner.event === EntryEvent.Delete) return;
        const peer = decodePeerRecord(inner.value);
        const endpoint = decodeEndpointRecord(inner.value);
        if (isFault(peer)) count(peer);
        if (isFault(endpoint)) count(endpoint);
      });
      if (found.first !== undefined) count(found.first);
    }
  }

  test('100,000 of them crash nothing, and take bounded time and memory', (t: TestContext) => {
    const rounds = 100_000;
    const below = numbers(0x5eed);
    const seeds = [
      ...PACKETS.flatMap(({ layers }) => layers.map(({ hex }) => decodeHex(hex))),
      ...STREAMS.flatMap(({ layers }) => layers.map(({ hex }) => decodeHex(hex))),
      ...TABLE_EVENTS.map((vector) => Uint8Array.of(8, ...decodeHex(vector.gossip_message_hex))),
      encodePacket([encodeMember(ALIVE)], undefined, { crc: true, label: 'x' }),
    ].filter(({ length }) => length < 2000);
    const faults: Record<string, number> = {};
    const before = process.memoryUsage().heapUsed;
    let slowest = 0;
    for (let round = 0; round < rounds; round++) {
      const bytes = mutated(seeds[round % seeds.length], below);
      const start = performance.now();
      receive(bytes, faults);
      slowest = Math.max(slowest, performance.now() - start);
    }
    const grown = (process.memoryUsage().heapUsed - before) / 1e6;
    t.diagnostic(
      `${rounds} mutations: ${JSON.stringify(faults)}; slowest ${slowest.toFixed(1)} ms; ${grown.toFixed(0)} MB`,
    );
    assert.ok(faults['valid'] > 1000);
    assert.ok(Object.keys(faults).length > 12);
    assert.ok(grown < 300, `${grown} MB`);
  });

  test('damaged ciphertext fits no key', () => {
    const below = numbers(99);
    for (const vector of PACKETS) {
      const ring = ringOf(vector);
      const bytes = decodeHex(vector.udp_payload_hex);
      bytes[1 + below(bytes.length - 1)] ^= 1 << below(8);
      assert.equal(decodePacket(bytes, ring), 'no-key-fits');
      assert.notEqual(encodeHex(bytes), vector.udp_payload_hex);
    }
  });
});

/** Whether a value, or anything in it, is a view of a buffer. */
function refersTo(value: unknown, { buffer }: Uint8Array): boolean {
  if (value instanceof Uint8Array) return value.length > 0 && value.buffer === buffer;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((inner) => refersTo(inner, { buffer } as Uint8Array));
}

test('what is decoded from a Buffer is a copy, so that the Buffer may be used again', () => {
  const address = Uint8Array.of(192, 168, 50, 1);
  const members = [
    PING,
    ALIVE,
    { type: MessageType.User, body: Uint8Array.of(1, 2, 3) },
    { type: MessageType.Ack, seqNo: 1, payload: Uint8Array.of(1, 2, 3) },
    { type: MessageType.IndirectPing, seqNo: 1, target: address, port: 1, node: 'a', nack: true, sourceAddr: address },
  ] as const;
  for (const message of members) {
    const buffer = Buffer.from(encodeMember(message));
    const decoded = decodeMember(buffer);
    assert.ok(!isFault(decoded));
    assert.equal(refersTo(decoded, buffer), false, String(message.type));
    buffer.fill(0);
    assert.deepEqual(decoded, decodeMember(encodeMember(message)));
  }
  for (const { gossip_message_hex: hex } of TABLE_EVENTS) {
    const buffer = Buffer.from(hex, 'hex');
    const decoded = decodeGossip(buffer);
    assert.ok(!isFault(decoded));
    assert.equal(refersTo(decoded, buffer), false);
  }
});
