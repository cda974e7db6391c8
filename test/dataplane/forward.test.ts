/** Where frames of containers go, and why they are dropped. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Oversize } from '../../src/dataplane/index.js';
import { Reassembler } from '../../src/fragment/index.js';
import { ChangeKind, type Endpoint, EndpointKind, type Topology } from '../../src/overlay/index.js';
import { parseMac } from '../../src/wire/index.js';
import { give, ipv4Packet, noise, result } from '../fragment/split.js';
import { ethernet, FRAME, ip, udpIp } from './build.js';
import { C1, C2, fromHex, hexOf, type NodeOptions, type Setup, TestNode, topologyOf } from './topology.js';

const HEADERS = 50;

function nodeOf(setup: Setup = {}, options: NodeOptions = {}): TestNode {
  return new TestNode(topologyOf(setup), 'n1', options);
}

/** A frame from one MAC to another, of an unknown protocol. */
function frame(destination: string, source: string, payload = '00'.repeat(30)): Uint8Array {
  return fromHex(destination + source + '88b5' + payload);
}

function big(dontFragment: boolean, length = 1600, protocol = 253): Uint8Array {
  const { bytes } = ipv4Packet(noise(length, 1), { dontFragment, protocol, id: 77 });
  return ethernet(bytes, 0x0800);
}

/** The drop counts of one frame. */
function dropsOf(node: TestNode, bytes: Uint8Array): Record<string, number> {
  node.send([bytes]);
  node.balanced();
  return node.egress.drops.byName();
}

describe('dropped frames', () => {
  const OTHER = '020000000099';
  const CASES: readonly (readonly [what: string, bytes: Uint8Array, name: string])[] = [
    ['a multicast source MAC', frame(C2, '03420a000903'), 'MAC_INVALID_SOURCE'],
    ['a source MAC of zeros', frame(C2, '000000000000'), 'MAC_INVALID_SOURCE'],
    ['an unknown source MAC', frame(C2, OTHER), 'FOREIGN_SOURCE'],
    ['a source MAC of another node', frame(C1, C2), 'FOREIGN_SOURCE'],
    ['a destination MAC without an entry', frame(OTHER, C1), 'VXLAN_NO_REMOTE'],
    ['the same source and destination MAC', frame(C1, C1), 'LOOP'],
    ['too short for an Ethernet header', fromHex(C2 + C1), 'PKT_TOO_SMALL'],
  ];
  for (const [what, bytes, name] of CASES) {
    test(`${what}: ${name}`, () => {
      const node = nodeOf();
      assert.deepEqual(dropsOf(node, bytes), { [name]: 1 });
      assert.deepEqual([node.wire.length, node.local.length, node.replies.length], [0, 0, 0]);
    });
  }

  test('rejectForeignSources off: sends a frame with any source MAC', () => {
    const node = nodeOf({}, { egress: { rejectForeignSources: false } });
    assert.deepEqual(dropsOf(node, frame(C2, OTHER)), {});
    assert.equal(node.wire.length, 1);
  });

  test('a forwarding entry that maps an endpoint to this VTEP is a loop', () => {
    const node = nodeOf();
    node.tables.forwarding.set(4097, parseMac('02:00:00:00:00:99'), 0, 0, node.tables.node);
    assert.deepEqual(dropsOf(node, frame(OTHER, C1)), { LOOP: 1 });
  });

  test('a VTEP of the other IP version is unreachable', () => {
    const setup: Setup = {
      nodes: ['n3: { vtep: "fd50::3" }'],
      endpoints: ['c3: { network: net, node: n3, mac: "02:00:00:00:00:99" }'],
    };
    assert.deepEqual(dropsOf(nodeOf(setup), frame(OTHER, C1)), { VXLAN_NO_REMOTE: 1 });
  });
});

