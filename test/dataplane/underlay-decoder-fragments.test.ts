import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LinkType } from '../../src/capture/index.js';
import {
  dropReasonName,
  FragmentSource,
  UnderlayDecoder,
  type UnderlayDecoderOptions,
  Verdict,
} from '../../src/dataplane/index.js';
import { EtherType, IpProtocol } from '../../src/wire/index.js';
import { ipv4Packet, ipv6Packet, noise, type Packet, partOf, split } from '../fragment/split.js';
import { esp, ethernet, FRAME, ip, join, udpIp, vxlan } from './build.js';

const VERDICTS = ['', ...Object.keys(Verdict)];
const FAMILIES = [4, 6] as const;

/** A packet of `build.ts`, for fragmentation. */
function cuttable(family: 4 | 6, packet: Uint8Array, id = 1): Packet {
  const bytes = packet.slice();
  if (family === 4) bytes.set([id >>> 8, id & 0xff], 4);
  return { bytes, headerLength: family === 4 ? 20 : 40, announcedAt: family === 4 ? -1 : 6 };
}

function onWire(part: Uint8Array): Uint8Array {
  return ethernet(part, part[0] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
}

/** The verdict's name; for a dropped packet, the reason. */
function receive(decoder: UnderlayDecoder, packet: Uint8Array, seconds = 0, captured = packet.length): string {
  const verdict = decoder.receive(LinkType.Ethernet, packet, 0, captured, packet.length, seconds);
  return verdict === Verdict.Dropped ? dropReasonName(decoder.reason) : VERDICTS[verdict];
}

function drops(decoder: UnderlayDecoder): Record<string, number> {
  const found: Record<string, number> = {};
  decoder.drops.counts.forEach((count, reason) => {
    if (count > 0) found[dropReasonName(reason)] = count;
  });
  return found;
}

function sumHolds(decoder: UnderlayDecoder): void {
  const { packets, framePackets, espPackets, otherPackets, held, frames } = decoder;
  assert.ok(frames <= framePackets);
  const all = decoder.drops.total;
  assert.equal(packets, framePackets + espPackets + otherPackets + held + all);
}

for (const family of FAMILIES) {
  describe(`outer fragments over IPv${family}`, () => {
    const overlay = (frame = FRAME, checksum: 'right' | number = 'right'): Packet =>
      cuttable(family, udpIp(family, 4789, vxlan(4097, frame), checksum));

    test('a frame of a packet reassembled in any order is in the reassembler’s bytes', () => {
      const frame = ethernet(udpIp(4, 80, noise(3000, 1)), EtherType.Ipv4);
      const sample = fc.record({
        units: fc.array(fc.integer({ min: 1, max: 380 }), { minLength: 1, maxLength: 5 }),
        order: fc.infiniteStream(fc.nat()),
      });
      fc.assert(
        fc.property(sample, ({ units, order }) => {
          const decoder = new UnderlayDecoder();
          const parts = split(overlay(frame), units).map((part) => ({ part, key: order.next().value ?? 0 }));
          parts.sort((a, b) => a.key - b.key);
          parts.forEach(({ part }, i) => {
            assert.equal(receive(decoder, onWire(part)), i === parts.length - 1 ? 'Frame' : 'Held');
          });
          assert.equal(decoder.outerBytes, decoder.reassembly.of(FragmentSource.Wire).bytes);
          assert.deepEqual(decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd), frame);
          assert.deepEqual([decoder.vni, decoder.parts], [4097, parts.length]);
          assert.deepEqual([decoder.frames, decoder.framePackets, decoder.held], [1, parts.length, 0]);
          sumHolds(decoder);
        }),
        { seed: 20261121, numRuns: 200 },
      );
    });

    test('RFC 4303 section 3.4.1: ESP is reassembled before it is processed, and counts as several packets', () => {
      const decoder = new UnderlayDecoder();
      const [first, rest] = split(cuttable(family, ip(family, IpProtocol.Esp, esp(0xabcdef01, 77))), [2]);
      assert.equal(receive(decoder, onWire(rest)), 'Held');
      assert.equal(receive(decoder, onWire(first)), 'Esp');
      assert.deepEqual([decoder.spi, decoder.sequence, decoder.espPackets], [0xabcdef01, 77, 2]);
      sumHolds(decoder);
    });

    test('ESP in UDP, in fragments', () => {
      const decoder = new UnderlayDecoder();
      const outcomes = split(cuttable(family, udpIp(family, 4500, esp(9, 8))), [2]).map((part) =>
        receive(decoder, onWire(part)),
      );
      assert.deepEqual([outcomes, decoder.spi, decoder.espInUdp], [['Held', 'Esp'], 9, true]);
    });

    test('other traffic counts as one packet per fragment', () => {
      const decoder = new UnderlayDecoder();
      const parts = split(cuttable(family, udpIp(family, 53, noise(300, 1))), [10, 20]);
      assert.deepEqual(
        parts.map((part) => receive(decoder, onWire(part))),
        ['Held', 'Held', 'Other'],
      );
      assert.equal(decoder.otherPackets, 3);
      sumHolds(decoder);
    });

    test('a reassembled packet that is malformed is dropped with all its fragments', () => {
      const bad = cuttable(family, udpIp(family, 4789, vxlan(4097, FRAME, 0)));
      const decoder = new UnderlayDecoder();
      const outcomes = split(bad, [3, 6]).map((part) => receive(decoder, onWire(part)));
      assert.deepEqual(outcomes, ['Held', 'Held', 'VXLAN_INVALID_HDR']);
      assert.deepEqual(drops(decoder), { VXLAN_INVALID_HDR: 3 });
      sumHolds(decoder);
    });

    test('checksums are verified over the whole packet', () => {
      const give = (checksum: 'right' | number): string[] => {
        const decoder = new UnderlayDecoder({ verifyChecksums: true });
        return split(overlay(FRAME, checksum), [3]).map((part) => receive(decoder, onWire(part)));
      };
      assert.deepEqual(give('right'), ['Held', 'Frame']);
      assert.deepEqual(give(0x1234), ['Held', 'UDP_CSUM']);
    });

    test('drops of reassembly have its drop reason', () => {
      const packet = overlay(ethernet(noise(2000, 1), 0x88b5));
      const [first, rest] = split(packet, [100]);
      const CASES: [string, UnderlayDecoderOptions, Uint8Array[]][] = [
        ['DUP_FRAG', {}, [first, first]],
        ['FRAG_OVERLAP', {}, [first, partOf(packet, 792, 1600)]],
        ['FRAG_INCONSISTENT', {}, [rest, partOf(packet, 800, 1600, { more: false })]],
        ['FRAG_BAD_LENGTH', {}, [first, partOf(packet, 800, 1601)]],
        ['FRAG_BAD_LENGTH', {}, [first, partOf(packet, 800, 800)]],
        ['FRAG_TOO_MANY_PARTS', { reassembly: { maxParts: 1 } }, [first, rest]],
      ];
      for (const [reason, options, parts] of CASES) {
        const decoder = new UnderlayDecoder(options);
        assert.deepEqual(
          parts.map((part) => receive(decoder, onWire(part))),
          ['Held', reason],
        );
        assert.ok((drops(decoder)[reason] ?? 0) > 0);
        sumHolds(decoder);
      }
    });

    test('a fragment truncated by the snaplen: CAPTURE_TRUNCATED', () => {
      const decoder = new UnderlayDecoder();
      const [first, rest] = split(overlay(), [3]).map(onWire);
      assert.equal(receive(decoder, first), 'Held');
      assert.equal(receive(decoder, rest, 0, rest.length - 1), 'CAPTURE_TRUNCATED');
      assert.deepEqual(drops(decoder), { CAPTURE_TRUNCATED: 1 });
      sumHolds(decoder);
    });

    test('fragments that time out or are evicted are counted without a separate verdict', () => {
      const decoder = new UnderlayDecoder({ reassembly: { maxDatagrams: 1 } });
      const first = (id: number): Uint8Array => {
        const packet = cuttable(family, overlay().bytes, id);
        return onWire(partOf(packet, 0, 24, { id }));
      };
      assert.equal(receive(decoder, first(1)), 'Held');
      assert.equal(receive(decoder, first(2)), 'Held');
      assert.equal(receive(decoder, first(3), 61), 'Held');
      assert.deepEqual(drops(decoder), { FRAG_EVICTED: 1, FRAG_REASM_TIMEOUT: 1 });
      assert.equal(decoder.held, 1);
      sumHolds(decoder);
    });

    test('tagged fragments (802.1Q, 802.1ad) are reassembled like others', () => {
      const decoder = new UnderlayDecoder();
      const tagged = split(overlay(), [3]).map((part) => {
        const packet = onWire(part);
        return join(packet.subarray(0, 12), Uint8Array.of(0x88, 0xa8, 0, 5, 0x81, 0, 0, 6), packet.subarray(12));
      });
      assert.deepEqual(
        tagged.map((packet) => receive(decoder, packet)),
        ['Held', 'Frame'],
      );
    });

    test('padding after a short fragment is not part of it', () => {
      const decoder = new UnderlayDecoder();
      const outcomes = split(overlay(), [1]).map((part) => receive(decoder, join(onWire(part), new Uint8Array(30))));
      assert.deepEqual(outcomes, ['Held', 'Frame']);
      assert.deepEqual(decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd), FRAME);
    });

    test('fragments in the inner frames belong to the containers and are delivered unchanged', () => {
      const inner = split(ipv4Packet(noise(200, 1)), [5]).map((part) => ethernet(part, EtherType.Ipv4));
      const decoder = new UnderlayDecoder();
      for (const frame of inner) {
        assert.equal(receive(decoder, onWire(overlay(frame).bytes)), 'Frame');
        assert.deepEqual(decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd), frame);
      }
      assert.equal(decoder.reassembly.of(FragmentSource.Wire).fragments, 0);
    });

    test('the packet after a reassembled one counts as one', () => {
      const decoder = new UnderlayDecoder();
      for (const part of split(overlay(), [3])) receive(decoder, onWire(part));
      const packet = onWire(udpIp(family, 53, noise(20, 1)));
      assert.equal(receive(decoder, packet), 'Other');
      assert.deepEqual([decoder.parts, decoder.vni, decoder.otherPackets], [1, -1, 1]);
      assert.equal(decoder.outerBytes, packet);
      sumHolds(decoder);
    });
  });
}

