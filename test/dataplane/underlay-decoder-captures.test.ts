/** Packets of captures that no receiver accepts from the wire, and other encapsulations around VXLAN and ESP. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import { LinkType } from '../../src/capture/index.js';
import {
  dropReasonName,
  UnderlayDecoder,
  type UnderlayDecoderOptions,
  MAX_ENCAPSULATIONS,
  Verdict,
} from '../../src/dataplane/index.js';
import { EspDrop, InboundEsp, InboundSa, Keymat, OutboundEsp, OutboundSa, Sad } from '../../src/ipsec/index.js';
import { Encapsulation, EtherType, HeaderError, IpProtocol, Layer, Layers } from '../../src/wire/index.js';
import { partOf } from '../fragment/split.js';
import { esp, ethernet, FRAME, ip, join, overlay, udpIp, vxlan } from './build.js';

const on4 = (packet: Uint8Array): Uint8Array => ethernet(packet, EtherType.Ipv4);
const on6 = (packet: Uint8Array): Uint8Array => ethernet(packet, EtherType.Ipv6);
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const big = (length: number): Uint8Array => new Uint8Array(length).fill(0x6e);

/** A packet with some bytes replaced. */
function changed(packet: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = packet.slice();
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

interface Outcome {
  readonly decoder: UnderlayDecoder;
  readonly verdict: Verdict;
  readonly frame: Uint8Array;
}

function receive(
  packet: Uint8Array,
  options: UnderlayDecoderOptions = {},
  linkType: number = LinkType.Ethernet,
): Outcome {
  const decoder = new UnderlayDecoder(options);
  const verdict = decoder.receive(linkType, packet, 0, packet.length, packet.length, 0);
  const { packets, framePackets, espPackets, otherPackets, held, filtered } = decoder;
  const dropped = decoder.drops.total;
  assert.equal(packets, framePackets + espPackets + otherPackets + held + filtered.packets + dropped);
  return { decoder, verdict, frame: decoder.outerBytes.slice(decoder.frameOffset, decoder.frameEnd) };
}

/** Asserts that a packet holds a frame of VNI 4097. */
function gives(packet: Uint8Array, frame: Uint8Array = FRAME, options: UnderlayDecoderOptions = {}): UnderlayDecoder {
  const outcome = receive(packet, options);
  assert.equal(outcome.verdict, Verdict.Frame, dropReasonName(outcome.decoder.reason));
  assert.equal(outcome.decoder.vni, 4097);
  assert.deepEqual(outcome.frame, frame);
  return outcome.decoder;
}

describe('lengths left to segmentation offload', () => {
  /** TCP over IPv4 with a total length of 0. */
  const inner = on4(
    changed(ip(4, IpProtocol.Tcp, join(bytesOf('9c40 0050 00000001 00000001 5018 0100 0000 0000'), big(70_000))), {
      2: 0,
      3: 0,
    }),
  );

  test('a total length of 0 (TSO, BIG TCP), and the UDP length with it, extends to the end of the packet', () => {
    const packet = changed(udpIp(4, 4789, vxlan(4097, inner.subarray(0, 60_000)), 0), { 2: 0, 3: 0, 24: 0, 25: 0 });
    assert.equal(gives(on4(packet), inner.subarray(0, 60_000)).outer.lengthUnset, true);
    const long = changed(ip(4, IpProtocol.Udp, join(bytesOf('9c40 12b5 0000 0000'), vxlan(4097, inner))), {
      2: 0,
      3: 0,
    });
    gives(on4(long), inner);
  });

  test('so does one inside the frame', () => {
    const walk = new Layers({ fromCapture: true });
    assert.equal(walk.walkEthernet(inner, 0, inner.length), HeaderError.None);
    assert.deepEqual([walk.lengthUnset, walk.destinationPort, walk.payloadEnd], [true, 80, inner.length]);
  });

  test('an IPv6 payload length of 0 before UDP extends to the end of the packet', () => {
    const packet = ip(6, IpProtocol.Udp, join(bytesOf('9c40 12b5 0000 0000'), vxlan(4097, inner)));
    gives(on6(changed(packet, { 4: 0, 5: 0 })), inner);
  });

  test('RFC 2675: a jumbogram ends where its option says, before padding; one longer than the packet is refused', () => {
    const payload = join(bytesOf('9c40 12b5 0000 0000'), vxlan(4097, inner));
    const jumbogram = (length: number): Uint8Array => {
      const option = new Uint8Array(8);
      option.set([IpProtocol.Udp, 0, 0xc2, 4]);
      new DataView(option.buffer).setUint32(4, length);
      return on6(changed(ip(6, IpProtocol.HopByHop, join(option, payload)), { 4: 0, 5: 0 }));
    };
    gives(join(jumbogram(payload.length + 8), new Uint8Array(4)), inner);
    const beyond = receive(jumbogram(payload.length + 9));
    assert.deepEqual([beyond.verdict, dropReasonName(beyond.decoder.reason)], [Verdict.Dropped, 'IP_INHDR']);
  });

  test('refuses a fragment without a length, and a UDP length of 0 in a packet with one', () => {
    const fragment = changed(ip(4, IpProtocol.Udp, new Uint8Array(16)), { 2: 0, 3: 0, 6: 0x20 });
    assert.equal(dropReasonName(receive(on4(fragment)).decoder.reason), 'IP_INHDR');
    const udp = changed(udpIp(4, 4789, vxlan(4097, FRAME), 0), { 24: 0, 25: 0 });
    assert.equal(dropReasonName(receive(on4(udp)).decoder.reason), 'L4_HDR');
  });

  test('RFC 791: a packet from the wire, rather than from a capture, is refused', () => {
    const walk = new Layers();
    assert.equal(walk.walkEthernet(inner, 0, inner.length), HeaderError.LengthTooSmall);
    assert.equal(walk.layer, Layer.Network);
    const six = on6(changed(udpIp(6, 4789, vxlan(4097, FRAME)), { 4: 0, 5: 0 }));
    assert.equal(walk.walkEthernet(six, 0, six.length), HeaderError.Short);
  });

  test('does not verify checksums of packets before segmentation offload', () => {
    const packet = changed(udpIp(4, 4789, vxlan(4097, FRAME), 0x1234), { 2: 0, 3: 0, 24: 0, 25: 0 });
    gives(on4(packet), FRAME, { verifyChecksums: true });
  });
});

describe('802.3 with LLC (IEEE 802.3 clause 3.2.6)', () => {
  const framed = (payload: Uint8Array): Uint8Array => ethernet(join(payload, new Uint8Array(7)), payload.length);

  test('decodes IP in SNAP (RFC 1042) up to the length of the frame', () => {
    gives(framed(join(bytesOf('aaaa03 000000 0800'), udpIp(4, 4789, vxlan(4097, FRAME)))));
    gives(framed(join(bytesOf('060603'), udpIp(4, 4789, vxlan(4097, FRAME)))));
  });

  test('also after a VLAN tag', () => {
    const llc = join(bytesOf('aaaa03 000000 86dd'), udpIp(6, 4789, vxlan(4097, FRAME)));
    gives(ethernet(join(Uint8Array.of(0, 5, llc.length >> 8, llc.length & 0xff), llc), EtherType.Vlan));
  });

  test('a frame without IP, or too short for LLC, is other traffic', () => {
    for (const payload of ['424203 0000', 'aaaa03 00000c 2000', 'aaaa03', '42', '']) {
      const { decoder, verdict } = receive(framed(bytesOf(payload)));
      assert.deepEqual([verdict, decoder.outer.llcOffset, decoder.outer.etherType], [Verdict.Other, 14, 0], payload);
    }
  });

  test('cooked captures mark it with protocol 4', () => {
    const cooked = join(new Uint8Array(14), Uint8Array.of(0, 4), bytesOf('424203 0000'));
    const { decoder, verdict } = receive(cooked, {}, LinkType.LinuxSll);
    assert.deepEqual([verdict, decoder.outer.llcOffset], [Verdict.Other, 16]);
  });

  test('does not affect later packets', () => {
    const decoder = new UnderlayDecoder();
    for (const packet of [framed(bytesOf('424203 0000')), overlay()])
      decoder.receive(1, packet, 0, packet.length, packet.length, 0);
    assert.equal(decoder.outer.llcOffset, -1);
  });
});

describe('AH before ESP (RFC 4302)', () => {
  const header = bytesOf('3204 0000 00001000 00000001 111111111111111111111111');

  test('is skipped in IPv4 as in IPv6', () => {
    for (const family of [4, 6] as const) {
      const packet = ip(family, IpProtocol.Ah, join(header, esp(0x48dac2e4, 7)));
      const { decoder, verdict } = receive(family === 4 ? on4(packet) : on6(packet));
      assert.deepEqual([verdict, decoder.spi, decoder.sequence], [Verdict.Esp, 0x48dac2e4, 7]);
    }
  });

  test('a truncated or too short AH is the payload itself', () => {
    for (const wrong of [header.subarray(0, 8), changed(header, { 1: 0 }), changed(header, { 1: 200 })]) {
      assert.equal(receive(on4(ip(4, IpProtocol.Ah, wrong))).verdict, Verdict.Other);
    }
  });

  test('ESP after it is decrypted; AH stays before its payload', () => {
    const aead = nodeBackend.create();
    const addresses = { source: '192.168.50.1', destination: '192.168.50.2' };
    const keymat = new Keymat(new Uint8Array(20).fill(9));
    const sa = {
      spi: 0x1000,
      ...addresses,
      keymat,
      mode: 'transport',
      icvLength: 8,
      esn: false,
      replayWindow: 0,
    } as const;
    const outbound = new OutboundEsp(aead, 1);
    const clear = udpIp(4, 4789, vxlan(4097, FRAME));
    const room = new Uint8Array(128 + clear.length);
    room.set(clear, 64);
    const counter = { ivMask: new Uint8Array(8), sequence: { high: 0, low: 0 } };
    assert.equal(outbound.push(new OutboundSa(sa, aead, counter), room, 64, 64 + clear.length, 0), EspDrop.None);
    outbound.flush();
    const sealed = room.slice(outbound.start + 20, outbound.end);
    const sad = new Sad<InboundSa>();
    sad.add(new InboundSa(sa, aead));
    gives(on4(ip(4, IpProtocol.Ah, join(header, sealed))), FRAME, { esp: new InboundEsp(aead, sad) });
  });
});

const OVERLAY4 = udpIp(4, 4789, vxlan(4097, FRAME));
const OVERLAY6 = udpIp(6, 4789, vxlan(4097, FRAME));
const WIRE = on4(OVERLAY4);
const gre = (hex: string, inside: Uint8Array): Uint8Array => ip(4, IpProtocol.Gre, join(bytesOf(hex), inside));
const pppoe = (protocol: string, inside: Uint8Array): Uint8Array => {
  const length = (inside.length + 2).toString(16).padStart(4, '0');
  return ethernet(join(bytesOf(`1100 0007 ${length} ${protocol}`), inside), EtherType.PppoeSession);
};
const udp = (port: number, hex: string, inside: Uint8Array): Uint8Array =>
  on4(udpIp(4, port, join(bytesOf(hex), inside)));

describe('other encapsulations', () => {
  const { Mpls, Pppoe, Gre, Erspan, Ipip, Geneve, VxlanGpe, Nsh } = Encapsulation;
  const CASES: [string, Uint8Array, ...Encapsulation[]][] = [
    ['MPLS, one label (RFC 3032)', ethernet(join(bytesOf('00064140'), OVERLAY4), EtherType.Mpls), Mpls],
    ['MPLS, three labels, IPv6', ethernet(join(bytesOf('00064040 00065040 00066140'), OVERLAY6), EtherType.Mpls), Mpls],
    [
      'a pseudowire with its control word (RFC 4385)',
      ethernet(join(bytesOf('00064140 00000000'), WIRE), EtherType.Mpls),
      Mpls,
    ],
    ['MPLS in UDP (RFC 7510)', udp(6635, '00064140', OVERLAY4), Mpls],
    ['PPPoE (RFC 2516)', pppoe('0021', OVERLAY4), Pppoe],
    ['PPPoE with IPv6', pppoe('0057', OVERLAY6), Pppoe],
    ['GRE (RFC 2784)', on4(gre('0000 0800', OVERLAY4)), Gre],
    [
      'GRE with checksum, key and sequence number (RFC 2890)',
      on4(gre('b000 86dd 12340000 00000007 00000001', OVERLAY6)),
      Gre,
    ],
    ['GRE with a frame', on4(gre('2000 6558 00000101', WIRE)), Gre],
    ['GRE in UDP (RFC 8086)', udp(4754, '0000 0800', OVERLAY4), Gre],
    ['ERSPAN I', on4(gre('0000 88be', WIRE)), Erspan],
    ['ERSPAN II', on4(gre('1000 88be 00000001 1001 0001 00000000', WIRE)), Erspan],
    ['ERSPAN III', on4(gre('1000 22eb 00000001 2001 0001 00000000 0000 0000', WIRE)), Erspan],
    [
      'ERSPAN III with its subheader',
      on4(gre('1000 22eb 00000001 2001 0001 00000000 0000 0001 0000000000000000', WIRE)),
      Erspan,
    ],
    ['IPv4 in IPv4 (RFC 2003)', on4(ip(4, IpProtocol.Ipip, OVERLAY4)), Ipip],
    ['IPv6 in IPv4 (RFC 4213)', on4(ip(4, IpProtocol.Ipv6, OVERLAY6)), Ipip],
    ['Geneve with an option (RFC 8926)', udp(6081, '0200 6558 00000500 0102 8001 00000000', WIRE), Geneve],
    ['VXLAN-GPE with IPv4', udp(4790, '0c000001 00000500', OVERLAY4), VxlanGpe],
    ['VXLAN-GPE without a next protocol', udp(4790, '08000000 00000500', WIRE), VxlanGpe],
    [
      'NSH in VXLAN-GPE (RFC 8300)',
      udp(4790, '0c000004 00000500 0006 0103 00000aff 00000000 00000000 00000000 00000000', WIRE),
      VxlanGpe,
      Nsh,
    ],
    ['GRE in MPLS', ethernet(join(bytesOf('00064140'), gre('0000 0800', OVERLAY4)), EtherType.Mpls), Mpls, Gre],
    ['four deep', on4(ip(4, 4, ip(4, 4, ip(4, 4, ip(4, 4, OVERLAY4))))), Ipip, Ipip, Ipip, Ipip],
  ];

  for (const [name, packet, ...kinds] of CASES) {
    test(`${name}: finds VXLAN inside`, () => {
      const { depth, encapsulations } = gives(packet);
      assert.deepEqual([...encapsulations.subarray(0, depth)], kinds);
    });

    test(`${name}: truncated and damaged anywhere, never reads outside, accounts for all`, () => {
      for (let length = 0; length < packet.length; length++) {
        for (const kept of [packet.slice(0, length), changed(packet, { [length]: packet[length] ^ 0xff })]) {
          const decoder = new UnderlayDecoder();
          decoder.receive(LinkType.Ethernet, kept, 0, kept.length, packet.length, 0);
          const dropped = decoder.drops.total;
          assert.equal(decoder.framePackets + decoder.espPackets + decoder.otherPackets + decoder.held + dropped, 1);
        }
      }
    });
  }

  test('are removed up to four deep', () => {
    assert.equal(MAX_ENCAPSULATIONS, 4);
    let packet = OVERLAY4;
    for (let i = 0; i < 40; i++) packet = ip(4, IpProtocol.Ipip, packet);
    const { decoder, verdict } = receive(on4(packet));
    assert.deepEqual([verdict, decoder.depth], [Verdict.Other, 4]);
  });

  test('ESP inside is found; other traffic stays other traffic', () => {
    const { decoder, verdict } = receive(pppoe('0021', ip(4, IpProtocol.Esp, esp(0x1234, 9))));
    assert.deepEqual([verdict, decoder.spi, decoder.depth], [Verdict.Esp, 0x1234, 1]);
    const icmp = receive(on4(gre('0000 0800', ip(4, IpProtocol.Icmp, new Uint8Array(8)))));
    assert.deepEqual([icmp.verdict, icmp.decoder.outer.protocol], [Verdict.Other, IpProtocol.Icmp]);
  });

  test('a malformed payload is other traffic: GRE of PPTP, routes, and no packet at all', () => {
    for (const hex of ['3001 880b 00080001 00000001', '4000 0800 00000000', '0000 0800', '0000 9999']) {
      const { decoder, verdict } = receive(on4(gre(hex, bytesOf('ff'))));
      assert.deepEqual([verdict, decoder.outer.protocol, decoder.depth], [Verdict.Other, IpProtocol.Gre, 0], hex);
    }
  });

  test('endless MPLS labels take bounded time', () => {
    const { verdict } = receive(ethernet(new Uint8Array(9000).fill(0), EtherType.Mpls));
    assert.equal(verdict, Verdict.Other);
  });

  test('fragments inside are reassembled separately from those on the wire with the same identification', () => {
    const whole = { bytes: OVERLAY4, headerLength: 20, announcedAt: -1 };
    const parts = [partOf(whole, 0, 64), partOf(whole, 64, OVERLAY4.length - 20)];
    const decoder = new UnderlayDecoder();
    const push = (packet: Uint8Array): Verdict => decoder.receive(1, packet, 0, packet.length, packet.length, 0);
    assert.equal(push(on4(parts[0])), Verdict.Held);
    assert.equal(push(on4(gre('0000 0800', parts[1]))), Verdict.Held);
    assert.equal(decoder.held, 2);
    assert.equal(push(on4(gre('0000 0800', parts[0]))), Verdict.Frame);
    assert.deepEqual([decoder.held, decoder.framePackets], [1, 2]);
    assert.equal(push(on4(parts[1])), Verdict.Frame);
    assert.equal(decoder.held, 0);
  });

  test('the packet after an encapsulated one is not encapsulated', () => {
    const decoder = new UnderlayDecoder();
    for (const packet of [on4(gre('0000 6558', WIRE)), WIRE])
      decoder.receive(1, packet, 0, packet.length, packet.length, 0);
    assert.deepEqual([decoder.depth, decoder.innerLink], [0, -1]);
  });
});

describe('ports', () => {
  test('VXLAN may have several ports', () => {
    const options = { port: [4789, 8472, 4777] };
    for (const port of options.port) gives(on4(udpIp(4, port, vxlan(4097, FRAME))), FRAME, options);
    assert.equal(receive(on4(udpIp(4, 4778, vxlan(4097, FRAME))), options).verdict, Verdict.Other);
  });

  test('detects probable VXLAN on another port, with its VNIs', () => {
    const decoder = new UnderlayDecoder();
    const tagged = join(FRAME.subarray(0, 12), bytesOf('8100 0005'), FRAME.subarray(12));
    const arp = ethernet(bytesOf('0001 0800 06 04 0001 02420a000903 0a000903 000000000000 0a000904'), EtherType.Arp);
    for (const [vni, frame] of [
      [257, FRAME],
      [257, tagged],
      [9, arp],
    ] as const) {
      const packet = on4(udpIp(4, 8472, vxlan(vni, frame)));
      decoder.receive(1, packet, 0, packet.length, packet.length, 0);
    }
    assert.deepEqual(decoder.guess.ports, [{ port: 8472, packets: 3, vnis: [257, 9] }]);
  });

  test('not other flags, reserved bits, no frame, or DNS with the same first bytes', () => {
    const frame = ethernet(new Uint8Array(40), EtherType.Ipv4);
    const dns = bytesOf('0800 0000 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001');
    for (const payload of [
      vxlan(1, FRAME, 0x0c),
      changed(vxlan(1, FRAME), { 2: 1 }),
      vxlan(1, FRAME.subarray(0, 13)),
      vxlan(1, frame),
      dns,
    ]) {
      assert.deepEqual(receive(on4(udpIp(4, 8472, payload))).decoder.guess.ports, []);
    }
  });

  test('RFC 4787, REQ-3: a client that got port 4500 by chance, talking to a system port, does not send ESP', () => {
    const dns = udpIp(4, 53, new Uint8Array(40).fill(1));
    assert.equal(receive(on4(changed(dns, { 20: 0x11, 21: 0x94 }))).verdict, Verdict.Other);
    assert.equal(receive(on4(changed(dns, { 20: 0, 21: 53, 22: 0x11, 23: 0x94 }))).verdict, Verdict.Other);
    assert.equal(receive(on4(changed(dns, { 20: 0x11, 21: 0x94, 22: 0x9c, 23: 0x40 }))).verdict, Verdict.Esp);
  });
});

test('VXLAN dropped for reserved bits is counted by VNI and group policy', () => {
  const decoder = new UnderlayDecoder();
  for (const flags of [0x88, 0x88, 0x18]) {
    const packet = on4(udpIp(4, 4789, vxlan(flags === 0x18 ? 7 : 5001, FRAME, flags)));
    assert.equal(decoder.receive(1, packet, 0, packet.length, packet.length, 0), Verdict.Dropped);
  }
  assert.deepEqual(decoder.reserved.vnis, [
    { vni: 5001, packets: 2 },
    { vni: 7, packets: 1 },
  ]);
  assert.equal(decoder.policyPackets, 2);
  assert.equal(decoder.vni, -1);
});