describe('frames for this node', () => {
  const setup: Setup = { endpoints: ['c3: { network: net, node: n1, mac: "02:00:00:00:00:99" }'] };

  test('a frame for another local endpoint is delivered locally and not sent', () => {
    const node = nodeOf(setup);
    assert.deepEqual(dropsOf(node, frame('020000000099', C1)), {});
    assert.deepEqual([node.wire.length, node.local.map(({ endpoint }) => endpoint)], [0, [2]]);
  });

  test('broadcast goes only to all local endpoints (-1) in a network that does not flood', () => {
    const node = nodeOf(setup);
    assert.deepEqual(dropsOf(node, frame('ffffffffffff', C1)), {});
    assert.deepEqual([node.wire.length, node.local.map(({ endpoint }) => endpoint)], [0, [-1]]);
  });
});

describe("ARP for a virtual IP goes to the node's own load balancer", () => {
  const BALANCER = '02420a000907';
  const balancer: Endpoint = {
    kind: EndpointKind.Balancer,
    name: 'lb-net',
    network: 0,
    node: 0,
    ip: Uint8Array.of(10, 0, 9, 7),
    mac: fromHex(BALANCER),
  };
  const withBalancer = (node: number): Topology => {
    const topology = topologyOf();
    return { ...topology, endpoints: [...topology.endpoints, { ...balancer, node }] };
  };
  /** A request for 10.0.9.LAST. */
  const request = (from: string, last: string): Uint8Array =>
    fromHex(`ffffffffffff${from}08060001080006040001${from}0a00090${from === C1 ? '3' : '7'}0000000000000a0009${last}`);

  test('a request for an address without a neighbour entry is delivered to it', () => {
    const node = new TestNode(withBalancer(0), 'n1');
    assert.deepEqual(dropsOf(node, request(C1, '02')), {});
    assert.deepEqual([node.wire.length, node.local.map(({ endpoint }) => endpoint)], [0, [2]]);
  });

  test('its answer is delivered to the endpoint that asked; those of others are dropped', () => {
    const node = new TestNode(withBalancer(0), 'n1');
    const reply = (to: string, from: string): Uint8Array =>
      fromHex(`${to}${from}08060001080006040002${from}0a000902${to}0a000903`);
    assert.deepEqual(dropsOf(node, reply(C1, BALANCER)), {});
    assert.deepEqual([node.wire.length, node.local.map(({ endpoint }) => endpoint)], [0, [0]]);
    assert.deepEqual(dropsOf(new TestNode(withBalancer(0), 'n1'), reply(BALANCER, C1)), { NEIGH_ANSWERED: 1 });
  });

  test('one for an endpoint is answered from the neighbour table', () => {
    const node = new TestNode(withBalancer(0), 'n1');
    assert.deepEqual(dropsOf(node, request(C1, '04')), { NEIGH_ANSWERED: 1 });
    assert.deepEqual([node.local.length, node.replies.length], [0, 1]);
  });

  test('its own requests, and those on a node without one, are dropped', () => {
    assert.deepEqual(dropsOf(new TestNode(withBalancer(0), 'n1'), request(BALANCER, '02')), { NEIGH_UNKNOWN: 1 });
    assert.deepEqual(dropsOf(new TestNode(withBalancer(1), 'n1'), request(C1, '02')), { NEIGH_UNKNOWN: 1 });
  });

  test('it follows changes of the tables', () => {
    const node = new TestNode(topologyOf(), 'n1');
    const { vtep } = node.tables.here;
    const { name, ip: own, mac } = balancer;
    const kind = EndpointKind.Balancer;
    node.tables.apply([{ kind: ChangeKind.AddEndpoint, endpoint: { kind, name, ip: own, mac, vni: 4097, vtep } }]);
    assert.deepEqual(dropsOf(node, request(C1, '02')), {});
    node.tables.apply([{ kind: ChangeKind.RemoveEndpoint, id: 'lb-net' }]);
    assert.deepEqual(dropsOf(node, request(C1, '02')), { NEIGH_UNKNOWN: 1 });
  });
});

