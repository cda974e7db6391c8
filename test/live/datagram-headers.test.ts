import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DatagramHeaders } from '../../src/live/datagram-headers.js';
import { putSocketAddress, SOCKADDR_BYTES } from '../../src/live/socket-address.js';
import { parseIp } from '../../src/overlay/prefix.js';
import { Fault, IpProtocol, ipv4ChecksumHolds, Layers, udpChecksumHolds } from '../../src/wire/index.js';
import { between, C1, C2, fromHex, pairOf, TestNode, topologyOf } from '../dataplane/topology.js';
import { framesOf } from '../cli/frames.js';
import { fixture } from '../repository.js';

const START = 100;
const PORT = 4789;

interface Packet {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A UDP payload with headers put in front of it. */
function udpOf(from: string, to: string, payload: Uint8Array, trafficClass = 0, sourcePort = 50_000): Packet {
  const bytes = new Uint8Array(START + payload.length + 40).fill(0xee);
  bytes.set(payload, START);
  const names = new Uint8Array(SOCKADDR_BYTES);
  putSocketAddress(names, 0, parseIp(from), sourcePort);
  const end = START + payload.length;
  return {
    bytes,
    start: new DatagramHeaders(parseIp(to), PORT).putUdp(bytes, START, end, names, 0, trafficClass),
    end,
  };
}

function walk({ bytes, start, end }: Packet): Layers {
  const layers = new Layers();
  assert.equal(layers.walkEthernet(bytes, start, end), Fault.None);
  assert.equal(layers.networkEnd, end);
  return layers;
}

const WAYS = [
  { family: 4, from: '192.168.50.2', to: '192.168.50.1' },
  { family: 6, from: 'fd50::2', to: 'fd50::1' },
] as const;

describe('headers that a socket took off', () => {
  for (const { family, from, to } of WAYS) {
    test(`of IPv${family} and UDP are whole again: addresses, ports, traffic class, lengths, checksums`, () => {
      for (const length of [0, 1, 7, 8, 1451, 9000]) {
        const packet = udpOf(from, to, new Uint8Array(length).fill(length), 0xb9, 1);
        const layers = walk(packet);
        const { bytes } = packet;
        assert.equal(layers.family, family);
        assert.equal(layers.protocol, IpProtocol.Udp);
        assert.deepEqual([layers.sourcePort, layers.destinationPort], [1, PORT]);
        assert.equal(layers.payloadEnd - layers.transportOffset, 8 + length);
        const at = layers.addressOffset;
        const span = family === 4 ? 4 : 16;
        assert.deepEqual(bytes.subarray(at, at + 2 * span), Uint8Array.of(...parseIp(from), ...parseIp(to)));
        const ip = layers.networkOffset;
        assert.equal(family === 4 ? bytes[ip + 1] : ((bytes[ip] & 15) << 4) | (bytes[ip + 1] >>> 4), 0xb9);
        if (family === 4) assert.ok(ipv4ChecksumHolds(bytes, ip));
        assert.ok(udpChecksumHolds(bytes, layers.transportOffset, family, at));
        assert.equal(bytes[packet.start - 1], 0xee);
        assert.equal(bytes[packet.end], 0xee);
      }
    });

    test(`of a recorded packet over IPv${family} take its frame through a node`, async () => {
      const [n1] = pairOf({ family });
      const frames = (await framesOf(fixture('vxlan/01-icmp.c1.pcap'))).map(({ hex }) => hex);
      const sent = between(frames, C1, C2).filter((hex) => hex.length < 2 * 1400);
      assert.ok(sent.length > 5);
      n1.send(sent.map(fromHex));
      assert.equal(n1.wire.length, sent.length);
      const n2 = new TestNode(topologyOf({ family }), 'n2');
      const headers = family === 4 ? 42 : 62;
      const packets = n1.wire.map(({ bytes }) => udpOf(to, from, bytes.subarray(headers)));
      n2.receive(packets.map(({ bytes, start, end }) => bytes.subarray(start, end)));
      assert.deepEqual(
        n2.delivered.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
        sent,
      );
      n2.balanced();
    });
  }

  test('of a raw IPv6 socket are Ethernet and IPv6 with the protocol that the socket is of', () => {
    const bytes = new Uint8Array(200);
    const names = new Uint8Array(SOCKADDR_BYTES);
    putSocketAddress(names, 0, parseIp('fd50::2'), 0);
    const headers = new DatagramHeaders(parseIp('fd50::1'), PORT);
    const start = headers.putIpv6(bytes, START, START + 60, names, 0, 3, IpProtocol.Esp);
    const layers = walk({ bytes, start, end: START + 60 });
    assert.deepEqual([layers.family, layers.protocol, layers.transportOffset], [6, IpProtocol.Esp, START]);
  });
});
