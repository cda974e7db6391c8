import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkType } from '../../src/capture/index.js';
import { UnderlayDecoder, type UnderlayDecoderOptions } from '../../src/dataplane/index.js';
import { packetLine } from '../../src/inspect/index.js';
import { arpLayout, Layers, tcpLayout } from '../../src/wire/index.js';
import { esp, ethernet, FRAME, ip, join, overlay, udpIp, vxlan } from '../dataplane/build.js';
import { ipv4Packet, ipv6Packet, noise, partOf, split } from '../fragment/split.js';

interface Given {
  readonly options?: UnderlayDecoderOptions;
  readonly captured?: number;
  readonly linkType?: number;
  readonly number?: number;
  readonly time?: number;
  readonly brief?: boolean;
}

/** The lines of consecutive packets. */
function lines(packets: readonly Uint8Array[], given: Given = {}): string[] {
  const decoder = new UnderlayDecoder(given.options);
  const inner = new Layers();
  const linkType = given.linkType ?? LinkType.Ethernet;
  return packets.map((packet, i) => {
    const captured = given.captured ?? packet.length;
    const verdict = decoder.receive(linkType, packet, 0, captured, packet.length, 0);
    if (decoder.vni >= 0) {
      const end = Math.min(decoder.frameEnd, decoder.capturedEnd);
      inner.walkEthernet(decoder.outerBytes, decoder.frameOffset, end, decoder.frameEnd);
    }
    const context = {
      number: (given.number ?? 1) + i,
      time: given.time ?? 0,
      length: packet.length,
      link: linkType === LinkType.Ethernet ? 0 : -1,
      brief: given.brief ?? false,
    };
    return packetLine(decoder, verdict, inner, context);
  });
}

/** The last line, starting at the protocol. */
function about(packets: Uint8Array | readonly Uint8Array[], given?: Given): string {
  const line = lines(packets instanceof Uint8Array ? [packets] : packets, given).at(-1) ?? '';
  return line.replace(/^ *\d+ +\d+\.\d+ +\S+ → \S+ +/, '').replace(/ {2,}/g, ' ');
}

const NOTHING = new Uint8Array(0);
const on4 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x0800);
const on6 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x86dd);
const inVxlan = (frame: Uint8Array): Uint8Array => overlay(4, 4097, frame);
const FRAME4 = (packet: Uint8Array): Uint8Array => inVxlan(on4(packet));

function arp(operation: number, hardwareType = 1): Uint8Array {
  const bytes = new Uint8Array(28);
  arpLayout.encode(
    {
      hardwareType,
      protocolType: 0x0800,
      hardwareLength: 6,
      protocolLength: 4,
      operation,
      senderMac: '02:42:0a:00:09:03',
      senderIp: '10.0.9.3',
      targetMac: '00:00:00:00:00:00',
      targetIp: '10.0.9.4',
    },
    bytes,
  );
  return ethernet(bytes, 0x0806);
}

function tcp(flags: number): Uint8Array {
  const bytes = new Uint8Array(23);
  tcpLayout.encode(
    { sourcePort: 40_000, destinationPort: 80, sequence: 4_000_000_000, dataOffset: 5, window: 64 },
    bytes,
  );
  bytes[13] = flags;
  return ip(4, 6, bytes);
}

function icmp6(type: number, body: readonly number[]): Uint8Array {
  return on6(ip(6, 58, Uint8Array.of(type, 0, 0, 0, ...body)));
}

const TARGET = [0, 0, 0, 0, 0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];