describe('group frames without another receiver: NO_TX_TARGET', () => {
  test('in a network that does not flood, without another local endpoint', () => {
    const node = nodeOf();
    for (const group of ['ffffffffffff', '01005e000001', '3333ff000004']) node.send([frame(group, C1)]);
    node.balanced();
    assert.deepEqual(node.egress.drops.byName(), { NO_TX_TARGET: 3 });
    assert.deepEqual([node.wire.length, node.local.length], [0, 0]);
  });

  test('in a network that floods, where no other node has an endpoint', () => {
    const node = nodeOf({
      networks: ['alone: { vni: 4098, flood: replicate }'],
      endpoints: ['a1: { network: alone, node: n1, mac: "02:00:00:00:00:99" }'],
    });
    node.send([frame('ffffffffffff', '020000000099')], 1, 0, 1);
    node.balanced();
    assert.deepEqual(node.egress.drops.byName(), { NO_TX_TARGET: 1 });
  });

  test('but not if the source is not a local endpoint (rejectForeignSources off)', () => {
    const node = nodeOf({}, { egress: { rejectForeignSources: false } });
    assert.deepEqual(dropsOf(node, frame('ffffffffffff', '020000000099')), {});
    assert.equal(node.local.length, 1);
  });
});

describe('flooding (RFC 7348 section 4.2)', () => {
  const setup: Setup = {
    flood: 'replicate',
    learning: true,
    nodes: ['n3: { vtep: "192.168.50.3" }', 'n4: { vtep: "192.168.50.4" }'],
    endpoints: ['c3: { network: net, node: n3, mac: "02:00:00:00:00:33" }'],
  };

  test('broadcast: one copy per other node with an endpoint, and one for the local endpoints', () => {
    const node = nodeOf(setup);
    const bytes = frame('ffffffffffff', C1);
    assert.deepEqual(dropsOf(node, bytes), {});
    assert.deepEqual(
      node.wire.map(({ node: to }) => to),
      [1, 2],
    );
    for (const packet of node.wire) assert.deepEqual(packet.bytes.slice(14 + 36), bytes);
    assert.deepEqual(
      node.local.map(({ bytes: copy }) => copy),
      [bytes],
    );
    assert.equal(node.egress.accounting.copies, 2);
  });

  test('an unknown unicast MAC: one copy per other node, none for local endpoints, all accounted for', () => {
    const node = nodeOf(setup);
    assert.deepEqual(dropsOf(node, frame('0200000000aa', C1)), {});
    assert.deepEqual([node.wire.map(({ node: to }) => to), node.local.length], [[1, 2], 0]);
  });

  test('counts copies for which the arena has no free slot', () => {
    const node = nodeOf(setup, { arena: { slots: 2, frameBytes: 2000 } });
    const drops = dropsOf(node, frame('ffffffffffff', C1));
    assert.deepEqual(drops, { NOMEM: 1 });
    assert.deepEqual([node.wire.length, node.local.length], [1, 1]);
  });
});

