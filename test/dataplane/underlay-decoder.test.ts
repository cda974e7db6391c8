import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LinkType, openCaptureFile } from '../../src/capture/index.js';
import {
  DROP_REASONS,
  DropReason,
  dropReasonName,
  dropReasonText,
  UnderlayDecoder,
  type UnderlayDecoderOptions,
  Verdict,
} from '../../src/dataplane/index.js';
import { EtherType, IpProtocol, VxlanReserved, writeIpv4Checksum } from '../../src/wire/index.js';
import { fixture } from '../repository.js';
import { esp, ethernet, FRAME, ip, join, overlay, udpIp, vxlan } from './build.js';

interface Received {
  readonly decoder: UnderlayDecoder;
  readonly verdict: Verdict;
  readonly reason: string;
}

function sumHolds(decoder: UnderlayDecoder): void {
  const dropped = decoder.drops.total;
  const { framePackets, espPackets, otherPackets, held } = decoder;
  assert.equal(decoder.packets, framePackets + espPackets + otherPackets + held + decoder.filtered.packets + dropped);
}

function receive(
  packet: Uint8Array,
  options: UnderlayDecoderOptions = {},
  captured = packet.length,
  linkType: number = LinkType.Ethernet,
): Received {
  const decoder = new UnderlayDecoder(options);
  const verdict = decoder.receive(linkType, packet, 0, captured, packet.length, 0);
  sumHolds(decoder);
  return { decoder, verdict, reason: verdict === Verdict.Dropped ? dropReasonName(decoder.reason) : '' };
}

const onWire = (packet: Uint8Array): Uint8Array => ethernet(packet, EtherType.Ipv4);

test('a VNI or port that there cannot be is refused, and selects nothing', () => {
  for (const vni of [-1, 2 ** 24, 1.5, Number.NaN, '4097', null]) {
    assert.throws(() => new UnderlayDecoder({ vni: vni as number }), { code: 'BAD_OPTION' }, String(vni));
  }
  for (const port of [0, 70_000, '4789', [4789, -1], null]) {
    assert.throws(() => new UnderlayDecoder({ port: port as number }), { code: 'BAD_OPTION' }, String(port));
  }
});

describe('ECN (RFC 6040 section 4.2)', () => {
  const CE = 3;
  const NO_ECT = 0;
  const ECT0 = 2;

  /** VXLAN with the given outer and inner ECN fields. */
  function marked(family: 4 | 6, outer: number, inner: number): Uint8Array {
    const frame = FRAME.slice();
    frame[15] |= inner;
    writeIpv4Checksum(frame, 14);
    const packet = overlay(family, 4097, frame);
    if (family === 6) {
      packet[15] |= outer << 4;
    } else {
      packet[15] |= outer;
      writeIpv4Checksum(packet, 14);
    }
    return packet;
  }

  for (const family of [4, 6] as const) {
    test(`over IPv${family} the frame is unchanged unless applyEcn is set`, () => {
      for (const [outer, inner] of [
        [CE, ECT0],
        [CE, NO_ECT],
        [ECT0, ECT0],
      ]) {
        const packet = marked(family, outer, inner);
        const { decoder, verdict } = receive(packet);
        assert.equal(verdict, Verdict.Frame);
        assert.deepEqual([decoder.outerBytes, decoder.copied], [packet, false]);
        assert.equal(packet[decoder.frameOffset + 15] & 3, inner);
      }
    });

    test(`over IPv${family} applyEcn marks a copy of the frame and updates its checksum`, () => {
      const packet = marked(family, CE, ECT0);
      const given = packet.slice();
      const { decoder, verdict } = receive(packet, { applyEcn: true });
      assert.equal(verdict, Verdict.Frame);
      assert.deepEqual(packet, given);
      const { outerBytes, frameOffset, frameEnd, outer, capturedEnd } = decoder;
      const frame = outerBytes.slice(frameOffset, frameEnd);
      const expected = FRAME.slice();
      expected[15] |= CE;
      writeIpv4Checksum(expected, 14);
      assert.deepEqual(frame, expected);
      assert.deepEqual([decoder.copied, decoder.vni, capturedEnd], [true, 4097, frameEnd]);
      // The outer headers are unchanged.
      assert.deepEqual(outerBytes.slice(outer.networkOffset, frameOffset), given.slice(14, 14 + frameOffset));
      assert.equal(outer.destinationPort, 4789);
    });

    test(`over IPv${family} applyEcn drops a Not-ECT frame in a CE packet: IP_TUNNEL_ECN`, () => {
      const { decoder, reason } = receive(marked(family, CE, NO_ECT), { applyEcn: true });
      assert.deepEqual([reason, decoder.vni], ['IP_TUNNEL_ECN', -1]);
    });

    test(`over IPv${family} applyEcn doesn’t copy a packet whose ECN field has no effect`, () => {
      const { decoder, verdict } = receive(marked(family, ECT0, ECT0), { applyEcn: true });
      assert.deepEqual([verdict, decoder.copied], [Verdict.Frame, false]);
    });
  }
});