describe('unusual fragments', () => {
  test('RFC 6946 section 4: an atomic fragment is a whole packet, whatever fragments have its identification', () => {
    const packet = cuttable(6, udpIp(6, 4789, vxlan(4097, FRAME)));
    const decoder = new UnderlayDecoder();
    const length = packet.bytes.length - 40;
    const [first, rest] = split(packet, [3], { id: 5 });
    assert.equal(receive(decoder, onWire(first)), 'Held');
    assert.equal(receive(decoder, onWire(partOf(packet, 0, length, { id: 5, more: false }))), 'Frame');
    assert.equal(decoder.parts, 1);
    assert.equal(receive(decoder, onWire(rest)), 'Frame');
    assert.equal(decoder.parts, 2);
    assert.equal(decoder.reassembly.of(FragmentSource.Wire).fragments, 2);
    sumHolds(decoder);
  });

  test('a fragment in a fragment (6o6) is dropped with the fragments that carried it', () => {
    // The payload begins with another fragment header: more fragments, offset 0.
    const nested = ipv6Packet(join(Uint8Array.of(17, 0, 0, 1, 0, 0, 0, 9), noise(64, 1)), { protocol: 44 });
    const decoder = new UnderlayDecoder();
    assert.deepEqual(
      split(nested, [5]).map((part) => receive(decoder, onWire(part))),
      ['Held', 'IPV6_BAD_EXTHDR'],
    );
    assert.deepEqual(drops(decoder), { IPV6_BAD_EXTHDR: 2 });
    sumHolds(decoder);
  });

  test('a packet in a packet (4o4) whose payload is a fragment is other traffic', () => {
    const [inside] = split(ipv4Packet(noise(200, 1)), [5]);
    const around = ipv4Packet(inside, { protocol: IpProtocol.Ipip, id: 2 });
    const decoder = new UnderlayDecoder();
    assert.deepEqual(
      split(around, [4]).map((part) => receive(decoder, onWire(part))),
      ['Held', 'Other'],
    );
    assert.equal(decoder.held, 0);
  });

  test('RFC 7112 section 5: drops a first fragment that ends within the extension headers', () => {
    const payload = noise(400, 1);
    payload.set([17, 2, 1, 20]);
    const packet = ipv6Packet(payload, { protocol: 60 });
    const decoder = new UnderlayDecoder();
    assert.equal(receive(decoder, onWire(partOf(packet, 0, 8))), 'FRAG_HEADER_CHAIN');
  });

  test('drops the ping of death', () => {
    const packet = ipv4Packet(noise(65_515, 1));
    const long = { ...packet, bytes: join(packet.bytes, noise(100, 2)) };
    const decoder = new UnderlayDecoder();
    assert.equal(receive(decoder, onWire(partOf(packet, 0, 1480))), 'Held');
    assert.equal(receive(decoder, onWire(partOf(long, 65_512, 65_600, { more: false }))), 'FRAG_TOO_LONG');
    assert.deepEqual(drops(decoder), { FRAG_TOO_LONG: 2 });
    sumHolds(decoder);
  });

  test('RFC 7348 section 4.3: an incomplete datagram of VXLAN is never decapsulated', () => {
    const decoder = new UnderlayDecoder();
    const packet = cuttable(4, udpIp(4, 4789, vxlan(4097, FRAME)));
    assert.equal(receive(decoder, onWire(partOf(packet, 0, 88, { more: true }))), 'Held');
    assert.deepEqual([decoder.vni, decoder.frames], [-1, 0]);
  });
});