describe('frames that exceed the MTU', () => {
  test('RFC 1191 section 4: with DF the frame is dropped and the MTU reported to its sender', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, big(true)), { PKT_TOO_BIG: 1 });
    assert.deepEqual([node.wire.length, node.replies.map(({ endpoint }) => endpoint)], [0, [0]]);
    const [{ bytes }] = node.replies;
    assert.deepEqual([bytes[34], bytes[35], (bytes[40] << 8) | bytes[41]], [3, 4, 1450]);
  });

  test('RFC 8201: with IPv6 the MTU is reported to the sender', () => {
    const node = nodeOf({ inner: 6 });
    const bytes = ethernet(ip(6, 253, noise(1500, 1), 'fd00:9::3', 'fd00:9::4'), 0x86dd);
    assert.deepEqual(dropsOf(node, bytes), { PKT_TOO_BIG: 1 });
    assert.deepEqual([node.replies[0].bytes[54], node.wire.length], [2, 0]);
  });

  test('RFC 791 section 3.2: without DF the inner packet is fragmented, and the fragments reassemble to it', () => {
    for (const setup of [{}, { encrypted: true }, { mtu: 576 }, { family: 6 }, { networkMtu: 600 }] as const) {
      const { mtu = 1500, family = 4 } = setup as Setup;
      const node = nodeOf(setup);
      const bytes = big(false, 3000);
      assert.deepEqual(dropsOf(node, bytes), {});
      assert.ok(node.wire.length > 2);
      assert.ok(node.wire.every((packet) => packet.bytes.length <= 14 + mtu));
      if ((setup as Setup).encrypted === true) continue;
      const reassembler = new Reassembler();
      const head = 14 + HEADERS + (family === 6 ? 20 : 0);
      const outcomes = node.wire.map((packet) => give(reassembler, packet.bytes.subarray(head)));
      assert.equal(outcomes.at(-1), 'Complete');
      assert.deepEqual(result(reassembler), bytes.subarray(14));
      assert.equal(node.egress.accounting.copies, node.wire.length - 1);
    }
  });

  test('a frame that fits exactly is sent unchanged; one byte more is not', () => {
    for (const setup of [{}, { encrypted: true }, { family: 6 }, { encrypted: true, profile: 'strict' }] as const) {
      const limit = nodeOf(setup).egress.pathMtu.inner(0, 1);
      const node = nodeOf(setup);
      assert.deepEqual(dropsOf(node, big(true, limit - 20)), {});
      assert.ok(node.wire[0].bytes.length <= 14 + 1500);
      assert.deepEqual(dropsOf(node, big(true, limit - 19)), { PKT_TOO_BIG: 1 });
    }
  });

  test('a frame whose outer packet would exceed 65,535 bytes is dropped: PKT_TOO_BIG', () => {
    for (const setup of [{}, { family: 6 }, { encrypted: true }, { encrypted: true, family: 6 }] as const) {
      const node = nodeOf(setup, { egress: { oversize: Oversize.Outside } });
      for (let payload = 65_382; payload <= 65_507; payload += 5) {
        const bytes = ethernet(udpIp(4, 8080, new Uint8Array(payload), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);
        node.wire.length = 0;
        node.send([bytes]);
        const sum = node.wire.reduce((all, { bytes: packet }) => all + packet.length, 0);
        assert.ok(node.wire.length === 0 || sum > bytes.length, `${payload} bytes: ${sum} on the wire`);
      }
      const { sent, dropped } = node.egress.accounting;
      assert.equal(sent + dropped, 26);
      assert.ok(dropped > 4 && sent > 4);
      assert.deepEqual(node.arena.holders(), []);
    }
  });

  test('VLAN tags reduce the reported MTU and the size of inner fragments', () => {
    const tag = fromHex('81000064');
    const tagged = (bytes: Uint8Array): Uint8Array =>
      Uint8Array.from([...bytes.subarray(0, 12), ...tag, ...bytes.subarray(12)]);
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, tagged(big(true, 1430))), { PKT_TOO_BIG: 1 });
    const [{ bytes: answer }] = node.replies;
    assert.equal((answer[44] << 8) | answer[45], 1446);
    assert.deepEqual(dropsOf(node, tagged(big(true, 1426))), { PKT_TOO_BIG: 1 });
    assert.equal(node.wire.length, 1);
    dropsOf(node, tagged(big(false, 1430)));
    assert.equal(node.wire.length, 3);
    assert.ok(node.wire.every(({ bytes }) => bytes.length <= 14 + 1500));
  });

  test('a frame too long only by trailing bytes after the IP packet is dropped without an ICMP error', () => {
    const node = nodeOf();
    const packet = big(true, 1000);
    const padded = new Uint8Array(1600);
    padded.set(packet);
    assert.deepEqual(dropsOf(node, padded), { PKT_TOO_BIG: 1 });
    assert.deepEqual([node.wire.length, node.replies.length], [0, 0]);
  });

  test('drop: no ICMP error is sent', () => {
    for (const dontFragment of [true, false]) {
      const node = nodeOf({}, { egress: { oversize: Oversize.Drop } });
      assert.deepEqual(dropsOf(node, big(dontFragment)), { PKT_TOO_BIG: 1 });
      assert.equal(node.replies.length, 0);
    }
  });

  test('a frame without IP is dropped without an ICMP error', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, frame(C2, C1, '00'.repeat(1600))), { PKT_TOO_BIG: 1 });
    assert.equal(node.replies.length, 0);
  });

  test('RFC 1122 section 3.2.2: no ICMP error about a packet to a group', () => {
    const node = nodeOf({ flood: 'replicate', learning: true });
    const bytes = big(true);
    bytes.set(fromHex('01005e000001'), 0);
    assert.deepEqual(dropsOf(node, bytes), { PKT_TOO_BIG: 1 });
    assert.equal(node.replies.length, 0);
  });

  test('RFC 1122 section 3.2.2: no ICMP error about an ICMP error (kernel iptunnel_pmtud_check_icmp)', () => {
    const node = nodeOf();
    const bytes = big(true, 1600, 1);
    bytes.set([3, 1], 34);
    assert.deepEqual(dropsOf(node, bytes), { PKT_TOO_BIG: 1 });
    assert.equal(node.replies.length, 0);
  });

  test('RFC 4443 section 2.4 e: no ICMPv6 error about an ICMPv6 error', () => {
    const node = nodeOf({ inner: 6 });
    const payload = noise(1500, 1);
    payload.set([1, 4]);
    const bytes = ethernet(ip(6, 58, payload, 'fd00:9::3', 'fd00:9::4'), 0x86dd);
    assert.deepEqual(dropsOf(node, bytes), { PKT_TOO_BIG: 1 });
    assert.equal(node.replies.length, 0);
  });

  test('drops the whole packet if there are too few slots for its fragments, sends it with just enough', () => {
    for (const [slots, sent] of [
      [2, 0],
      [3, 0],
      [4, 3],
      [5, 3],
      [6, 3],
    ] as const) {
      const node = nodeOf({}, { arena: { slots, frameBytes: 4000 } });
      const drops = dropsOf(node, big(false, 3000));
      assert.equal(node.wire.length, sent, `${slots} slots`);
      assert.deepEqual(drops, sent === 0 ? { NOMEM: 1 } : {});
    }
  });
});