describe('with verifyChecksums', () => {
  test('a wrong IPv4 header checksum drops any packet, other traffic and fragments too, as in a receiver', () => {
    const other = onWire(udpIp(4, 53, new Uint8Array(20)));
    const fragment = overlay();
    fragment[21] = 16;
    writeIpv4Checksum(fragment, 14);
    for (const [packet, sound] of [
      [overlay(), Verdict.Frame],
      [other, Verdict.Other],
      [fragment, Verdict.Held],
    ] as const) {
      assert.equal(receive(packet, { verifyChecksums: true }).verdict, sound);
      const wrong = packet.slice();
      wrong[14 + 8] ^= 1;
      assert.equal(receive(wrong).verdict, sound);
      assert.equal(receive(wrong, { verifyChecksums: true }).reason, 'IP_CSUM');
    }
  });
});

describe('UnderlayDecoder', () => {
  for (const family of [4, 6] as const) {
    test(`VXLAN over IPv${family} gives the frame in place`, () => {
      const packet = overlay(family);
      const { decoder, verdict } = receive(packet);
      assert.equal(verdict, Verdict.Frame);
      assert.equal(decoder.vni, 4097);
      assert.equal(decoder.outerBytes, packet);
      assert.deepEqual(packet.subarray(decoder.frameOffset, decoder.frameEnd), FRAME);
    });
  }

  test('an underlay with VLAN tags', () => {
    const packet = overlay();
    const tagged = join(packet.subarray(0, 12), Uint8Array.of(0x88, 0xa8, 0, 5, 0x81, 0, 0, 6), packet.subarray(12));
    assert.equal(receive(tagged).verdict, Verdict.Frame);
    const tags = Uint8Array.from(Array.from({ length: 5 }, () => [0x81, 0, 0, 1]).flat());
    assert.equal(receive(join(packet.subarray(0, 12), tags, packet.subarray(12))).reason, 'VLAN_TOO_DEEP');
  });

  test('padding after the IP packet is not part of the frame', () => {
    const { decoder, verdict } = receive(join(overlay(), new Uint8Array(9)));
    assert.equal(verdict, Verdict.Frame);
    assert.equal(decoder.frameEnd - decoder.frameOffset, FRAME.length);
  });

  test('decodes only the selected VNI and port', () => {
    const { decoder, verdict } = receive(overlay(4, 4098), { vni: 4097 });
    assert.equal(verdict, Verdict.Filtered);
    assert.deepEqual(decoder.filtered.vnis, [{ vni: 4098, packets: 1 }]);
    assert.deepEqual([decoder.packets, decoder.filtered.packets, decoder.vni], [1, 1, -1]);
    assert.equal(decoder.drops.total, 0);
    assert.equal(receive(overlay(), { vni: 4097 }).verdict, Verdict.Frame);
    assert.equal(receive(overlay(), { port: 8472 }).verdict, Verdict.Other);
    assert.equal(receive(onWire(udpIp(4, 8472, vxlan(1, FRAME))), { port: 8472 }).verdict, Verdict.Frame);
  });

  test('RFC 7348 section 5: reserved bits are refused, as Linux does, or ignored', () => {
    const packet = onWire(udpIp(4, 4789, vxlan(4097, FRAME, 0x88)));
    assert.equal(receive(packet).reason, 'VXLAN_RESERVED_BITS');
    assert.equal(receive(packet, { reserved: VxlanReserved.Ignore }).verdict, Verdict.Frame);
  });

  test('without the I flag, or too short: VXLAN_INVALID_HDR', () => {
    assert.equal(receive(onWire(udpIp(4, 4789, vxlan(4097, FRAME, 0)))).reason, 'VXLAN_INVALID_HDR');
    assert.equal(receive(onWire(udpIp(4, 4789, new Uint8Array(7)))).reason, 'VXLAN_INVALID_HDR');
    assert.equal(receive(onWire(udpIp(4, 4789, vxlan(1, FRAME.subarray(0, 13))))).reason, 'PKT_TOO_SMALL');
  });

  test('a frame truncated by the snaplen is dropped with its VNI', () => {
    const packet = overlay();
    for (let captured = 0; captured < packet.length; captured++) {
      const { decoder, reason } = receive(packet, {}, captured);
      assert.equal(reason, 'CAPTURE_TRUNCATED', `captured ${captured}`);
      assert.equal(decoder.vni, captured >= 50 ? 4097 : -1);
    }
  });

  test('a packet too short by its own lengths is not CAPTURE_TRUNCATED', () => {
    const packet = overlay();
    assert.equal(receive(packet.subarray(0, 13)).reason, 'PKT_TOO_SMALL');
    assert.equal(receive(packet.subarray(0, 20)).reason, 'IP_INHDR');
    assert.equal(receive(packet.subarray(0, packet.length - 1)).reason, 'IP_INHDR');
    assert.equal(receive(ethernet(ip(4, IpProtocol.Udp, new Uint8Array(7)), EtherType.Ipv4)).reason, 'L4_HDR');
    assert.equal(receive(ethernet(ip(6, 0, new Uint8Array(4)), EtherType.Ipv6)).reason, 'IPV6_BAD_EXTHDR');
  });

  test('ESP is reported with its SPI and sequence number', () => {
    for (const family of [4, 6] as const) {
      const packet = ethernet(ip(family, IpProtocol.Esp, esp(0xf0000001, 0xffffffff)), family === 4 ? 0x0800 : 0x86dd);
      const { decoder, verdict } = receive(packet);
      assert.equal(verdict, Verdict.Esp);
      assert.deepEqual([decoder.spi, decoder.sequence, decoder.espInUdp], [0xf0000001, 0xffffffff, false]);
    }
    assert.equal(receive(onWire(ip(4, IpProtocol.Esp, esp(0, 1)))).reason, 'XfrmInHdrError');
    assert.equal(receive(onWire(ip(4, IpProtocol.Esp, new Uint8Array(7)))).reason, 'XfrmInHdrError');
  });

  test('RFC 3948 section 2: ESP in UDP is ESP; IKE and keepalives are not', () => {
    const { decoder, verdict } = receive(onWire(udpIp(4, 4500, esp(5, 6))));
    assert.equal(verdict, Verdict.Esp);
    assert.deepEqual([decoder.spi, decoder.espInUdp], [5, true]);
    assert.equal(receive(onWire(udpIp(4, 4500, Uint8Array.of(0xff)))).verdict, Verdict.Other);
    assert.equal(receive(onWire(udpIp(4, 4500, new Uint8Array(40)))).verdict, Verdict.Other);
  });

  test('a wrong checksum drops a packet only with verifyChecksums', () => {
    const bad = overlay(4, 4097, FRAME, 0x1234);
    assert.equal(receive(bad).verdict, Verdict.Frame);
    const verify = { verifyChecksums: true };
    assert.equal(receive(bad, verify).reason, 'UDP_CSUM');
    assert.equal(receive(overlay(), verify).verdict, Verdict.Frame);
    assert.equal(receive(overlay(4, 4097, FRAME, 0), verify).verdict, Verdict.Frame);
    assert.equal(receive(overlay(6, 4097, FRAME, 0), verify).reason, 'UDP_CSUM');
    const header = overlay();
    header[14 + 8] = 63;
    assert.equal(receive(header, verify).reason, 'IP_CSUM');
  });

  test('an unknown link type: LINK_TYPE_UNKNOWN', () => {
    assert.equal(receive(overlay(), {}, undefined, 147).reason, 'LINK_TYPE_UNKNOWN');
  });

  test('other traffic has the verdict Other', () => {
    assert.equal(receive(ethernet(new Uint8Array(28), EtherType.Arp)).verdict, Verdict.Other);
    assert.equal(receive(onWire(ip(4, IpProtocol.Icmp, new Uint8Array(8)))).verdict, Verdict.Other);
    assert.equal(receive(ethernet(new Uint8Array(50), 0x88cc)).verdict, Verdict.Other);
  });

  test('every reason has a unique name and text', () => {
    const reasons = Object.values(DropReason);
    assert.equal(reasons.length, DROP_REASONS);
    assert.equal(new Set(reasons.map(dropReasonName)).size, DROP_REASONS);
    assert.equal(new Set(reasons.map(dropReasonText)).size, DROP_REASONS);
  });
});