describe('a packet line: details', () => {
  const CASES: [what: string, line: string, Uint8Array | readonly Uint8Array[], Given?][] = [
    ['an ARP request', 'ARP 42 who has 10.0.9.4? tell 10.0.9.3', arp(1)],
    ['an ARP reply', 'ARP 42 10.0.9.3 is at 02:42:0a:00:09:03', arp(2)],
    ['ARP of other hardware', 'ARP 42 not for IPv4 over Ethernet', arp(1, 6)],
    ['ARP truncated by the snaplen', 'ARP 42 not for IPv4 over Ethernet', arp(1), { captured: 41 }],
    ['another EtherType', 'Ethernet 18 EtherType 0x88cc (LLDP)', ethernet(new Uint8Array(4), 0x88cc)],
    ['UDP', 'UDP 46 40000 → 53 len=4', on4(udpIp(4, 53, new Uint8Array(4)))],
    ['UDP over IPv6', 'UDP 66 40000 → 53 len=4', on6(udpIp(6, 53, new Uint8Array(4)))],
    ['TCP, SYN', 'TCP 57 40000 → 80 [SYN] seq=4000000000 win=64 len=3', on4(tcp(2))],
    [
      'TCP, every flag',
      'TCP 57 40000 → 80 [FIN, SYN, RST, PSH, ACK, URG, ECE, CWR] seq=4000000000 win=64 len=3',
      on4(tcp(0xff)),
    ],
    ['TCP, no flag', 'TCP 57 40000 → 80 [] seq=4000000000 win=64 len=3', on4(tcp(0))],
    [
      'an echo request',
      'ICMP 42 echo request id=0x0c74 seq=2',
      on4(ip(4, 1, Uint8Array.of(8, 0, 0, 0, 12, 116, 0, 2))),
    ],
    ['an echo reply', 'ICMP 42 echo reply id=0x0001 seq=513', on4(ip(4, 1, Uint8Array.of(0, 0, 0, 0, 0, 1, 2, 1)))],
    [
      'fragmentation needed (RFC 1191)',
      'ICMP 42 fragmentation needed, MTU 1450',
      on4(ip(4, 1, Uint8Array.of(3, 4, 0, 0, 0, 0, 5, 170))),
    ],
    ['port unreachable', 'ICMP 42 unreachable code=3', on4(ip(4, 1, Uint8Array.of(3, 3, 0, 0, 0, 0, 0, 0)))],
    ['time exceeded', 'ICMP 42 time exceeded', on4(ip(4, 1, Uint8Array.of(11, 0, 0, 0, 0, 0, 0, 0)))],
    ['another ICMP', 'ICMP 42 type=13 code=1', on4(ip(4, 1, Uint8Array.of(13, 1, 0, 0, 0, 0, 0, 0)))],
    ['short ICMP', 'ICMP 41 truncated', on4(ip(4, 1, new Uint8Array(7)))],
    ['an ICMPv6 echo request', 'ICMPv6 62 echo request id=0x0001 seq=2', icmp6(128, [0, 1, 0, 2])],
    ['an ICMPv6 echo reply', 'ICMPv6 62 echo reply id=0x0001 seq=2', icmp6(129, [0, 1, 0, 2])],
    ['packet too big (RFC 4443)', 'ICMPv6 62 packet too big, MTU 1280', icmp6(2, [0, 0, 5, 0])],
    ['a neighbour solicitation', 'ICMPv6 78 who has fd00:9::3?', icmp6(135, TARGET)],
    ['a neighbour advertisement', 'ICMPv6 78 fd00:9::3 is here', icmp6(136, TARGET)],
    ['a solicitation without a target', 'ICMPv6 77 truncated', icmp6(135, TARGET.slice(1))],
    ['another ICMPv6', 'ICMPv6 62 type=143 code=0', icmp6(143, [0, 0, 0, 0])],
    ['ESP', 'ESP 82 SPI=0x0000002a seq=4294967295', on4(ip(4, 50, esp(42, 0xffffffff)))],
    ['ESP in UDP', 'ESP 90 SPI=0xc207fc1c seq=1 in UDP', on4(udpIp(4, 4500, esp(0xc207fc1c, 1)))],
    ['ESP of SPI 0', 'ESP 82 [dropped: XfrmInHdrError]', on4(ip(4, 50, esp(0, 1)))],
    ['another IP protocol', 'IPv4 38 protocol 89 (OSPF)', on4(ip(4, 89, new Uint8Array(4)))],
    ['another protocol over IPv6', 'IPv6 58 protocol 132 (SCTP)', on6(ip(6, 132, new Uint8Array(4)))],
    [
      'a VLAN tag',
      'UDP 50 vlan 100 40000 → 53 len=4',
      ethernet(join(Uint8Array.of(0, 100, 8, 0), udpIp(4, 53, new Uint8Array(4))), 0x8100),
    ],
    ['a runt', 'Ethernet 13 truncated header [dropped: PKT_TOO_SMALL]', new Uint8Array(13)],
    [
      'an IP header truncated by the snaplen',
      'Ethernet 46 cut off by the snaplen [dropped: CAPTURE_TRUNCATED]',
      on4(udpIp(4, 53, new Uint8Array(4))),
      { captured: 30 },
    ],
    ['a bad IP version', 'Ethernet 34 bad version [dropped: IP_INHDR]', on4(new Uint8Array(20).fill(0x55))],
    [
      'a link type that can’t be read',
      'Ethernet 4 invalid value [dropped: LINK_TYPE_UNKNOWN]',
      new Uint8Array(4),
      { linkType: 147 },
    ],
    ['raw IP', 'UDP 32 40000 → 53 len=4', udpIp(4, 53, new Uint8Array(4)), { linkType: LinkType.Raw }],

    ['a frame', 'VXLAN 125 vni 4097 10.0.9.3 → 10.0.9.4 UDP 40000 → 8080 len=33', overlay()],
    ['a frame over IPv6', 'VXLAN 145 vni 4097 10.0.9.3 → 10.0.9.4 UDP 40000 → 8080 len=33', overlay(6)],
    [
      'inner ARP',
      'VXLAN 92 vni 4097 02:42:0a:00:09:03 → 02:42:0a:00:09:04 ARP who has 10.0.9.4? tell 10.0.9.3',
      inVxlan(arp(1)),
    ],
    [
      'another inner EtherType',
      'VXLAN 68 vni 4097 02:42:0a:00:09:03 → 02:42:0a:00:09:04 Ethernet EtherType 0x88cc (LLDP)',
      inVxlan(ethernet(new Uint8Array(4), 0x88cc)),
    ],
    ['inner ESP', 'VXLAN 132 vni 4097 192.168.50.1 → 192.168.50.2 ESP', FRAME4(ip(4, 50, esp(1, 1)))],
    [
      'an inner fragment',
      'VXLAN 124 vni 4097 192.168.50.1 → 192.168.50.200 IPv4 fragment id=0x0abc off=0 more',
      FRAME4(partOf(ipv4Packet(noise(100, 1), { id: 0xabc }), 0, 40)),
    ],
    [
      'a bad inner header',
      'VXLAN 84 vni 4097 02:42:0a:00:09:03 → 02:42:0a:00:09:04 Ethernet bad version',
      FRAME4(new Uint8Array(20).fill(0x55)),
    ],
    [
      'a frame truncated by the snaplen',
      'VXLAN 125 vni 4097 02:42:0a:00:09:03 → 02:42:0a:00:09:04 Ethernet cut off by the snaplen [dropped: CAPTURE_TRUNCATED]',
      overlay(),
      { captured: 70 },
    ],
    [
      'a frame truncated in its Ethernet header',
      'VXLAN 125 vni 4097 - → - Ethernet cut off by the snaplen [dropped: CAPTURE_TRUNCATED]',
      overlay(),
      { captured: 60 },
    ],
    [
      'a frame with only its end truncated',
      'VXLAN 125 vni 4097 10.0.9.3 → 10.0.9.4 UDP 40000 → 8080 len=33 [dropped: CAPTURE_TRUNCATED]',
      overlay(),
      { captured: 124 },
    ],
    ['another network', 'UDP 125 40000 → 4789 len=83 [filtered: another VNI]', overlay(), { options: { vni: 1 } }],
    ['another port', 'UDP 125 40000 → 4789 len=83', overlay(), { options: { port: 8472 } }],
    [
      'reserved bits',
      'UDP 125 40000 → 4789 len=83 [dropped: VXLAN_RESERVED_BITS]',
      on4(udpIp(4, 4789, vxlan(1, FRAME, 0x88))),
    ],
  ];
  for (const [what, line, packets, given] of CASES) {
    test(what, () => assert.equal(about(packets, given), line));
  }
});

