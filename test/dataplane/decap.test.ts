/** Packets off the wire: which are dropped, and what is learned. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VxlanReserved, writeIpv4Checksum } from '../../src/wire/index.js';
import { ethernet, FRAME, ip, overlay, udpIp, vxlan } from './build.js';
import { C1, C2, fromHex, hexOf, type NodeOptions, type Setup, TestNode, topologyOf } from './topology.js';

function nodeOf(setup: Setup = {}, options: NodeOptions = {}): TestNode {
  return new TestNode(topologyOf(setup), 'n2', options);
}

function dropsOf(node: TestNode, packet: Uint8Array, now = 0): Record<string, number> {
  node.receive([packet], 256, now);
  node.balanced();
  return node.ingress.drops.byName();
}

function wire(inner: Uint8Array, source = '', vni = 4097): Uint8Array {
  return ethernet(udpIp(4, 4789, vxlan(vni, inner), 'right', source), 0x0800);
}

function edited(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

const VXLAN = 42;
const frame = (destination: string, source: string): Uint8Array =>
  fromHex(`${destination}${source}88b5${'00'.repeat(20)}`);

describe('dropped packets', () => {
  const bare = overlay(4, 4097, FRAME, 0);
  const CASES: readonly (readonly [what: string, packet: Uint8Array, name: string])[] = [
    ['reserved bits next to the VNI (as Linux)', edited(bare, VXLAN + 7, 1), 'VXLAN_RESERVED_BITS'],
    ['reserved flags (as Linux)', edited(bare, VXLAN, 0x88), 'VXLAN_RESERVED_BITS'],
    ['no I flag (RFC 7348 section 5)', edited(bare, VXLAN, 0), 'VXLAN_INVALID_HDR'],
    ['an unknown VNI', overlay(4, 4098), 'VXLAN_VNI_NOT_FOUND'],
    ['a wrong UDP checksum (RFC 768)', overlay(4, 4097, FRAME, 0x1234), 'UDP_CSUM'],
    ['no room for a frame', wire(FRAME.subarray(0, 13)), 'PKT_TOO_SMALL'],
    [
      'another destination address',
      ethernet(udpIp(4, 4789, vxlan(4097, FRAME), 'right', '', '192.168.50.9'), 0x0800),
      'OTHERHOST',
    ],
    ['the other IP version', overlay(6), 'OTHERHOST'],
    ['another port', ethernet(udpIp(4, 4790, vxlan(4097, FRAME)), 0x0800), 'NOT_OVERLAY'],
    ['another protocol', ethernet(ip(4, 253, new Uint8Array(30)), 0x0800), 'NOT_OVERLAY'],
    ['a multicast source MAC', wire(frame(C2, '03420a000903')), 'MAC_INVALID_SOURCE'],
    ['a source MAC of zeros', wire(frame(C2, '000000000000')), 'MAC_INVALID_SOURCE'],
    ['a source MAC of this node', wire(frame(C2, C2)), 'LOOP'],
    ['a source MAC of another VTEP', wire(FRAME, '192.168.50.3'), 'VXLAN_ENTRY_EXISTS'],
    ['a destination MAC that no endpoint has', wire(frame('0200000000aa', C1)), 'NO_LOCAL_ENDPOINT'],
    ['a destination MAC of an endpoint of the sender', wire(frame(C1, '0200000000aa')), 'LOOP'],
  ];
  for (const [what, packet, name] of CASES) {
    test(`${what}: ${name}`, () => {
      const node = nodeOf({ nodes: ['n3: { vtep: "192.168.50.3" }'] });
      assert.deepEqual(dropsOf(node, packet), { [name]: 1 });
      assert.equal(node.delivered.length, 0);
    });
  }

  test('RFC 1122 section 3.2.1.2 (a MUST): drops a wrong IPv4 header checksum: IP_CSUM', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, edited(overlay(), 24, 0x12, 0x34)), { IP_CSUM: 1 });
  });

  test('RFC 7348 section 5: accepts a UDP checksum of zero over IPv4', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, overlay(4, 4097, FRAME, 0)), {});
    assert.deepEqual(node.delivered[0].bytes, FRAME);
  });

  test('RFC 7348 section 5: ignores reserved bits if configured', () => {
    const node = nodeOf({}, { ingress: { reserved: VxlanReserved.Ignore } });
    assert.deepEqual(dropsOf(node, edited(bare, VXLAN + 7, 1)), {});
    assert.deepEqual(node.delivered[0].bytes, FRAME);
  });

  test('drops unencrypted packets of an encrypted network (fail closed), with keys and without', () => {
    for (const keys of [true, false]) {
      const node = nodeOf({ encrypted: true }, { keys });
      assert.deepEqual(dropsOf(node, overlay()), { CLEAR_OF_ENCRYPTED: 1 });
      assert.equal(node.delivered.length, 0);
    }
  });

  test('RFC 6040 section 4.2: applies CE to an ECT inner packet, drops a Not-ECT one', () => {
    for (const [inner, drops] of [
      [0, { IP_TUNNEL_ECN: 1 }],
      [2, {}],
    ] as const) {
      const one = edited(FRAME, 15, inner);
      writeIpv4Checksum(one, 14);
      const packet = edited(wire(one), 15, 3);
      writeIpv4Checksum(packet, 14);
      const node = nodeOf();
      assert.deepEqual(dropsOf(node, packet), drops);
      if (inner !== 0) assert.equal(node.delivered[0].bytes[15], 3);
    }
  });
});

describe('packets from addresses of no known VTEP', () => {
  const STRANGER = '203.0.113.9';
  const unknown = frame(C2, '0200000000aa');

  for (const setup of [{}, { flood: 'replicate', learning: true }] as const) {
    test(`${JSON.stringify(setup)}: VXLAN_UNKNOWN_VTEP, and nothing is learned`, () => {
      const node = nodeOf(setup);
      assert.deepEqual(dropsOf(node, wire(unknown, STRANGER)), { VXLAN_UNKNOWN_VTEP: 1 });
      assert.deepEqual([node.delivered.length, node.tables.forwarding.learned], [0, 0]);
      assert.deepEqual(dropsOf(node, wire(unknown, '192.168.50.1')), { VXLAN_UNKNOWN_VTEP: 1 });
      assert.equal(node.delivered.length, 1);
    });
  }

  test('also over IPv6', () => {
    const node = nodeOf({ family: 6 });
    const packet = ethernet(udpIp(6, 4789, vxlan(4097, unknown), 'right', '2001:db8::9'), 0x86dd);
    assert.deepEqual(dropsOf(node, packet), { VXLAN_UNKNOWN_VTEP: 1 });
  });

  test('acceptUnknownVteps, of the chain or the topology, accepts them', () => {
    for (const node of [
      nodeOf({}, { ingress: { acceptUnknownVteps: true } }),
      new TestNode({ ...topologyOf(), acceptUnknownVteps: true }, 'n2'),
    ]) {
      assert.deepEqual(dropsOf(node, wire(unknown, STRANGER)), {});
      assert.deepEqual(hexOf(node.delivered), [Buffer.from(unknown).toString('hex')]);
    }
    const strict = new TestNode({ ...topologyOf(), acceptUnknownVteps: true }, 'n2', {
      ingress: { acceptUnknownVteps: false },
    });
    assert.deepEqual(dropsOf(strict, wire(unknown, STRANGER)), { VXLAN_UNKNOWN_VTEP: 1 });
  });

  test('from this node’s own address: LOOP', () => {
    const node = nodeOf({ flood: 'replicate', learning: true });
    assert.deepEqual(dropsOf(node, wire(unknown, '192.168.50.2')), { LOOP: 1 });
    assert.equal(node.tables.forwarding.learned, 0);
  });
});

describe('learning (RFC 7348 section 4.1)', () => {
  const setup: Setup = {
    flood: 'replicate',
    learning: true,
    nodes: ['n3: { vtep: "192.168.50.3" }'],
  };
  const NEW = '0200000000aa';
  const back = (): Uint8Array => frame(NEW, C2);

  test('a source is learned, moves with its packets, and ages', () => {
    const node = nodeOf(setup);
    node.receive([wire(frame(C2, NEW))], 256, 10);
    node.send([back()], 256, 11);
    node.receive([wire(frame(C2, NEW), '192.168.50.3')], 256, 12);
    node.send([back()], 256, 13);
    assert.deepEqual(
      node.wire.map(({ node: to }) => to),
      [0, 2],
    );
    assert.deepEqual([node.tables.forwarding.learned, node.tables.forwarding.moves], [1, 1]);
    // Not seen for longer than 300 seconds: unknown again, and flooded to nodes with endpoints.
    node.send([back()], 256, 312);
    node.send([back()], 256, 313);
    assert.deepEqual(
      node.wire.slice(2).map(({ node: to }) => to),
      [2, 0],
    );
    assert.equal(node.delivered.length, 2);
  });

  test('a static entry is never overridden: VXLAN_ENTRY_EXISTS', () => {
    const node = nodeOf(setup);
    assert.deepEqual(dropsOf(node, wire(FRAME, '192.168.50.3')), { VXLAN_ENTRY_EXISTS: 1 });
    assert.deepEqual(dropsOf(node, wire(frame(C2, C2))), { VXLAN_ENTRY_EXISTS: 2 });
  });

  test('learns nothing in a network without learning', () => {
    const node = nodeOf();
    node.receive([wire(frame(C2, NEW))]);
    assert.equal(node.tables.forwarding.learned, 0);
    assert.deepEqual(hexOf(node.delivered), [Buffer.from(frame(C2, NEW)).toString('hex')]);
  });
});