describe('link types other than Ethernet', () => {
  const packet4 = udpIp(4, 4789, vxlan(4097, FRAME));
  const packet6 = udpIp(6, 4789, vxlan(4097, FRAME));
  const sll = (etherType: number, span: number, at: number): Uint8Array => {
    const header = new Uint8Array(span);
    header.set([etherType >>> 8, etherType & 0xff], at);
    return header;
  };
  const LINKS: [what: string, number, Uint8Array, Uint8Array][] = [
    ['raw IPv4', LinkType.Raw, new Uint8Array(0), packet4],
    ['raw IPv6', LinkType.Raw, new Uint8Array(0), packet6],
    ['BSD’s raw', LinkType.RawBsd, new Uint8Array(0), packet4],
    ['OpenBSD’s raw', LinkType.RawOpenBsd, new Uint8Array(0), packet4],
    ['IPv4', LinkType.Ipv4, new Uint8Array(0), packet4],
    ['IPv6', LinkType.Ipv6, new Uint8Array(0), packet6],
    ['null, little-endian', LinkType.Null, Uint8Array.of(2, 0, 0, 0), packet4],
    ['null, big-endian', LinkType.Null, Uint8Array.of(0, 0, 0, 2), packet4],
    ['null, IPv6 of macOS', LinkType.Null, Uint8Array.of(30, 0, 0, 0), packet6],
    ['loop', LinkType.Loop, Uint8Array.of(0, 0, 0, 24), packet6],
    ['cooked', LinkType.LinuxSll, sll(EtherType.Ipv4, 16, 14), packet4],
    ['cooked 2', LinkType.LinuxSll2, sll(EtherType.Ipv6, 20, 0), packet6],
  ];
  for (const [what, linkType, header, packet] of LINKS) {
    test(`${what}: whole, truncated at any offset, and in fragments`, () => {
      const bytes = join(header, packet);
      const decoder = new UnderlayDecoder();
      assert.equal(decoder.receive(linkType, bytes, 0, bytes.length, bytes.length, 0), Verdict.Frame);
      assert.deepEqual(decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd), FRAME);
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(decoder.receive(linkType, bytes, 0, end, bytes.length, 0), Verdict.Dropped);
        assert.equal(dropReasonName(decoder.reason), 'CAPTURE_TRUNCATED', `cut to ${end}`);
      }
      const family = packet === packet4 ? 4 : 6;
      const verdicts = split(cuttable(family, packet), [3]).map((part) => {
        const onLink = join(header, part);
        return decoder.receive(linkType, onLink, 0, onLink.length, onLink.length, 0);
      });
      assert.deepEqual(verdicts, [Verdict.Held, Verdict.Frame]);
      sumHolds(decoder);
    });
  }

  test('any unsupported link type: LINK_TYPE_UNKNOWN', () => {
    const decoder = new UnderlayDecoder();
    for (const linkType of [2, 9, 127, 147, 65_535, -1]) {
      assert.equal(decoder.receive(linkType, packet4, 0, packet4.length, packet4.length, 0), Verdict.Dropped);
      assert.equal(dropReasonName(decoder.reason), 'LINK_TYPE_UNKNOWN');
    }
    sumHolds(decoder);
  });
});