describe('a packet line: fragments', () => {
  const four = ipv4Packet(udpIp(4, 4789, vxlan(4097, FRAME)).subarray(20), { id: 0xbeef });
  const six = ipv6Packet(udpIp(6, 4789, vxlan(4097, FRAME)).subarray(40));

  test('over IPv4: held, then the frame', () => {
    const parts = split(four, [5]).map(on4);
    assert.equal(about(parts[0]), 'IPv4 74 fragment id=0xbeef off=0 more [held]');
    assert.equal(about([parts[1]]), 'IPv4 85 fragment id=0xbeef off=40 last [held]');
    const frame = 'vni 4097 10.0.9.3 → 10.0.9.4 UDP 40000 → 8080 len=33';
    assert.equal(about(parts), `VXLAN 85 ${frame} [of 2 fragments]`);
    // The addresses are to the left of it: the outer ones.
    assert.match(lines(parts)[1], / {4}192\.168\.50\.1 → 192\.168\.50\.200 {2}VXLAN/);
  });

  test('over IPv6 with its longer identification', () => {
    const parts = split(six, [5], { id: 0xbeef }).map(on6);
    assert.equal(about(parts[0]), 'IPv6 102 fragment id=0x0000beef off=0 more [held]');
    assert.match(about(parts), /^VXLAN 113 vni 4097 .* \[of 2 fragments\]$/);
  });

  test('of other traffic and of ESP', () => {
    const other = split(ipv4Packet(noise(100, 1), { protocol: 89 }), [5, 8]).map(on4);
    assert.equal(about(other), 'IPv4 70 protocol 89 (OSPF) [of 3 fragments]');
    const sealed = split(ipv4Packet(esp(7, 8), { protocol: 50 }), [3]).map(on4);
    assert.equal(about(sealed), 'ESP 58 SPI=0x00000007 seq=8 [of 2 fragments]');
  });

  test('dropped, with the reason', () => {
    const parts = split(four, [5]).map(on4);
    assert.equal(about([parts[0], parts[0]]), 'IPv4 74 fragment id=0xbeef off=0 more [dropped: DUP_FRAG]');
    const overlap = on4(partOf(four, 32, 91));
    assert.equal(
      about([parts[0], overlap]),
      'IPv4 93 fragment id=0xbeef off=32 last [dropped: FRAG_OVERLAP, and 1 held fragments]',
    );
  });

  test('a reassembled packet that turns out invalid', () => {
    const bad = ipv4Packet(udpIp(4, 4789, vxlan(4097, FRAME, 0)).subarray(20));
    const line = about(split(bad, [5]).map(on4));
    assert.equal(line, 'UDP 85 40000 → 4789 len=83 [of 2 fragments] [dropped: VXLAN_INVALID_HDR]');
  });
});

