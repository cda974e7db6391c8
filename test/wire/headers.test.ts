/** Each header's layout, check and view agree with each other and with recorded bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ARP_PACKET_LEN,
  arpLayout,
  ArpView,
  checkArp,
  checkEsp,
  checkEthernet,
  checkIcmp,
  checkIcmpv6,
  checkIpv4,
  checkIpv6,
  checkTcp,
  checkUdp,
  checkVlan,
  checkVxlan,
  ESP_HEADER_LEN,
  espLayout,
  EspView,
  ETHERNET_HEADER_LEN,
  ethernetLayout,
  EthernetView,
  HeaderError,
  type HeaderLayout,
  ICMP_HEADER_LEN,
  icmpLayout,
  ICMPV6_HEADER_LEN,
  icmpv6Layout,
  Icmpv6View,
  IcmpView,
  IPV4_HEADER_LEN,
  isIpv4ChecksumValid,
  ipv4Layout,
  Ipv4View,
  IPV6_FRAGMENT_HEADER_LEN,
  IPV6_HEADER_LEN,
  ipv6FragmentLayout,
  ipv6Layout,
  Ipv6View,
  LINUX_SLL2_HEADER_LEN,
  LINUX_SLL_HEADER_LEN,
  linuxSll2Layout,
  linuxSllLayout,
  LLC_HEADER_LEN,
  llcLayout,
  NEIGHBOUR_MESSAGE_LEN,
  neighbourLayout,
  SNAP_HEADER_LEN,
  snapLayout,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  TcpView,
  UDP_CHECKSUM,
  UDP_HEADER_LEN,
  isUdpChecksumValid,
  udpLayout,
  UdpView,
  VLAN_HEADER_LEN,
  vlanLayout,
  VlanView,
  VXLAN_HEADER_LEN,
  vxlanLayout,
  VxlanReserved,
  VxlanView,
  writeIpv4,
  writeIpv4Checksum,
  writeIpv4Length,
  writeIpv6,
} from '../../src/wire/index.js';
import { bytesOf, ECHO_IN_VXLAN } from './golden.js';

describe('Ethernet II (IEEE 802.3 clause 3)', () => {
  test('layout and view agree', () => {
    assert.deepEqual(ethernetLayout.decode(ECHO_IN_VXLAN), {
      destination: '02:00:00:00:50:02',
      source: '02:00:00:00:50:01',
      etherType: 0x0800,
    });
    const view = new EthernetView().wrap(ECHO_IN_VXLAN, 0);
    assert.equal(view.etherType, 0x0800);
    assert.equal(view.payloadOffset, 14);
    assert.equal(view.isGroup, false);
    assert.equal(new EthernetView().wrap(bytesOf('ffffffffffff 020000000001 0806'), 0).isGroup, true);
  });
  test('13 bytes are too short, 14 are enough', () => {
    assert.equal(checkEthernet(ECHO_IN_VXLAN, 0, 13), HeaderError.Short);
    assert.equal(checkEthernet(ECHO_IN_VXLAN, 0, 14), HeaderError.None);
  });
});

describe('VLAN tags (802.1Q clause 9.6)', () => {
  const tag = bytesOf('b064 0800');
  test('priority, drop eligible indicator and id share a word', () => {
    assert.deepEqual(vlanLayout.decode(tag), { priority: 5, dropEligible: 1, vlanId: 100, etherType: 0x0800 });
    const view = new VlanView().wrap(tag.slice(), 0);
    assert.deepEqual([view.priority, view.dropEligible, view.vlanId, view.etherType], [5, 1, 100, 0x0800]);
    view.vlanId = 4095;
    assert.deepEqual([view.priority, view.dropEligible, view.vlanId], [5, 1, 4095]);
  });
  test('3 bytes are too short', () => {
    assert.equal(checkVlan(tag, 0, 3), HeaderError.Short);
    assert.equal(checkVlan(tag, 0, 4), HeaderError.None);
  });
});

describe('ARP (RFC 826)', () => {
  const request = bytesOf('0001 0800 06 04 0001 02420a000903 0a000903 000000000000 0a000904');
  test('layout and view agree', () => {
    assert.deepEqual(arpLayout.decode(request), {
      hardwareType: 1,
      protocolType: 0x0800,
      hardwareLength: 6,
      protocolLength: 4,
      operation: 1,
      senderMac: '02:42:0a:00:09:03',
      senderIp: '10.0.9.3',
      targetMac: '00:00:00:00:00:00',
      targetIp: '10.0.9.4',
    });
    const view = new ArpView().wrap(request, 0);
    assert.deepEqual([view.operation, view.senderMacOffset, view.senderIpOffset, view.targetIpOffset], [1, 8, 14, 24]);
  });
  test('refuses 27 bytes, and other hardware or address sizes', () => {
    assert.equal(checkArp(request, 0, 27), HeaderError.Short);
    assert.equal(checkArp(request, 0, 28), HeaderError.None);
    for (const at of [1, 2, 4, 5]) {
      const other = request.slice();
      other[at] ^= 0x40;
      assert.equal(checkArp(other, 0, 28), HeaderError.BadValue, `byte ${at}`);
    }
  });
});

describe('IPv4 (RFC 791 section 3.1)', () => {
  const AT = 14;
  test('layout and view agree', () => {
    assert.deepEqual(ipv4Layout.decode(ECHO_IN_VXLAN, AT), {
      version: 4,
      ihl: 5,
      dscp: 0,
      ecn: 0,
      totalLength: 0x86,
      identification: 0xce61,
      reserved: 0,
      dontFragment: 0,
      moreFragments: 0,
      fragmentOffset: 0,
      ttl: 64,
      protocol: 17,
      checksum: 0xc6b1,
      source: '192.168.50.1',
      destination: '192.168.50.2',
    });
    const view = new Ipv4View().wrap(ECHO_IN_VXLAN, AT);
    assert.deepEqual(
      [
        view.headerLength,
        view.totalLength,
        view.identification,
        view.isFragment,
        view.ttl,
        view.protocol,
        view.checksum,
      ],
      [20, 0x86, 0xce61, false, 64, 17, 0xc6b1],
    );
    assert.deepEqual([view.payloadOffset, view.payloadEnd], [34, 14 + 0x86]);
  });
  const whole = new Uint8Array(14 + 0x86);
  whole.set(ECHO_IN_VXLAN);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = whole.slice();
    bytes[AT + at] = value;
    return bytes;
  };
  test('one byte too few is too short', () => {
    assert.equal(checkIpv4(whole, AT, AT + 19), HeaderError.Short);
    assert.equal(checkIpv4(whole, AT, whole.length), HeaderError.None);
  });
  test('refuses another version', () =>
    assert.equal(checkIpv4(changed(0, 0x65), AT, whole.length), HeaderError.BadVersion));
  test('refuses an IHL below 5', () =>
    assert.equal(checkIpv4(changed(0, 0x44), AT, whole.length), HeaderError.BadHeaderLength));
  test('refuses a total length below the header length or beyond the packet', () => {
    assert.equal(checkIpv4(changed(3, 19), AT, whole.length), HeaderError.LengthTooSmall);
    assert.equal(checkIpv4(changed(3, 0x87), AT, whole.length), HeaderError.BadLength);
  });
  test('a packet truncated by a snaplen keeps its total length', () => {
    assert.equal(checkIpv4(whole, AT, AT + 20, whole.length), HeaderError.None);
    assert.equal(checkIpv4(whole, AT, AT + 20), HeaderError.BadLength);
  });
  test('options beyond the bytes are too short', () => {
    assert.equal(checkIpv4(changed(0, 0x4f), AT, AT + 59, whole.length), HeaderError.Short);
    assert.equal(checkIpv4(changed(0, 0x4f), AT, AT + 60, whole.length), HeaderError.None);
  });
  test('verifies the checksum, and recomputes the recorded one', () => {
    assert.equal(isIpv4ChecksumValid(whole, AT), true);
    assert.equal(isIpv4ChecksumValid(changed(8, 63), AT), false);
    assert.equal(checkIpv4(changed(8, 63), AT, whole.length), HeaderError.None);
    assert.equal(checkIpv4(changed(8, 63), AT, whole.length, whole.length, true), HeaderError.BadChecksum);
    assert.equal(checkIpv4(whole, AT, whole.length, whole.length, true), HeaderError.None);
    const again = changed(10, 0);
    writeIpv4Checksum(again, AT);
    assert.deepEqual(again, whole);
  });
  test('flags and offset share a word; the offset is in units of 8 bytes', () => {
    const view = new Ipv4View().wrap(whole.slice(), AT);
    view.fragmentWord = 0x2000 | 185;
    assert.deepEqual(
      [view.moreFragments, view.dontFragment, view.fragmentOffset, view.isFragment],
      [true, false, 1480, true],
    );
    view.fragmentWord = 0x4000;
    assert.deepEqual([view.dontFragment, view.isFragment], [true, false]);
  });
  test('writes any field, with the checksum, and only the header’s 20 bytes', () => {
    const [byte, word] = [fc.integer({ max: 0xff, min: 0 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })];
    const fields = fc.record({ tos: byte, length: fc.integer({ min: 20, max: 65_535 }), ttl: byte, protocol: byte });
    fc.assert(
      fc.property(fields, word, word, word, fc.nat(5), (header, fragmentation, source, destination, offset) => {
        const { tos, length, ttl, protocol } = header;
        const expected = new Uint8Array(30).fill(0xa5);
        const view = new DataView(expected.buffer, offset);
        view.setUint32(0, 0x45000000 + tos * 0x10000 + length);
        view.setInt32(4, fragmentation);
        view.setUint32(8, ttl * 0x1000000 + protocol * 0x10000);
        view.setInt32(12, source);
        view.setInt32(16, destination);
        writeIpv4Checksum(expected, offset);
        const written = new Uint8Array(30).fill(0xa5);
        writeIpv4(written, offset, tos, length, fragmentation, ttl, protocol, source, destination);
        assert.deepEqual(written, expected);
        assert.equal(isIpv4ChecksumValid(written, offset), true);
      }),
      { seed: 20261121, numRuns: 1000 },
    );
  });
  test('a changed total length gets its checksum, with options too', () => {
    for (const first of [0x45, 0x47]) {
      const bytes = changed(0, first);
      writeIpv4Length(bytes, AT, 65_535);
      assert.equal(new Ipv4View().wrap(bytes, AT).totalLength, 65_535);
      assert.equal(isIpv4ChecksumValid(bytes, AT), true);
      writeIpv4Length(bytes, AT, 0x86);
      if (first === 0x45) assert.deepEqual(bytes, whole);
    }
  });
});

describe('IPv6 (RFC 8200 section 3)', () => {
  const packet = bytesOf(
    '6ab12345 0008 11 40 fd500000000000000000000000000001 fd500000000000000000000000000002 0000000000000000',
  );
  test('layout and view agree', () => {
    const decoded = ipv6Layout.decode(packet);
    assert.deepEqual(
      [decoded.version, decoded.dscp, decoded.ecn, decoded.flowLabel, decoded.payloadLength, decoded.source],
      [6, 0x2a, 3, 0x12345, 8, 'fd50::1'],
    );
    const view = new Ipv6View().wrap(packet, 0);
    assert.deepEqual(
      [view.trafficClass, view.flowLabel, view.payloadLength, view.nextHeader, view.hopLimit, view.payloadEnd],
      [0xab, 0x12345, 8, 17, 64, 48],
    );
    assert.deepEqual([view.sourceOffset, view.destinationOffset], [8, 24]);
  });
  test('a written header has the flow label 0 and leaves the addresses', () => {
    const bytes = packet.slice();
    writeIpv6(bytes, 0, 0xab, 65_535, 50, 255);
    assert.deepEqual(bytes, Uint8Array.from([...bytesOf('6ab00000 ffff 32 ff'), ...packet.subarray(8)]));
  });
  test('refuses 39 bytes, another version, and a payload beyond the packet', () => {
    assert.equal(checkIpv6(packet, 0, 39), HeaderError.Short);
    assert.equal(checkIpv6(packet, 0, 47), HeaderError.BadLength);
    assert.equal(checkIpv6(packet, 0, 40, 48), HeaderError.None);
    assert.equal(checkIpv6(packet, 0, 48), HeaderError.None);
    assert.equal(checkIpv6(bytesOf('45'.repeat(48)), 0, 48), HeaderError.BadVersion);
  });
});

describe('UDP (RFC 768)', () => {
  test('layout and view agree', () => {
    const fields = { sourcePort: 0xc7c4, destinationPort: 4789, length: 0x72, checksum: 0x03a1 };
    assert.deepEqual(udpLayout.decode(ECHO_IN_VXLAN, 34), fields);
    const view = new UdpView().wrap(ECHO_IN_VXLAN, 34);
    assert.deepEqual([view.sourcePort, view.destinationPort, view.length, view.checksum], Object.values(fields));
  });
  test('refuses a length below 8 or beyond the packet', () => {
    const datagram = bytesOf('0001 0002 000a 0000 ffff');
    assert.equal(checkUdp(datagram, 0, 7), HeaderError.Short);
    assert.equal(checkUdp(datagram, 0, 10), HeaderError.None);
    assert.equal(checkUdp(datagram, 0, 9), HeaderError.BadLength);
    assert.equal(checkUdp(datagram, 0, 8, 10), HeaderError.None);
    datagram[5] = 7;
    assert.equal(checkUdp(datagram, 0, 10), HeaderError.LengthTooSmall);
  });
  test('RFC 8200 section 8.1: a zero checksum is valid over IPv4 but not over IPv6', () => {
    const bytes = new Uint8Array(48);
    bytes.set(bytesOf('0001 0002 0008 0000'), 40);
    assert.equal(isUdpChecksumValid(bytes, 40, 4, 0), true);
    assert.equal(isUdpChecksumValid(bytes, 40, 6, 0), false);
  });
});

describe('TCP (RFC 9293 section 3.1)', () => {
  const syn = bytesOf(
    '9c40 0050 00000001 00000000 a0 02 faf0 1234 0000 0204 05b4 0402 080a 00000000 00000000 01 03 03 07'.replaceAll(
      ' ',
      '',
    ),
  );
  test('layout and view agree', () => {
    const decoded = tcpLayout.decode(syn);
    assert.deepEqual(
      [decoded.dataOffset, decoded.syn, decoded.ack, decoded.window, decoded.checksum],
      [10, 1, 0, 0xfaf0, 0x1234],
    );
    const view = new TcpView().wrap(syn, 0);
    assert.deepEqual(
      [view.sourcePort, view.destinationPort, view.headerLength, view.flags],
      [40000, 80, 40, TcpFlag.Syn],
    );
  });
  test('refuses a data offset below 5 or beyond the packet', () => {
    assert.equal(checkTcp(syn, 0, 19), HeaderError.Short);
    assert.equal(checkTcp(syn, 0, 39), HeaderError.BadHeaderLength);
    assert.equal(checkTcp(syn, 0, 39, 40), HeaderError.Short);
    const low = syn.slice();
    low[12] = 0x40;
    assert.equal(checkTcp(low, 0, 40), HeaderError.BadHeaderLength);
  });
});

describe('ICMP (RFC 792, RFC 4443)', () => {
  test('reads an echo request', () => {
    const at = ECHO_IN_VXLAN.length - 8;
    assert.deepEqual(icmpLayout.decode(ECHO_IN_VXLAN, at), {
      type: 8,
      code: 0,
      checksum: 0x797e,
      identifier: 0x5de7,
      sequence: 1,
    });
    const view = new IcmpView().wrap(ECHO_IN_VXLAN, at);
    assert.deepEqual([view.type, view.identifier, view.sequence], [8, 0x5de7, 1]);
    assert.equal(checkIcmp(ECHO_IN_VXLAN, at, at + 7), HeaderError.Short);
    // The recorded packet lacks its data, so its checksum is wrong; this one is whole.
    assert.equal(checkIcmp(ECHO_IN_VXLAN, at, at + 8, true), HeaderError.BadChecksum);
    assert.equal(checkIcmp(bytesOf('0800 f7fc 0001 0002'), 0, 8, true), HeaderError.None);
  });
  test('RFC 1191 section 4: the MTU of "fragmentation needed" is in the second half of the word', () => {
    const view = new IcmpView().wrap(bytesOf('0304 0000 0000 0000'), 0);
    view.mtu = 1450;
    assert.deepEqual([...view.bytes], [3, 4, 0, 0, 0, 0, 5, 0xaa]);
  });
  test('RFC 4443 section 3.2: the MTU of "packet too big" is a 32-bit word', () => {
    const view = new Icmpv6View().wrap(bytesOf('0200 0000 00000000'), 0);
    view.mtu = 1450;
    assert.equal(icmpv6Layout.decode(view.bytes).body, 1450);
    assert.equal(view.mtu, 1450);
  });
  test('RFC 4861 section 4.3: a neighbour solicitation needs its target', () => {
    const solicitation = bytesOf(`8700 0000 00000000 fd500000000000000000000000000002`);
    assert.equal(checkIcmpv6(solicitation, 0, 23), HeaderError.Short);
    assert.equal(checkIcmpv6(solicitation, 0, 24), HeaderError.None);
    assert.equal(neighbourLayout.decode(solicitation).target, 'fd50::2');
  });
});

describe('VXLAN (RFC 7348 section 5)', () => {
  const header = bytesOf('08 000000 001001 00');
  test('layout and view agree', () => {
    assert.deepEqual(vxlanLayout.decode(header), { flags: 8, reserved1: 0, vni: 4097, reserved2: 0 });
    assert.equal(new VxlanView().wrap(header, 0).vni, 4097);
  });
  test('write produces the header that Linux sends', () => {
    const view = new VxlanView().wrap(new Uint8Array(8).fill(0xff), 0);
    view.write(4097);
    assert.deepEqual(view.bytes, header);
  });
  test('refuses 7 bytes, and a clear I flag', () => {
    assert.equal(checkVxlan(header, 0, 7), HeaderError.Short);
    assert.equal(checkVxlan(bytesOf('00 000000 001001 00'), 0, 8), HeaderError.BadFlags);
  });
  test('refuses each reserved bit as Linux does, or ignores it as RFC 7348 says', () => {
    for (let bit = 0; bit < 64; bit++) {
      const byte = bit >> 3;
      if (byte >= 4 && byte <= 6) continue;
      const bytes = header.slice();
      bytes[byte] |= 0x80 >> (bit & 7);
      if (bytes[byte] === header[byte]) continue;
      assert.equal(checkVxlan(bytes, 0, 8), HeaderError.ReservedBits, `bit ${bit}`);
      assert.equal(checkVxlan(bytes, 0, 8, VxlanReserved.Ignore), HeaderError.None, `bit ${bit}`);
    }
  });
});

describe('ESP (RFC 4303 section 2)', () => {
  const esp = bytesOf('f27fc01c ffffffff');
  test('SPI and sequence number are unsigned', () => {
    const view = new EspView().wrap(esp, 0);
    assert.deepEqual([view.spi, view.sequence], [0xf27fc01c, 0xffffffff]);
  });
  test('refuses 7 bytes, and SPI 0', () => {
    assert.equal(checkEsp(esp, 0, 7), HeaderError.Short);
    assert.equal(checkEsp(bytesOf('00000000 00000001'), 0, 8), HeaderError.BadValue);
  });
});

test('every layout decodes what it encoded, and leaves omitted fields unchanged', () => {
  const layouts: readonly HeaderLayout<object>[] = [
    ethernetLayout,
    vlanLayout,
    arpLayout,
    ipv4Layout,
    ipv6Layout,
    udpLayout,
    tcpLayout,
    icmpLayout,
    vxlanLayout,
    linuxSllLayout,
    linuxSll2Layout,
  ];
  for (const layout of layouts) {
    const bytes = Uint8Array.from({ length: layout.span }, (_, i) => (i * 37 + 129) & 0xff);
    const copy = new Uint8Array(layout.span);
    assert.equal(layout.encode(layout.decode(bytes) as never, copy), layout.span);
    assert.deepEqual(copy, bytes, layout.name);
    layout.encode({}, copy);
    assert.deepEqual(copy, bytes, layout.name);
    assert.throws(() => layout.decode(bytes.subarray(1)), { code: 'SHORT_HEADER' });
    assert.throws(() => layout.offsetOf('nonsense' as never), { code: 'NO_SUCH_FIELD' });
    assert.throws(() => layout.bitsOf('nonsense' as never), { code: 'NO_SUCH_FIELD' });
  }
});

test('sizes and offsets equal those that the type checker computes and the build inlines', () => {
  const spans: readonly (readonly [HeaderLayout<object>, number])[] = [
    [arpLayout, ARP_PACKET_LEN],
    [espLayout, ESP_HEADER_LEN],
    [ethernetLayout, ETHERNET_HEADER_LEN],
    [icmpLayout, ICMP_HEADER_LEN],
    [icmpv6Layout, ICMPV6_HEADER_LEN],
    [ipv4Layout, IPV4_HEADER_LEN],
    [ipv6Layout, IPV6_HEADER_LEN],
    [ipv6FragmentLayout, IPV6_FRAGMENT_HEADER_LEN],
    [linuxSllLayout, LINUX_SLL_HEADER_LEN],
    [linuxSll2Layout, LINUX_SLL2_HEADER_LEN],
    [llcLayout, LLC_HEADER_LEN],
    [neighbourLayout, NEIGHBOUR_MESSAGE_LEN],
    [snapLayout, SNAP_HEADER_LEN],
    [tcpLayout, TCP_HEADER_LEN],
    [udpLayout, UDP_HEADER_LEN],
    [vlanLayout, VLAN_HEADER_LEN],
    [vxlanLayout, VXLAN_HEADER_LEN],
  ];
  for (const [layout, span] of spans) assert.equal(layout.span, span, layout.name);
  const sizes: readonly [28, 14, 20, 40, 20, 8, 4] = [
    ARP_PACKET_LEN,
    ETHERNET_HEADER_LEN,
    IPV4_HEADER_LEN,
    IPV6_HEADER_LEN,
    TCP_HEADER_LEN,
    UDP_HEADER_LEN,
    VLAN_HEADER_LEN,
  ];
  assert.deepEqual(sizes, [28, 14, 20, 40, 20, 8, 4]);
  const offsets: readonly [16, 6, 2] = [
    tcpLayout.offsetOf('checksum'),
    udpLayout.offsetOf('checksum'),
    vlanLayout.offsetOf('etherType'),
  ];
  assert.deepEqual(offsets, [16, 6, 2]);
  assert.deepEqual([TCP_CHECKSUM, UDP_CHECKSUM], [16, 6]);
});