describe('ESP in UDP under a snaplen', () => {
  test('truncated after its header it is still ESP', () => {
    const packet = onWire(udpIp(4, 4500, esp(5, 6)));
    for (let end = 14 + 20 + 8 + 8; end <= packet.length; end++)
      assert.equal(receive(new UnderlayDecoder(), packet, 0, end), 'Esp');
  });

  test('truncated within its header: CAPTURE_TRUNCATED, as for ESP in IP', () => {
    const bare = onWire(ip(4, IpProtocol.Esp, esp(5, 6)));
    for (let end = 34; end < 42; end++) assert.equal(receive(new UnderlayDecoder(), bare, 0, end), 'CAPTURE_TRUNCATED');
    const inUdp = onWire(udpIp(4, 4500, esp(5, 6)));
    for (let end = 42; end < 50; end++)
      assert.equal(receive(new UnderlayDecoder(), inUdp, 0, end), 'CAPTURE_TRUNCATED');
  });

  test('RFC 3948 sections 2.2 and 2.3: complete keepalives and IKE messages are other traffic', () => {
    for (const payload of [Uint8Array.of(0xff), new Uint8Array(4), new Uint8Array(60)]) {
      assert.equal(receive(new UnderlayDecoder(), onWire(udpIp(4, 4500, payload))), 'Other');
    }
  });
});
