/** Outer headers: RFC 7348 section 5, RFC 768, RFC 6040 section 4.1. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RFC7348_PORTS, sourcePortOf, Tunnel, type TunnelOptions } from '../../src/dataplane/index.js';
import { parseIp } from '../../src/overlay/index.js';
import { HeaderError, isIpv4ChecksumValid, Layers, isUdpChecksumValid, VxlanView } from '../../src/wire/index.js';
import { noise } from '../fragment/split.js';
import { FRAME } from './build.js';

const ADDRESSES = { 4: ['192.168.50.1', '192.168.50.2'], 6: ['fd50::1', 'fd50::2'] } as const;

function tunnelOf(family: 4 | 6, options: Partial<TunnelOptions> = {}): Tunnel {
  const [source, destination] = ADDRESSES[family];
  return new Tunnel(parseIp(source), parseIp(destination), { port: 4789, ...options });
}

function encapsulate(
  tunnel: Tunnel,
  frame: Uint8Array,
  hash = 7,
  tos = 0,
  ttl = 0,
  vni = 0xabcdef,
  identification = 1,
): Uint8Array {
  const bytes = new Uint8Array(100 + frame.length).fill(0x77);
  bytes.set(frame, 100);
  const ip = tunnel.encapsulate(bytes, 100, bytes.length, vni, hash, tos, ttl, identification);
  assert.equal(ip, 100 - tunnel.headerLength);
  assert.ok(bytes.subarray(0, ip).every((byte) => byte === 0x77));
  assert.deepEqual(bytes.subarray(100), frame);
  return bytes.slice(ip);
}

for (const family of [4, 6] as const) {
  const head = family === 4 ? 20 : 40;
  const addresses = family === 4 ? 12 : 8;
  const tosOf = (packet: Uint8Array): number =>
    family === 4 ? packet[1] : ((packet[0] & 15) << 4) | (packet[1] >>> 4);
  const ttlOf = (packet: Uint8Array): number => packet[family === 4 ? 8 : 7];

  describe(`over IPv${family}`, () => {
    test('headers have the VNI, port and lengths of frames of any length', () => {
      const tunnel = tunnelOf(family);
      const layers = new Layers();
      for (const length of [14, 15, 60, 61, 1514, 9014]) {
        const packet = encapsulate(tunnel, noise(length, length), length * 77);
        assert.equal(layers.walkNetwork(packet, family === 4 ? 0x0800 : 0x86dd, 0, packet.length), HeaderError.None);
        assert.deepEqual([layers.networkEnd, layers.payloadEnd], [packet.length, packet.length]);
        assert.equal(layers.destinationPort, 4789);
        assert.ok(isUdpChecksumValid(packet, head, family, addresses));
        if (family === 4) assert.ok(isIpv4ChecksumValid(packet, 0));
        const vxlan = packet.subarray(head + 8, head + 16);
        assert.deepEqual([...vxlan], [8, 0, 0, 0, 0xab, 0xcd, 0xef, 0]);
        assert.equal(new VxlanView().wrap(packet, head + 8).vni, 0xabcdef);
      }
    });

    test('RFC 768: a computed UDP checksum is never sent as zero', () => {
      const tunnel = tunnelOf(family);
      let folded = 0;
      for (let i = 0; i < 65_536; i++) {
        const frame = FRAME.slice();
        frame.set([i >>> 8, i], 60);
        const packet = encapsulate(tunnel, frame);
        const sum = (packet[head + 6] << 8) | packet[head + 7];
        assert.notEqual(sum, 0);
        if (sum === 0xffff) folded++;
      }
      assert.ok(folded > 0);
    });

    test('RFC 6040 section 4.1: DSCP is 0, fixed or inherited; ECN is the inner packet’s, with CE as ECT(0)', () => {
      for (let tos = 0; tos < 256; tos++) {
        const ecn = (tos & 3) === 3 ? 2 : tos & 3;
        assert.equal(tosOf(encapsulate(tunnelOf(family), FRAME, 7, tos)), ecn);
        assert.equal(tosOf(encapsulate(tunnelOf(family, { dscp: 63 }), FRAME, 7, tos)), 0xfc | ecn);
        const inherited = encapsulate(tunnelOf(family, { dscp: 'inherit' }), FRAME, 7, tos);
        assert.equal(tosOf(inherited), (tos & 0xfc) | ecn);
        if (family === 4) assert.ok(isIpv4ChecksumValid(inherited, 0));
      }
    });

    test('TTL is 64, fixed or inherited; 64 if there is none to inherit', () => {
      assert.equal(ttlOf(encapsulate(tunnelOf(family), FRAME, 7, 0, 9)), 64);
      assert.equal(ttlOf(encapsulate(tunnelOf(family, { ttl: 255 }), FRAME, 7, 0, 9)), 255);
      assert.equal(ttlOf(encapsulate(tunnelOf(family, { ttl: 'inherit' }), FRAME, 7, 0, 9)), 9);
      assert.equal(ttlOf(encapsulate(tunnelOf(family, { ttl: 'inherit' }), FRAME)), 64);
    });

    test('source ports are in the configured range', () => {
      const packet = encapsulate(tunnelOf(family, { ports: RFC7348_PORTS }), FRAME, 0x12345678);
      assert.equal((packet[head] << 8) | packet[head + 1], sourcePortOf(0x12345678, RFC7348_PORTS));
    });
  });
}

test('the IPv4 header checksum is valid for every identification', () => {
  const tunnel = tunnelOf(4, { udpChecksum: false });
  for (let id = 1; id <= 0xffff; id++) {
    const packet = encapsulate(tunnel, FRAME, 7, id & 0xff, 0, 1, id);
    assert.equal((packet[4] << 8) | packet[5], id);
    assert.ok(isIpv4ChecksumValid(packet, 0));
  }
});

for (const [family, longest] of [
  [4, 65_535 - 20 - 8 - 8],
  [6, 65_535 - 8 - 8],
] as const) {
  test(`IPv${family}: a frame of ${longest} bytes gives the longest packet; one byte more gives none`, () => {
    const tunnel = tunnelOf(family);
    const packet = encapsulate(tunnel, new Uint8Array(longest).fill(0xff), 7, 0xff);
    const layers = new Layers();
    assert.equal(layers.walkNetwork(packet, family === 4 ? 0x0800 : 0x86dd, 0, packet.length), HeaderError.None);
    assert.deepEqual([layers.networkEnd, layers.payloadEnd], [packet.length, packet.length]);
    const bytes = new Uint8Array(100 + longest + 1).fill(0x77);
    assert.equal(tunnel.encapsulate(bytes, 100, bytes.length, 1, 7, 0, 0, 1), -1);
    assert.ok(bytes.every((byte) => byte === 0x77));
  });
}

test('RFC 7348 section 5, RFC 8200 section 8.1: without UDP checksums it is zero over IPv4, but computed over IPv6', () => {
  const four = encapsulate(tunnelOf(4, { udpChecksum: false }), FRAME);
  assert.deepEqual([four[26], four[27]], [0, 0]);
  const six = encapsulate(tunnelOf(6, { udpChecksum: false }), FRAME);
  assert.notEqual((six[46] << 8) | six[47], 0);
  assert.ok(isUdpChecksumValid(six, 40, 6, 8));
});
