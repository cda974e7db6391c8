import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ipv6Headers, putSender } from '../../../src/live/socket/datagram-headers.js';
import { putSocketAddress, SOCKADDR_BYTES } from '../../../src/live/socket/socket-address.js';
import { PacketBatch } from '../../../src/memory/index.js';
import { parseIp } from '../../../src/overlay/prefix.js';
import { EtherType, HeaderError, IpProtocol, Layers } from '../../../src/wire/index.js';
import { between, C1, C2, fromHex, pairOf, TestNode, topologyOf } from '../../dataplane/topology.js';
import { framesOf } from '../../cli/frames.js';
import { fixture } from '../../repository.js';

const START = 100;
const PORT = 50_000;

/** A struct sockaddr. */
function nameOf(address: string): Uint8Array {
  const names = new Uint8Array(SOCKADDR_BYTES);
  putSocketAddress(names, 0, parseIp(address), PORT);
  return names;
}

const WAYS = [
  { family: 4, from: '192.168.50.1' },
  { family: 6, from: 'fd50::1' },
] as const;

/** IP and UDP headers in front of VXLAN on an Ethernet wire. */
const HEADERS = { 4: 14 + 28, 6: 14 + 48 } as const;

/** Datagrams through a node's ingress, each with its sender and traffic class. */
function receive(node: TestNode, family: 4 | 6, from: string, payloads: readonly Uint8Array[], tos = 0): void {
  const batch = new PacketBatch(node.arena);
  for (const payload of payloads) {
    const at = batch.copyIn(payload, 0, payload.length);
    batch.tos[at] = tos;
    batch.sender[at] = putSender(node.arena.bytes, batch.start[at], family, nameOf(from), 0);
  }
  node.ingress.runDatagrams(batch, 0);
  assert.equal(batch.count, 0);
}

const hexesOf = (node: TestNode): string[] => node.delivered.map(({ bytes }) => Buffer.from(bytes).toString('hex'));

describe('the sender of a datagram', () => {
  for (const { family, from } of WAYS) {
    test(`over IPv${family} is written directly in front of it, and nothing else is`, () => {
      const bytes = new Uint8Array(2 * START).fill(0xee);
      const at = putSender(bytes, START, family, nameOf(from), 0);
      const address = parseIp(from);
      assert.equal(at, START - address.length);
      assert.deepEqual(bytes.subarray(at, START), address);
      assert.ok([...bytes.subarray(0, at), ...bytes.subarray(START)].every((byte) => byte === 0xee));
    });

    test(`over IPv${family}: a recorded packet gives the same frame with and without its headers`, async () => {
      const [n1] = pairOf({ family });
      const frames = (await framesOf(fixture('vxlan/01-icmp.c1.pcap'))).map(({ hex }) => hex);
      const sent = between(frames, C1, C2).filter((hex) => hex.length < 2 * 1400);
      assert.ok(sent.length > 5);
      n1.send(sent.map(fromHex));
      assert.equal(n1.wire.length, sent.length);
      const n2 = new TestNode(topologyOf({ family }), 'n2');
      const payloads = n1.wire.map(({ bytes }) => bytes.subarray(HEADERS[family]));
      receive(n2, family, from, payloads);
      assert.deepEqual(hexesOf(n2), sent);
      n2.balanced();
    });

    test(`over IPv${family}: an unknown VTEP's is dropped, and this node's own is a loop`, () => {
      const [n1, n2] = pairOf({ family });
      n1.send([fromHex(`${C2}${C1}88b5${'ab'.repeat(46)}`)]);
      const payloads = n1.wire.map(({ bytes }) => bytes.subarray(HEADERS[family]));
      receive(n2, family, family === 4 ? '203.0.113.9' : '2001:db8::9', payloads);
      receive(n2, family, from.replace(/1$/, '2'), payloads);
      assert.deepEqual(n2.ingress.drops.byName(), { VXLAN_UNKNOWN_VTEP: 1, LOOP: 1 });
      n2.balanced();
    });
  }

  test('does not let a cleartext datagram into an encrypted network', () => {
    const [n1] = pairOf();
    n1.send([fromHex(`${C2}${C1}88b5${'ab'.repeat(46)}`)]);
    const n2 = new TestNode(topologyOf({ encrypted: true }), 'n2');
    receive(
      n2,
      4,
      '192.168.50.1',
      n1.wire.map(({ bytes }) => bytes.subarray(HEADERS[4])),
    );
    assert.deepEqual([n2.delivered.length, n2.ingress.drops.total], [0, 1]);
    n2.balanced();
  });

  test('the ECN mark of the datagram is propagated to the frame (RFC 6040)', () => {
    const ip = '4502001c00010000400100000a0009030a0009040800000000000000';
    const [n1, n2] = pairOf();
    n1.send([fromHex(`${C2}${C1}0800${ip}${'00'.repeat(20)}`)]);
    const payloads = n1.wire.map(({ bytes }) => bytes.subarray(HEADERS[4]));
    receive(n2, 4, '192.168.50.1', payloads, 3);
    assert.deepEqual(
      n2.delivered.map(({ bytes }) => bytes[15]),
      [3],
    );
    n2.balanced();
  });

  test('a datagram that is not VXLAN neither throws nor leaks a slot', () => {
    const [, n2] = pairOf();
    const payloads = Array.from({ length: 60 }, (_, i) => new Uint8Array(i).fill(8 * (i % 2)));
    receive(n2, 4, '192.168.50.1', payloads);
    assert.equal(n2.ingress.drops.total, 60);
    n2.balanced();
  });
});

test('the header for a raw IPv6 socket has both addresses, the traffic class and the protocol', () => {
  const bytes = new Uint8Array(200).fill(0xee);
  const headers = new Ipv6Headers(parseIp('fd50::1'));
  const start = headers.put(bytes, START, START + 60, nameOf('fd50::2'), 0, 0xb9, IpProtocol.Esp);
  const layers = new Layers();
  assert.equal(layers.walkNetwork(bytes, EtherType.Ipv6, start, START + 60), HeaderError.None);
  assert.deepEqual([layers.family, layers.protocol, layers.transportOffset], [6, IpProtocol.Esp, START]);
  assert.equal(layers.networkEnd, START + 60);
  assert.deepEqual(bytes.subarray(start + 8, START), Uint8Array.of(...parseIp('fd50::2'), ...parseIp('fd50::1')));
  assert.equal(((bytes[start] & 15) << 4) | (bytes[start + 1] >>> 4), 0xb9);
  assert.deepEqual([bytes[start - 1], bytes[START]], [0xee, 0xee]);
});
