import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import {
  EspDrop,
  EspMode,
  espBytes,
  espPadding,
  OutboundEsp,
  outboundHeadroom,
  OutboundSa,
  outboundTailroom,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { EtherType, Layers, isUdpChecksumValid } from '../../src/wire/index.js';
import { ip, join, udpIp } from '../dataplane/build.js';
import {
  anyBytes,
  anyIpv4,
  anyIpv6,
  association,
  dice,
  extension,
  headerChecksum,
  hex,
  MASK,
  openByHand,
  withTrailer,
} from './build.js';

const ENCAP = { sourcePort: 4500, destinationPort: 4501 };
const V6 = { source: 'fd50::1', destination: 'fd50::2' };
const { None, NoRoom, UnsupportedPacket } = EspDrop;
const aead = nodeBackend.create();

function outbound(parameters: Partial<SecurityAssociation> = {}, sequence = { high: 0, low: 0 }): OutboundSa {
  return new OutboundSa(association(parameters), aead, { ivMask: MASK, sequence });
}

/** Seals one packet with exactly the room required, and 7 bytes before it. */
function sealed(sa: OutboundSa, packet: Uint8Array, more = 0): { drop: EspDrop; out: Buffer; left: Uint8Array } {
  const head = outboundHeadroom(sa) + 7;
  const bytes = join(new Uint8Array(head).fill(0xee), packet, new Uint8Array(outboundTailroom(sa) + more).fill(0xee));
  const esp = new OutboundEsp(aead);
  const drop = esp.push(sa, bytes, head, head + packet.length + more, 0);
  esp.flush();
  assert.ok(bytes.subarray(0, 7).every((byte) => byte === 0xee));
  return { drop, out: Buffer.from(bytes.slice(esp.start, esp.end)), left: bytes.slice(head, head + packet.length) };
}

function plainOf(esp: Uint8Array, icvLength = 8, sequence = 1n): Uint8Array {
  return openByHand({ sequence, icvLength }, esp);
}

function checksumHolds(packet: Buffer, length = 20): void {
  assert.equal(packet.readUInt16BE(10), headerChecksum(packet.subarray(0, length)));
}

describe('OutboundEsp in transport mode', () => {
  test('RFC 4303 section 3.1.1: the IPv4 header is moved forward, with protocol 50, new length and checksum', () => {
    const roll = dice(31);
    for (let i = 0; i < 300; i++) {
      const payload = anyBytes(roll, roll(200));
      const packet = anyIpv4(roll, payload, roll(256));
      const span = packet.length - payload.length;
      const icvLength = [8, 12, 16][i % 3];
      const { drop, out } = sealed(outbound({ icvLength }), packet);
      assert.equal(drop, None);
      assert.equal(out.length, span + espBytes(payload.length, icvLength));
      const expected = Buffer.from(packet.subarray(0, span));
      expected[9] = 50;
      expected.writeUInt16BE(out.length, 2);
      expected.writeUInt16BE(headerChecksum(expected), 10);
      assert.equal(hex(out.subarray(0, span)), hex(expected));
      assert.equal(hex(plainOf(out.subarray(span), icvLength)), hex(withTrailer(payload, packet[9])));
    }
  });

  test('RFC 4303 section 3.1.1: IPv6 hop-by-hop options and routing stay in front, the last header announces ESP', () => {
    const roll = dice(32);
    for (const chain of [[], [0], [43], [0, 43]]) {
      for (let i = 0; i < 60; i++) {
        const payload = anyBytes(roll, roll(200));
        const packet = anyIpv6(roll, payload, 17, chain);
        const span = packet.length - payload.length;
        const { drop, out } = sealed(outbound(V6), packet);
        assert.equal(drop, None);
        const expected = Buffer.from(packet.subarray(0, span));
        expected.writeUInt16BE(out.length - 40, 4);
        let announces = 6;
        let at = 40;
        for (let n = 0; n < chain.length; n++) {
          announces = at;
          at += 8 + 8 * packet[at + 1];
        }
        expected[announces] = 50;
        assert.equal(hex(out.subarray(0, span)), hex(expected));
        assert.equal(hex(plainOf(out.subarray(span))), hex(withTrailer(payload, 17)));
      }
    }
  });

  test('RFC 4303 section 3.1.1: IPv6 destination options are sealed with the rest', () => {
    const roll = dice(33);
    for (const chain of [[60], [0, 60], [43, 60], [0, 43, 60]]) {
      const payload = anyBytes(roll, 50);
      const packet = anyIpv6(roll, payload, 17, chain);
      let at = 40;
      for (let i = 1; i < chain.length; i++) at += 8 + 8 * packet[at + 1];
      const { drop, out } = sealed(outbound(V6), packet);
      assert.equal(drop, None);
      assert.equal(hex(plainOf(out.subarray(at))), hex(withTrailer(packet.subarray(at), 60)));
    }
  });

  test('RFC 4303 section 3.1.1, RFC 8200 section 4.1: IPv6 destination options before a routing header stay in front with it', () => {
    const roll = dice(37);
    for (const chain of [
      [60, 43],
      [0, 60, 43],
    ]) {
      const payload = anyBytes(roll, 50);
      const packet = anyIpv6(roll, payload, 17, chain);
      const { drop, out } = sealed(outbound(V6), packet);
      assert.equal(drop, None);
      // Headers that routers read must not be sealed: ESP begins where the payload did.
      const walk = new Layers();
      walk.walkNetwork(out, EtherType.Ipv6, 0, out.length);
      assert.deepEqual([walk.protocol, walk.transportOffset], [50, packet.length - payload.length]);
    }
  });

  test('UDP encapsulation has the SA’s ports, then ESP; checksum 0 over IPv4 (RFC 3948 section 2.1), never over IPv6 (RFC 8200 section 8.1)', () => {
    const roll = dice(34);
    for (const family of [4, 6] as const) {
      for (let i = 0; i < 60; i++) {
        const payload = anyBytes(roll, roll(100));
        const packet = family === 4 ? anyIpv4(roll, payload, 6) : anyIpv6(roll, payload, 6, [[], [0], [0, 43]][i % 3]);
        const span = packet.length - payload.length;
        const { drop, out } = sealed(outbound({ encap: ENCAP, ...(family === 6 ? V6 : {}) }), packet);
        assert.equal(drop, None);
        assert.equal(out.length, span + 8 + espBytes(payload.length, 8));
        assert.equal(out.readUInt16BE(family === 4 ? 2 : 4), family === 4 ? out.length : out.length - 40);
        const udp = out.subarray(span);
        assert.deepEqual(
          [0, 2, 4].map((at) => udp.readUInt16BE(at)),
          [4500, 4501, out.length - span],
        );
        assert.equal(udp.readUInt16BE(6) === 0, family === 4);
        if (family === 6) assert.ok(isUdpChecksumValid(out, span, 6, 8));
        if (family === 4) {
          assert.equal(out[9], 17);
          checksumHolds(out, span);
        }
        assert.equal(hex(plainOf(udp.subarray(8))), hex(withTrailer(payload, 6)));
      }
    }
  });

  test('RFC 4303 section 3.3.4: refuses first, middle and last fragments', () => {
    const roll = dice(35);
    for (const word of [0x2000, 0x2001, 0x0001, 0x1fff, 0x6000]) {
      const packet = Buffer.from(anyIpv4(roll, anyBytes(roll, 64), 17, 0));
      packet.writeUInt16BE(word, 6);
      packet.writeUInt16BE(headerChecksum(packet.subarray(0, 20)), 10);
      assert.equal(sealed(outbound(), packet).drop, UnsupportedPacket);
      // In tunnel mode a fragment is a packet like any other (RFC 4303 section 3.3.4).
      assert.equal(sealed(outbound({ mode: EspMode.Tunnel }), packet).drop, None);
    }
    const last = extension(roll, 17).subarray(0, 8);
    for (const word of [1, 8, 9, 0xfff8]) {
      const fragment = Buffer.from(last);
      fragment[1] = 0;
      fragment.writeUInt16BE(word, 2);
      for (const chain of [[], [0], [43], [0, 43]]) {
        const packet = anyIpv6(roll, join(fragment, anyBytes(roll, 64)), 44, chain);
        assert.equal(sealed(outbound(V6), packet).drop, UnsupportedPacket);
        assert.equal(sealed(outbound({ mode: EspMode.Tunnel, ...V6 }), packet).drop, None);
      }
    }
  });

  test('RFC 4303 section 3.3.4, RFC 8200 section 4.1: refuses a fragment whose fragment header follows destination options', () => {
    const roll = dice(36);
    const fragment = Uint8Array.of(17, 0, 0, 1, 1, 2, 3, 4);
    for (const chain of [[60], [0, 60], [60, 43], [0, 60, 43]]) {
      const packet = anyIpv6(roll, join(fragment, anyBytes(roll, 64)), 44, chain);
      assert.equal(sealed(outbound(V6), packet).drop, UnsupportedPacket, `chain ${chain.join(', ')}`);
    }
  });

  test('refuses anything but a whole packet of the SA’s IP version', () => {
    const four = udpIp(4, 4789, new Uint8Array(30));
    const six = udpIp(6, 4789, new Uint8Array(30));
    assert.equal(sealed(outbound(), six).drop, UnsupportedPacket);
    assert.equal(sealed(outbound(V6), four).drop, UnsupportedPacket);
    for (let length = 0; length < four.length; length++) {
      assert.equal(sealed(outbound(), four.subarray(0, length)).drop, UnsupportedPacket, `${length} bytes of IPv4`);
    }
    for (let length = 0; length < six.length; length++) {
      assert.equal(sealed(outbound(V6), six.subarray(0, length)).drop, UnsupportedPacket, `${length} bytes of IPv6`);
    }
    const cutExtension = ip(6, 0, Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0));
    assert.equal(sealed(outbound(V6), cutExtension).drop, UnsupportedPacket);
    const shortHeader = four.slice();
    shortHeader[0] = 0x44;
    assert.equal(sealed(outbound(), shortHeader).drop, UnsupportedPacket);
  });

  test('keeps the packet’s own addresses, whatever the SA’s', () => {
    const packet = udpIp(4, 4789, new Uint8Array(30), 'right', '10.9.8.7', '10.6.5.4');
    const { out } = sealed(outbound(), packet);
    assert.equal(hex(out.subarray(12, 20)), hex(packet.subarray(12, 20)));
  });
});