describe('a packet line: columns', () => {
  test('number, seconds, addresses, protocol, length', () => {
    assert.deepEqual(lines([overlay()], { number: 42, time: 1.5 }), [
      '   42    1.500000    192.168.50.1 → 192.168.50.2    VXLAN   125 vni 4097 10.0.9.3 → 10.0.9.4 UDP 40000 → 8080 len=33',
    ]);
  });

  test('MAC addresses without IP, and dashes without either', () => {
    assert.match(lines([arp(1)])[0], / 02:42:0a:00:09:03 → 02:42:0a:00:09:04 ARP/);
    assert.match(lines([new Uint8Array(9)])[0], / {15}- → - {15}Ethernet/);
    assert.match(lines([NOTHING], { linkType: LinkType.Raw })[0], / {15}- → - {15}Ethernet/);
  });

  test('wide values shift the rest without truncation', () => {
    const line = lines([on6(ip(6, 132, new Uint8Array(4), 'fd50:1:2:3:4:5:6:7'))], {
      number: 1_234_567,
      time: 123_456.5,
    })[0];
    assert.equal(line, '1234567 123456.500000 fd50:1:2:3:4:5:6:7 → fd50::2            IPv6     58 protocol 132 (SCTP)');
  });

  test('no line ends in a space', () => {
    for (const packet of [on4(ip(4, 50, esp(0, 1))), on4(ip(4, 50, esp(1, 1))), FRAME4(ip(4, 50, esp(1, 1)))]) {
      assert.doesNotMatch(lines([packet])[0], /\s$/);
    }
  });
});