describe('RFC 8200 section 5, RFC 2473 section 7.1: 1280 bytes of IPv6 pass whatever ICMP reports', () => {
  const packet = (length: number): Uint8Array =>
    ethernet(ip(6, 253, noise(length - 40, 1), 'fd00:9::3', 'fd00:9::4'), 0x86dd);
  const WAYS: readonly (readonly [what: string, setup: Setup])[] = [
    ['over IPv4', {}],
    ['over IPv6', { family: 6 }],
    ['encrypted, swarm profile', { encrypted: true }],
    ['encrypted, strict profile, over IPv6', { encrypted: true, profile: 'strict', family: 6 }],
    ['in a network with a lower MTU', { networkMtu: 600 }],
  ];
  for (const [what, way] of WAYS) {
    for (const oversize of Object.values(Oversize)) {
      test(`${what}, ${oversize}`, () => {
        const setup: Setup = { ...way, inner: 6 };
        const [one, two] = ['n1', 'n2'].map((name) => new TestNode(topologyOf(setup), name, { egress: { oversize } }));
        one.egress.pathMtu.learn(1, 68, 0);
        const frames = [packet(1280), packet(1279), packet(600), packet(41)];
        one.send(frames);
        assert.deepEqual([one.replies.length, one.egress.drops.byName()], [0, {}]);
        const longest = one.egress.pathMtu.underlay(1);
        assert.ok(one.wire.every(({ bytes }) => bytes.length <= 14 + longest));
        two.receive(one.wire.map(({ bytes }) => bytes));
        assert.deepEqual(
          two.delivered.map(({ bytes }) => bytes),
          frames,
        );
        one.balanced();
        two.balanced();
      });
    }

    test(`${what}: the MTU reported for longer packets is at least 1280, which hosts accept (RFC 8201 section 4)`, () => {
      const node = nodeOf({ ...way, inner: 6 });
      node.egress.pathMtu.learn(1, 68, 0);
      assert.deepEqual(dropsOf(node, packet(1281)), { PKT_TOO_BIG: 1 });
      const [{ bytes }] = node.replies;
      assert.equal(new DataView(bytes.buffer).getUint32(58), 1280);
    });
  }

  test('passes the outer packet unfragmented if the kernel fragments', () => {
    const node = nodeOf({ inner: 6, mtu: 600 }, { egress: { kernelFragments: true } });
    assert.deepEqual(dropsOf(node, packet(1280)), {});
    assert.deepEqual(
      node.wire.map(({ bytes }) => bytes.length),
      [14 + HEADERS + 14 + 1280 - 14],
    );
  });
});