describe('OutboundEsp in tunnel mode (RFC 4301 section 5.1.2)', () => {
  const tunnel = (parameters: Partial<SecurityAssociation> = {}): OutboundSa =>
    outbound({ mode: EspMode.Tunnel, ...parameters });

  test('RFC 4301 section 5.1.2.1: outer IPv4 has the SA’s addresses, inner TOS and DF, TTL 64, no options', () => {
    const roll = dice(51);
    for (let i = 0; i < 300; i++) {
      const inner =
        i % 2 === 0 ? anyIpv4(roll, anyBytes(roll, roll(200)), 6) : anyIpv6(roll, anyBytes(roll, roll(200)), 6);
      const encap = i % 3 === 0 ? { encap: ENCAP } : {};
      const udp = i % 3 === 0 ? 8 : 0;
      const { drop, out } = sealed(tunnel(encap), inner);
      assert.equal(drop, None);
      assert.equal(out.length, 20 + udp + espBytes(inner.length, 8));
      assert.equal(out[0], 0x45);
      const innerTos = i % 2 === 0 ? inner[1] : ((inner[0] & 0xf) << 4) | (inner[1] >>> 4);
      assert.equal(out[1], innerTos);
      assert.equal(out.readUInt16BE(2), out.length);
      assert.equal(out.readUInt16BE(6), i % 2 === 0 ? (inner[6] & 0x40) << 8 : 0);
      assert.deepEqual([out[8], out[9]], [64, udp === 0 ? 50 : 17]);
      checksumHolds(out);
      assert.deepEqual([...out.subarray(12, 20)], [192, 168, 50, 1, 192, 168, 50, 2]);
      const nextHeader = i % 2 === 0 ? 4 : 41;
      assert.equal(hex(plainOf(out.subarray(20 + udp))), hex(withTrailer(inner, nextHeader)));
      if (udp === 8) {
        assert.deepEqual(
          [20, 22, 24, 26].map((at) => out.readUInt16BE(at)),
          [4500, 4501, out.length - 20, 0],
        );
      }
    }
  });

  test('RFC 4301 section 5.1.2.2: outer IPv6 has the SA’s addresses, inner traffic class, hop limit 64', () => {
    const roll = dice(52);
    for (let i = 0; i < 300; i++) {
      const inner =
        i % 2 === 0 ? anyIpv4(roll, anyBytes(roll, roll(200)), 6) : anyIpv6(roll, anyBytes(roll, roll(200)), 6);
      const udp = i % 3 === 0 ? 8 : 0;
      const { drop, out } = sealed(tunnel({ ...V6, ...(udp === 0 ? {} : { encap: ENCAP }) }), inner);
      assert.equal(drop, None);
      const innerTos = i % 2 === 0 ? inner[1] : ((inner[0] & 0xf) << 4) | (inner[1] >>> 4);
      assert.equal(out[0] >>> 4, 6);
      assert.equal(((out[0] & 0xf) << 4) | (out[1] >>> 4), innerTos);
      assert.equal(out.readUInt16BE(4), out.length - 40);
      assert.deepEqual([out[6], out[7]], [udp === 0 ? 50 : 17, 64]);
      assert.equal(hex(out.subarray(8, 40)), `fd50${'0'.repeat(27)}1fd50${'0'.repeat(27)}2`);
      const nextHeader = i % 2 === 0 ? 4 : 41;
      assert.equal(hex(plainOf(out.subarray(40 + udp))), hex(withTrailer(inner, nextHeader)));
    }
  });

  test('RFC 6864: the outer identification differs for each packet, and repeats after 65,536', () => {
    const sa = tunnel();
    const packet = udpIp(4, 4789, new Uint8Array(4));
    const head = outboundHeadroom(sa);
    const bytes = join(new Uint8Array(head), packet, new Uint8Array(outboundTailroom(sa)));
    const seen = new Set<number>();
    const esp = new OutboundEsp(
      { name: 'none', addKey: () => 0, removeKey: () => undefined, seal: () => undefined, open: () => undefined },
      1,
    );
    for (let i = 0; i < 65_536; i++) {
      assert.equal(esp.push(sa, bytes, head, head + packet.length, 0), None);
      seen.add((bytes[esp.start + 4] << 8) | bytes[esp.start + 5]);
    }
    assert.equal(seen.size, 65_536);
  });

  test('refuses anything but a whole IP packet', () => {
    const four = udpIp(4, 4789, new Uint8Array(30));
    for (let length = 0; length < four.length; length++) {
      assert.equal(sealed(tunnel(), four.subarray(0, length)).drop, UnsupportedPacket);
    }
    for (const version of [0, 1, 3, 5, 7, 15]) {
      const packet = four.slice();
      packet[0] = (version << 4) | 5;
      assert.equal(sealed(tunnel(), packet).drop, UnsupportedPacket, `version ${version}`);
    }
  });
});