test('recorded packets with changed bytes: never throws, frames in bounds, all accounted for (100,000 packets)', async () => {
  const packets: { bytes: Uint8Array; linkType: number }[] = [];
  for (const folder of ['vxlan', 'esp', 'docker']) {
    for (const name of readdirSync(fixture(folder)).filter((file) => /underlay.*pcap$|sll2?\.pcap$/.test(file))) {
      const source = await openCaptureFile(fixture(`${folder}/${name}`));
      for (let batch = await source.next(), n = 0; batch !== undefined && n < 60; batch = await source.next()) {
        for (let i = 0; i < Math.min(batch.count, 60); i++, n++) {
          const bytes = batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.capturedLength[i]);
          packets.push({ bytes, linkType: batch.linkType[i] });
        }
      }
      await source.close();
    }
  }
  const decoder = new UnderlayDecoder({ reassembly: { maxBytes: 200_000, maxDatagrams: 50 } });
  const change = fc.record({
    index: fc.nat(packets.length - 1),
    changes: fc.array(fc.tuple(fc.nat(119), fc.constantFrom(0, 1, 6, 17, 44, 50, 0x20, 0x45, 0x60, 0x81, 0xff)), {
      maxLength: 4,
    }),
    cut: fc.nat(400),
    beyond: fc.nat(30),
    seconds: fc.nat(300),
  });
  fc.assert(
    fc.property(change, ({ index, changes, cut, beyond, seconds }) => {
      const { bytes, linkType } = packets[index];
      const packet = bytes.slice();
      for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
      const captured = cut < 150 ? Math.min(cut, packet.length) : packet.length;
      const verdict = decoder.receive(linkType, packet, 0, captured, packet.length + beyond, seconds);
      if (verdict === Verdict.Frame) {
        const { frameOffset, frameEnd, outerBytes, capturedEnd } = decoder;
        assert.ok(frameOffset + 14 <= frameEnd && frameEnd <= capturedEnd && capturedEnd <= outerBytes.length);
      }
    }),
    { seed: 20261121, numRuns: 100_000 },
  );
  sumHolds(decoder);
  assert.ok(decoder.frames > 10_000 && decoder.espPackets > 50 && decoder.otherPackets > 1000);
});
