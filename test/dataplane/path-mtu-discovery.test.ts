import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PathMtuDiscovery } from '../../src/dataplane/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import { NodeTables, PathMtu } from '../../src/overlay/index.js';
import { checksum, EtherType, IpProtocol, Layers, writeIpv4Checksum } from '../../src/wire/index.js';
import { ipv6Packet } from '../fragment/split.js';
import { FRAME, ip, join, udpIp, vxlan } from './build.js';
import { ours, told, VTEPS } from './icmp-errors.js';
import { TestNode, topologyOf } from './topology.js';

const RING = 'keys: [{ tag: 1, key: "000102030405060708090a0b0c0d0e0f" }]\n';

function nodeOf(family: 4 | 6): { discovery: PathMtuDiscovery; pathMtu: PathMtu } {
  const [one, two] = VTEPS[family];
  const topology = parseConfig(
    `nodes: { n1: { vtep: "${one}" }, n2: { vtep: "${two}" } }\n` +
      `networks: { net: { vni: 4097 }, sealed: { vni: 4098, encrypted: true } }\n${RING}`,
  );
  const pathMtu = new PathMtu(topology, 0);
  return { discovery: new PathMtuDiscovery(new NodeTables(topology, 'n1'), pathMtu), pathMtu };
}

function take(discovery: PathMtuDiscovery, packet: Uint8Array): boolean {
  const layers = new Layers();
  layers.walkNetwork(packet, packet[0] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6, 0, packet.length);
  return discovery.take(packet, layers, 100);
}

describe('ICMPv6 "packet too big"', () => {
  test('RFC 8201: lowers the path MTU to the node that the quoted packet was sent to', () => {
    const { discovery, pathMtu } = nodeOf(6);
    const before = pathMtu.inner(0, 1);
    assert.ok(take(discovery, told(6, 1400, ours(6))));
    assert.deepEqual([discovery.learned, pathMtu.underlay(1)], [1, 1400]);
    assert.equal(pathMtu.inner(0, 1), before - 100);
    assert.ok(take(discovery, told(6, 1420, ours(6))));
    assert.deepEqual([discovery.learned, discovery.known], [1, 1]);
    pathMtu.expire(100 + 600);
    assert.equal(pathMtu.underlay(1), 1500);
  });

  test('may quote the first fragment of our packet', () => {
    const { discovery, pathMtu } = nodeOf(6);
    const [one, two] = VTEPS[6];
    const whole = udpIp(6, 4789, vxlan(4097, new Uint8Array(1442)), 'right', one, two);
    const fragment = join(whole.subarray(0, 40), Uint8Array.of(17, 0, 0, 1, 1, 2, 3, 4), whole.subarray(40));
    fragment[6] = IpProtocol.Fragment;
    assert.ok(take(discovery, told(6, 1400, fragment)));
    assert.deepEqual([discovery.learned, pathMtu.underlay(1)], [1, 1400]);
    fragment.set([0, 0x80], 42);
    take(discovery, told(6, 1300, fragment));
    assert.deepEqual([discovery.refused, pathMtu.underlay(1)], [1, 1400]);
  });

  test('about ESP must quote our outbound SPI', () => {
    const node = new TestNode(topologyOf({ family: 6, encrypted: true }), 'n1');
    node.send([FRAME]);
    const sealed = node.wire[0].bytes.subarray(14);
    // Longer than the real packet, so that the MTU is below its length.
    const quoted = join(sealed.subarray(0, 40), sealed.subarray(40), new Uint8Array(1400));
    quoted.set([(quoted.length - 40) >>> 8, (quoted.length - 40) & 0xff], 4);
    for (const [byte, underlay] of [
      [sealed[40] ^ 1, 1500],
      [sealed[40], 1400],
    ] as const) {
      quoted[40] = byte;
      const receiver = new TestNode(topologyOf({ family: 6, encrypted: true }), 'n1', {
        ingress: { pathMtu: node.egress.pathMtu },
      });
      receiver.receive([join(new Uint8Array(12), Uint8Array.of(0x86, 0xdd), told(6, 1400, quoted))]);
      assert.deepEqual(receiver.ingress.drops.byName(), { PMTU_LEARNED: 1 });
      assert.equal(node.egress.pathMtu.underlay(1), underlay);
    }
  });

  test('RFC 4443 section 3.2: the MTU has 32 bits', () => {
    const { discovery, pathMtu } = nodeOf(6);
    take(discovery, told(6, 0x10514, ours(6)));
    assert.deepEqual([discovery.learned, pathMtu.underlay(1)], [0, 1500]);
  });

  const [one, two] = VTEPS[6];
  const stranger = '2001:db8::9';
  for (const [name, packet] of [
    ['a packet with another source', told(6, 1400, ours(6, 4789, stranger))],
    ['a packet to an unknown node', told(6, 1400, ours(6, 4789, one, stranger))],
    ['a packet to ourselves', told(6, 1400, ours(6, 4789, two, one))],
    ['another port', told(6, 1400, ours(6, 53))],
    ['an unknown network', told(6, 1400, ours(6, 4789, one, two, 5000))],
    ['an encrypted network', told(6, 1400, ours(6, 4789, one, two, 4098))],
    ['a packet that fits the MTU', told(6, 1498, ours(6))],
    ['a packet truncated within its headers', told(6, 1400, ours(6).subarray(0, 40))],
    ['a packet truncated within its VXLAN header', told(6, 1400, ours(6).subarray(0, 55))],
    ['ESP without an SA of ours', told(6, 1400, ip(6, IpProtocol.Esp, new Uint8Array(1450).fill(9), one, two))],
    ['a fragment truncated within its header', told(6, 1400, ipv6Packet(new Uint8Array(1450)).bytes.subarray(0, 44))],
    ['our packet, with a wrong checksum (RFC 4443 section 2.3)', told(6, 1400, ours(6), 2, 0, 1)],
    ['our packet, but reports less than 1280 (RFC 8201 section 4)', told(6, 1279, ours(6))],
  ] as const) {
    test(`is refused if it quotes ${name}`, () => {
      const { discovery, pathMtu } = nodeOf(6);
      assert.ok(take(discovery, packet));
      assert.deepEqual([discovery.learned, discovery.refused, pathMtu.underlay(1)], [0, 1, 1500]);
    });
  }
});