const KINDS: readonly (readonly [string, Partial<SecurityAssociation>])[] = [
  ['transport, IPv4', {}],
  ['transport, IPv4, in UDP', { encap: ENCAP }],
  ['transport, IPv6', V6],
  ['transport, IPv6, in UDP', { ...V6, encap: ENCAP }],
  ['tunnel, IPv4', { mode: EspMode.Tunnel }],
  ['tunnel, IPv4, in UDP', { mode: EspMode.Tunnel, encap: ENCAP }],
  ['tunnel, IPv6', { mode: EspMode.Tunnel, ...V6 }],
  ['tunnel, IPv6, in UDP', { mode: EspMode.Tunnel, ...V6, encap: ENCAP }],
];

for (const [name, parameters] of KINDS) {
  const family = parameters.source === undefined ? 4 : 6;
  const inner = (bytes: number): Uint8Array => udpIp(family, 4789, new Uint8Array(bytes).fill(5));

  describe(`OutboundEsp, ${name}`, () => {
    test('headroom is exactly what the headers need', () => {
      for (const length of [0, 1, 2, 3, 100]) {
        const packet = inner(length);
        const room = outboundHeadroom(outbound(parameters));
        const push = (head: number): [EspDrop, OutboundEsp] => {
          const sa = outbound(parameters);
          const bytes = join(new Uint8Array(head), packet, new Uint8Array(40));
          const esp = new OutboundEsp(aead);
          return [esp.push(sa, bytes, head, head + packet.length, 0), esp];
        };
        const [drop, esp] = push(room);
        assert.deepEqual([drop, esp.start], [None, 0]);
        for (let head = 0; head < room; head++) assert.equal(push(head)[0], NoRoom, `${head} of ${room} bytes`);
      }
    });

    test('tailroom is enough for every length, and exact for the one with most padding', () => {
      for (const icvLength of [8, 12, 16]) {
        let most = 0;
        for (let length = 0; length < 8; length++) {
          const sa = outbound({ ...parameters, icvLength });
          const packet = inner(length);
          const head = outboundHeadroom(sa);
          const end = head + packet.length;
          const sealedBytes = sa.tunnel ? packet.length : packet.length - (family === 4 ? 20 : 40);
          const need = espPadding(sealedBytes) + 2 + icvLength;
          most = Math.max(most, need);
          const bytes = join(new Uint8Array(head), packet, new Uint8Array(need));
          const esp = new OutboundEsp(aead);
          assert.equal(esp.push(sa, bytes.slice(0, -1), head, end, 0), NoRoom);
          assert.equal(esp.push(sa, bytes, head, end, 0), None);
          assert.equal(esp.end, bytes.length);
          esp.flush();
        }
        assert.equal(outboundTailroom(outbound({ ...parameters, icvLength })), most);
      }
    });

    test('a refused packet is unchanged, and uses no sequence number', () => {
      const packet = inner(77);
      const refusals: readonly (readonly [EspDrop, Partial<SecurityAssociation>, number, number, number])[] = [
        [NoRoom, {}, -1, 40, 0],
        [NoRoom, {}, -9, 40, 0],
        [NoRoom, {}, 0, 12, 0],
        [NoRoom, {}, 0, 0, 0],
        [EspDrop.Expired, { limits: { hard: { seconds: 10 } } }, 0, 40, 10],
        [EspDrop.SequenceExhausted, {}, 0, 40, 0],
      ];
      for (const [expected, more, headMore, tail, seconds] of refusals) {
        const low = expected === EspDrop.SequenceExhausted ? 0xffffffff : 41;
        const sa = outbound({ ...parameters, ...more, icvLength: 16 }, { high: 0, low });
        const head = outboundHeadroom(sa) + headMore;
        const bytes = join(new Uint8Array(head), packet, new Uint8Array(tail).fill(0xdd));
        const esp = new OutboundEsp(aead);
        assert.equal(esp.push(sa, bytes, head, head + packet.length, seconds), expected);
        esp.flush();
        assert.equal(hex(bytes.subarray(head, head + packet.length)), hex(packet));
        assert.ok(bytes.subarray(head + packet.length).every((byte) => byte === 0xdd));
        assert.deepEqual([sa.sequenceLow, sa.lifetime.packets, sa.lifetime.bytes], [low, 0, 0]);
      }
    });

    test('the longest packet that IP allows is sealed, one longer by 4 bytes is not', () => {
      const limit = family === 4 ? 65_535 : 65_535 + 40;
      const fits = (length: number): boolean => {
        const packet = udpIp(family, 4789, new Uint8Array(length), 0);
        const sa = outbound(parameters);
        const { drop, out, left } = sealed(sa, packet);
        if (drop === None) {
          assert.equal(out.readUInt16BE(family === 4 ? 2 : 4), family === 4 ? out.length : out.length - 40);
          assert.ok(out.length <= limit);
          assert.ok(out.length > limit - 8);
          return true;
        }
        assert.equal(drop, UnsupportedPacket);
        assert.equal(Buffer.compare(left, packet), 0);
        assert.equal(sa.sequenceLow, 0);
        return false;
      };
      const overhead = outboundHeadroom(outbound(parameters)) + 8 + 2;
      const header = (family === 4 ? 20 : 40) + 8;
      const most = limit - overhead - header;
      const results = [most - 3, most - 2, most - 1, most, most + 1, most + 2, most + 4].map(fits);
      assert.equal(results[0], true);
      assert.deepEqual(results.slice(4), [false, false, false]);
      // Once a packet is too long, every longer one is.
      assert.deepEqual(results, [...results].sort().reverse());
    });

    test('bytes after the packet’s own length are not sealed with it', () => {
      const packet = inner(50);
      const { out: expected } = sealed(outbound(parameters), packet);
      const { drop, out } = sealed(outbound(parameters), packet, 13);
      assert.equal(drop, None);
      assert.equal(hex(out), hex(expected));
    });

    test('a batch gives the same bytes as packets one by one', () => {
      const roll = dice(99);
      const packets = Array.from({ length: 300 }, () => inner(roll(120)));
      const all = (capacity: number, each: boolean): string[] => {
        const sa = outbound(parameters);
        const head = outboundHeadroom(sa);
        const bytes = new Uint8Array(300 * 320);
        const esp = new OutboundEsp(aead, capacity);
        const ranges = packets.map((packet, i) => {
          const start = i * 320 + head;
          bytes.set(packet, start);
          assert.equal(esp.push(sa, bytes, start, start + packet.length, 0), None);
          if (each) esp.flush();
          return [esp.start, esp.end] as const;
        });
        esp.flush();
        sa.close();
        return ranges.map(([start, end]) => hex(bytes.subarray(start, end)));
      };
      const expected = all(1, true);
      for (const capacity of [1, 3, 64, 256]) assert.deepEqual(all(capacity, false), expected);
    });
  });
}
