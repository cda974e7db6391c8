import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PathMtuDiscovery } from '../../src/dataplane/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import { NodeTables, PathMtu } from '../../src/overlay/index.js';
import { EtherType, IpProtocol, Layers } from '../../src/wire/index.js';
import { ip, join, udpIp } from './build.js';

const VTEPS = { 4: ['192.168.50.1', '192.168.50.2'], 6: ['fd50::1', 'fd50::2'] } as const;

function nodeOf(family: 4 | 6): { discovery: PathMtuDiscovery; pathMtu: PathMtu } {
  const [one, two] = VTEPS[family];
  const topology = parseConfig(
    `nodes: { n1: { vtep: "${one}" }, n2: { vtep: "${two}" } }\nnetworks: { net: { vni: 4097 } }\n`,
  );
  const pathMtu = new PathMtu(topology, 0);
  return { discovery: new PathMtuDiscovery(new NodeTables(topology, 'n1'), pathMtu), pathMtu };
}

/** ICMP about a quoted packet, from a router. */
function told(
  family: 4 | 6,
  mtu: number,
  quoted: Uint8Array,
  type = family === 4 ? 3 : 2,
  code = family === 4 ? 4 : 0,
): Uint8Array {
  const icmp = join(Uint8Array.of(type, code, 0, 0, 0, 0, mtu >>> 8, mtu), quoted);
  const router = family === 4 ? '10.1.2.3' : 'fd99::1';
  return ip(family, family === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6, icmp, router, VTEPS[family][0]);
}

/** A packet of ours with 1450 bytes of payload, cut as routers quote it. */
function ours(family: 4 | 6, port = 4789, source?: string, destination?: string): Uint8Array {
  const [one, two] = VTEPS[family];
  return udpIp(family, port, new Uint8Array(1450), 'right', source ?? one, destination ?? two).subarray(0, 128);
}

function take(discovery: PathMtuDiscovery, family: 4 | 6, packet: Uint8Array): boolean {
  const layers = new Layers();
  layers.walkNetwork(packet, family === 4 ? EtherType.Ipv4 : EtherType.Ipv6, 0, packet.length);
  return discovery.take(packet, layers, 100);
}

for (const family of [4, 6] as const) {
  describe(`ICMP about packets of ours, IPv${family}`, () => {
    test('lowers the path MTU to the node that the quoted packet was for (RFC 1191, RFC 8201)', () => {
      const { discovery, pathMtu } = nodeOf(family);
      const before = pathMtu.inner(0, 1);
      assert.ok(take(discovery, family, told(family, 1400, ours(family))));
      assert.deepEqual([discovery.learned, pathMtu.underlay(1)], [1, 1400]);
      assert.equal(pathMtu.inner(0, 1), before - 100);
      pathMtu.expire(100 + 600);
      assert.equal(pathMtu.underlay(1), 1500);
    });

    test('is never believed below the floor', () => {
      const { discovery, pathMtu } = nodeOf(family);
      take(discovery, family, told(family, 68, ours(family)));
      assert.equal(pathMtu.underlay(1), family === 4 ? 552 : 1280);
    });

    const [one, two] = VTEPS[family];
    const stranger = family === 4 ? '203.0.113.9' : '2001:db8::9';
    for (const [name, packet] of [
      ['a packet of another source', told(family, 1400, ours(family, 4789, stranger))],
      ['a packet for no node of ours', told(family, 1400, ours(family, 4789, one, stranger))],
      ['a packet to ourselves', told(family, 1400, ours(family, 4789, two, one))],
      ['another port', told(family, 1400, ours(family, 53))],
      ['a packet that would have fitted', told(family, 1499, ours(family))],
      ['a packet cut within its headers', told(family, 1400, ours(family).subarray(0, 24))],
      [
        'ESP that we have no SA for',
        told(family, 1400, ip(family, IpProtocol.Esp, new Uint8Array(1450).fill(9), one, two)),
      ],
    ] as const) {
      test(`is refused if it quotes ${name}`, () => {
        const { discovery, pathMtu } = nodeOf(family);
        assert.ok(take(discovery, family, packet));
        assert.deepEqual([discovery.learned, discovery.refused, pathMtu.underlay(1)], [0, 1, 1500]);
      });
    }

    test('other ICMP is not its business', () => {
      const { discovery } = nodeOf(family);
      assert.equal(take(discovery, family, told(family, 1400, ours(family), family === 4 ? 8 : 128, 0)), false);
      assert.equal(take(discovery, family, ours(family)), false);
    });
  });
}