describe('ICMP "fragmentation needed"', () => {
  test('RFC 1191 section 4: is never accepted, as our outer packets have DF clear and no router reports them', () => {
    for (const dontFragment of [false, true]) {
      const { discovery, pathMtu } = nodeOf(4);
      const quoted = ours(4);
      if (dontFragment) quoted[6] |= 0x40;
      writeIpv4Checksum(quoted, 0);
      const packet = told(4, 576, quoted);
      assert.equal(checksum(packet, 20, packet.length), 0);
      assert.ok(take(discovery, packet));
      assert.deepEqual([discovery.learned, discovery.refused, pathMtu.underlay(1)], [0, 1, 1500]);
    }
  });

  test('no outer IPv4 packet has DF set, encrypted or not', () => {
    for (const encrypted of [false, true]) {
      const node = new TestNode(topologyOf({ encrypted }), 'n1');
      const frame = FRAME.slice();
      frame[20] |= 0x40;
      writeIpv4Checksum(frame, 14);
      node.send([frame]);
      assert.equal(node.wire[0].bytes[20], 0);
    }
  });
});

for (const family of [4, 6] as const) {
  test(`ignores other ICMP, IPv${family}`, () => {
    const { discovery } = nodeOf(family);
    assert.equal(take(discovery, told(family, 1400, ours(family), family === 4 ? 8 : 128, 0)), false);
    assert.equal(take(discovery, ours(family)), false);
    assert.deepEqual([discovery.learned, discovery.known, discovery.refused], [0, 0, 0]);
  });
}