describe('a packet line: no state of the previous packet', () => {
  const tagged = ethernet(join(Uint8Array.of(0, 100, 8, 0), udpIp(4, 53, new Uint8Array(4))), 0x8100);

  test('a runt after a tagged packet has no VLAN', () => {
    const runt = new Uint8Array(10);
    assert.equal(about([tagged, runt]), about(runt));
  });

  test('a frame truncated in its Ethernet header has no VLAN of the frame before', () => {
    const whole = inVxlan(tagged);
    const cut = overlay();
    const decoder = new UnderlayDecoder();
    const inner = new Layers();
    let line = '';
    for (const [packet, captured] of [
      [whole, whole.length],
      [cut, 60],
    ] as const) {
      const verdict = decoder.receive(LinkType.Ethernet, packet, 0, captured, packet.length, 0);
      inner.walkEthernet(packet, decoder.frameOffset, Math.min(captured, decoder.frameEnd), decoder.frameEnd);
      line = packetLine(decoder, verdict, inner, { number: 1, time: 0, length: packet.length, link: 0 });
    }
    assert.doesNotMatch(line, /vlan/);
  });

  test('a packet without a time has an empty time column', () => {
    assert.match(lines([overlay()], { time: Number.NaN })[0], /^ {4}1 {16}192\.168\.50\.1 → /);
  });

  test('an unsupported link type is shown by name', () => {
    const packet = new Uint8Array(40);
    const decoder = new UnderlayDecoder();
    const verdict = decoder.receive(105, packet, 0, 40, 40, 0);
    const line = packetLine(decoder, verdict, new Layers(), {
      number: 1,
      time: 0,
      length: 40,
      link: -1,
      linkType: 105,
    });
    assert.match(line, / IEEE802_11 +40 not read \[dropped: LINK_TYPE_UNKNOWN\]$/);
  });

  test('an IP header with a wrong length still has its addresses; "too small" differs from "beyond"', () => {
    for (const [family, at, value, words] of [
      [4, 3, 11, 'length smaller than the header'],
      [4, 2, 0x40, 'length exceeds the packet'],
      [6, 4, 0x40, 'length exceeds the packet'],
    ] as const) {
      const packet = ip(family, 1, new Uint8Array(30));
      packet[at] = value;
      const [line] = lines([family === 4 ? on4(packet) : on6(packet)]);
      assert.match(line, family === 4 ? / 192\.168\.50\.1 → 192\.168\.50\.2 +IPv4 / : / fd50::1 → fd50::2 +IPv6 /);
      assert.ok(line.endsWith(`${words} [dropped: IP_INHDR]`), line);
    }
  });

  test('the lines of a capture keep their column width once an IPv6 address has widened it', () => {
    const columns = { width: 15 };
    const decoder = new UnderlayDecoder();
    const six = on6(ip(6, 58, new Uint8Array(8), '2001:db8:1:2:3:4:5:6', '2001:db8::1'));
    const arrows = [overlay(), six, overlay()].map((packet, i) => {
      const verdict = decoder.receive(1, packet, 0, packet.length, packet.length, 0);
      return packetLine(decoder, verdict, new Layers(), { number: i, time: 0, length: 60, link: 0, columns }).indexOf(
        '→',
      );
    });
    assert.deepEqual(arrows, [34, 39, 39]);
  });

  test('the content of an encapsulation, and an IP length of 0', () => {
    const gre = on4(ip(4, 47, join(Uint8Array.of(0, 0, 0x65, 0x58), overlay())));
    assert.match(about(gre), /^VXLAN .* \[in GRE\]$/);
    const unset = on4(udpIp(4, 9, new Uint8Array(20)));
    unset.set([0, 0], 16);
    assert.match(about(unset), / \[IP length 0\]$/);
  });

  test('every kind of packet has the same line after every other', () => {
    const kinds = [
      tagged,
      arp(1),
      overlay(),
      overlay(6),
      inVxlan(tagged),
      inVxlan(arp(2)),
      on4(tcp(2)),
      on4(ip(4, 50, esp(1, 2))),
      on4(udpIp(4, 4500, esp(3, 4))),
      on4(partOf(ipv4Packet(noise(100, 1)), 8, 100)),
      new Uint8Array(13),
      ethernet(Uint8Array.of(0, 9), 0x8100),
      on4(new Uint8Array(20).fill(0x55)),
      on6(udpIp(6, 4789, vxlan(9, FRAME, 0))),
    ];
    for (const before of kinds) {
      for (const packet of kinds) {
        // A fragment after itself is rightly a duplicate.
        if (before === packet) continue;
        assert.equal(about([before, packet]), about(packet));
      }
    }
  });
});

test('a brief line has the inner addresses of a frame only, and neither padding nor sequence numbers', () => {
  assert.deepEqual(
    lines([on4(tcp(2)), FRAME4(tcp(2))], { brief: true, time: 1.2345 }).map((line) =>
      line.replace(/[\d.]+ → [\d.]+ /, 'A → B '),
    ),
    [
      '    1    1.234   57 A → B TCP 40000 → 80 [SYN] len=3',
      '    2    1.234  107 vni 4097 A → B TCP 40000 → 80 [SYN] len=3',
    ],
  );
});