describe('RFC 4443 section 2.4 f: ICMP errors are rate-limited', () => {
  const nodes = Array.from({ length: 18 }, (_, i) => `n${i + 3}: { vtep: "192.168.50.${i + 3}" }`);
  const endpoints = [
    ...nodes.map((_, i) => `x${i}: { network: net, node: n${i + 3}, mac: "02:42:0a:00:0a:${16 + i}" }`),
    'c3: { network: net, node: n1, mac: "02:00:00:00:00:99" }',
  ];
  const from = (source: string, destination = C2): Uint8Array => {
    const bytes = big(true);
    bytes.set(fromHex(destination + source));
    return bytes;
  };

  test('a frame flooded to many nodes causes one error', () => {
    const node = nodeOf({ nodes, endpoints, flood: 'replicate', learning: true });
    assert.deepEqual(dropsOf(node, from(C1, '02420a000977')), { PKT_TOO_BIG: 19 });
    assert.equal(node.replies.length, 1);
  });

  test('an endpoint gets a burst, then the average rate; suppressed errors are counted separately', () => {
    const node = nodeOf({ endpoints: endpoints.slice(-1) }, { egress: { icmpRate: { perSecond: 8, burst: 3 } } });
    node.send(
      Array.from({ length: 8 }, () => from(C1)),
      3,
      100,
    );
    assert.deepEqual(node.egress.drops.byName(), { PKT_TOO_BIG: 3, PKT_TOO_BIG_RateLimited: 5 });
    node.send([from('020000000099')], 1, 100);
    assert.equal(node.replies.length, 4);
    node.send([from(C1), from(C1)], 2, 100.125);
    assert.deepEqual(node.egress.drops.byName(), { PKT_TOO_BIG: 5, PKT_TOO_BIG_RateLimited: 6 });
    node.balanced();
  });
});

describe('neighbour requests', () => {
  const ask = (target: number): Uint8Array =>
    fromHex(
      `ffffffffffff${C1}08060001080006040001${C1}0a0009030000000000000a0009${target.toString(16).padStart(2, '0')}`,
    );

  test('are answered to the requester and never sent', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, ask(4)), { NEIGH_ANSWERED: 1 });
    assert.deepEqual([node.wire.length, node.local.length, node.replies.map(({ endpoint }) => endpoint)], [0, 0, [0]]);
    assert.ok(hexOf(node.replies)[0].startsWith(C1 + C2));
  });

  test('for an address without an entry are dropped', () => {
    const node = nodeOf();
    assert.deepEqual(dropsOf(node, ask(77)), { NEIGH_UNKNOWN: 1 });
    assert.equal(node.replies.length, 0);
  });

  test('RFC 5227 section 2.4: an announcement is not answered, which would signal an address conflict', () => {
    const node = nodeOf();
    dropsOf(node, ask(3));
    assert.equal(node.replies.length, 0);
  });
});

describe('outer headers', () => {
  test('the MSS is clamped only if configured', () => {
    const syn = new Uint8Array(24);
    syn.set([0xa1, 0xb6, 0, 80]);
    syn.set([0x60, 0x02], 12);
    syn.set([2, 4, 0x05, 0xb4], 20);
    const bytes = ethernet(ip(4, 6, syn, '10.0.9.3', '10.0.9.4'), 0x0800);
    for (const [clampMss, mss] of [
      [false, 1460],
      [true, 1410],
    ] as const) {
      const node = nodeOf({}, { egress: { clampMss } });
      node.send([bytes]);
      const sent = node.wire[0].bytes.subarray(14 + 36);
      assert.equal((sent[56] << 8) | sent[57], mss);
    }
  });

  test('RFC 6040 section 4.1: ECN is copied from the inner packet, CE as ECT(0)', () => {
    for (const [inner, outer] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 2],
    ] as const) {
      const bytes = ethernet(udpIp(4, 9, new Uint8Array(9), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);
      bytes[15] = 0xb8 | inner;
      const node = nodeOf();
      node.send([bytes, FRAME]);
      assert.deepEqual([node.wire[0].bytes[15], node.wire[1].bytes[15]], [outer, 0]);
    }
  });
});
