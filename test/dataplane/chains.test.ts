/** Two nodes back to back: every frame into one leaves the other, or is counted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Oversize } from '../../src/dataplane/index.js';
import { ethernet, FRAME, overlay, udpIp, vxlan } from './build.js';
import {
  between,
  C1,
  C2,
  fromHex,
  hexOf,
  isNeighbour,
  pairOf,
  recorded,
  type Setup,
  TestNode,
  topologyOf,
} from './topology.js';

const SEED = 20261121;

const RECORDINGS = [
  'vxlan/01-icmp',
  'vxlan/03-http-200k',
  'vxlan/05-dns',
  'vxlan/09-ipv6-inner-proxy',
  'vxlan/20-learning-arp-icmp',
  'vxlan/30-outerfrag-1500-icmp',
  'vxlan/32-pmtu-df-1500',
  'vxlan/40-routed-router-frag',
  'vxlan/50-ipv6-underlay',
  'vxlan/60-offload-on-http',
  'esp/20-vlan-inner-proxy',
] as const;

const WAYS: readonly (readonly [what: string, setup: Setup])[] = [
  ['unencrypted', {}],
  ['unencrypted over IPv6', { family: 6 }],
  ['encrypted, swarm profile', { encrypted: true }],
  ['encrypted, swarm profile, over IPv6', { encrypted: true, family: 6 }],
  ['encrypted, strict profile', { encrypted: true, profile: 'strict' }],
];

for (const [what, setup] of WAYS) {
  for (const mtu of setup.family === 6 ? [1500, 1280] : [1500, 900, 576]) {
    describe(`${what}, underlay MTU ${mtu}`, () => {
      for (const name of RECORDINGS) {
        test(`${name}: delivers every frame byte for byte, in order, and accounts for all packets`, async () => {
          const [one, two] = pairOf({ ...setup, mtu });
          for (const [from, to, source, destination, file] of [
            [one, two, C1, C2, 'c1'],
            [two, one, C2, C1, 'c2'],
          ] as const) {
            const all = await recorded(`${name}.${file}.pcap`);
            const own = all.filter((hex) => hex.slice(12, 24) === source);
            assert.ok(own.length > 0);
            from.send(own.map(fromHex));
            assert.ok(from.wire.every(({ bytes }) => bytes.length <= 14 + mtu));
            to.receive(from.wire.map(({ bytes }) => bytes));
            const expected = between(own, source, destination).filter((hex) => !isNeighbour(hex));
            assert.ok(expected.length > 0);
            assert.deepEqual(hexOf(to.delivered), expected);
            assert.ok(to.delivered.every(({ endpoint }) => endpoint === (to === two ? 1 : 0)));
            assert.deepEqual(to.ingress.drops.byName(), {});
            from.balanced();
            to.balanced();
          }
          const sealed = setup.encrypted === true ? one.egress.accounting.sent : 0;
          assert.equal(one.egress.seal.sealed, sealed);
        });
      }
    });
  }

  test(`${what}: batches of 1 and 256 send the same bytes and deliver the same frames`, async () => {
    const frames = (await recorded('vxlan/03-http-200k.c2.pcap')).filter((hex) => hex.slice(12, 24) === C2);
    const results = [1, 7, 256].map((size) => {
      const [one, two] = pairOf({ ...setup, mtu: 1280 });
      two.send(frames.map(fromHex), size);
      one.receive(
        two.wire.map(({ bytes }) => bytes),
        size,
      );
      return [hexOf(two.wire), hexOf(one.delivered)];
    });
    assert.ok(results[0][1].length > 100);
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });
}

test('vxlan/07-unknown-dst: sends nothing to a MAC without an entry, like the kernel', async () => {
  const [one] = pairOf();
  const own = (await recorded('vxlan/07-unknown-dst.c1.pcap')).filter((hex) => hex.slice(12, 24) === C1);
  one.send(own.map(fromHex));
  assert.ok(own.length > 0);
  assert.deepEqual(hexOf(one.wire), []);
  assert.ok(one.egress.drops.byName()['VXLAN_NO_REMOTE'] > 0);
  one.balanced();
});

describe('learning networks', () => {
  test('RFC 7348 section 4: ARP requests, replies and broadcast cross the wire, and all group frames are delivered', async () => {
    const [one, two] = pairOf({ flood: 'replicate', learning: true });
    const own = (await recorded('vxlan/20-learning-arp-icmp.c1.pcap')).filter((hex) => hex.slice(12, 24) === C1);
    one.send(own.map(fromHex));
    two.receive(one.wire.map(({ bytes }) => bytes));
    assert.deepEqual(hexOf(two.delivered), own);
    assert.ok(own.some((hex) => hex.startsWith('ffffffffffff')));
    const groups = own.filter((hex) => (Number.parseInt(hex.slice(0, 2), 16) & 1) !== 0);
    assert.deepEqual(hexOf(one.local), groups);
    one.balanced();
    two.balanced();
  });
});

describe('an encrypted network fails closed', () => {
  test('sends nothing without keys', () => {
    const node = new TestNode(topologyOf({ encrypted: true }), 'n1', { keys: false });
    node.send([FRAME, FRAME]);
    assert.equal(node.wire.length, 0);
    assert.deepEqual(node.egress.drops.byName(), { XfrmOutNoStates: 2 });
    node.balanced();
  });

  test('delivers nothing without keys', () => {
    const [one] = pairOf({ encrypted: true });
    const two = new TestNode(topologyOf({ encrypted: true }), 'n2', { keys: false });
    one.send([FRAME]);
    two.receive(one.wire.map(({ bytes }) => bytes));
    assert.equal(two.delivered.length, 0);
    assert.deepEqual(two.ingress.drops.byName(), { XfrmInNoStates: 1 });
    two.balanced();
  });

  test('RFC 4303 section 3.4.4.1: a change to any byte of ESP delivers nothing', () => {
    const [one] = pairOf({ encrypted: true });
    one.send([FRAME]);
    const [{ bytes: wire }] = one.wire;
    const [, two] = pairOf({ encrypted: true });
    for (let at = 34; at < wire.length; at++) {
      const changed = wire.slice();
      changed[at] ^= 1 << (at % 8);
      two.receive([changed]);
    }
    assert.deepEqual(hexOf(two.delivered), []);
    two.balanced();
    two.receive([wire]);
    assert.deepEqual(two.delivered[0].bytes, FRAME);
  });

  test('RFC 4303 section 3.4.3: strict drops a replayed packet; swarm has no replay window', () => {
    for (const [profile, deliveries] of [
      ['strict', 1],
      ['swarm', 3],
    ] as const) {
      const [one, two] = pairOf({ encrypted: true, profile });
      one.send([FRAME]);
      const [{ bytes }] = one.wire;
      two.receive([bytes, bytes]);
      two.receive([bytes]);
      assert.equal(two.delivered.length, deliveries);
      two.balanced();
    }
  });
});

describe('any input', () => {
  const SETUPS: readonly Setup[] = [
    {},
    { encrypted: true },
    { encrypted: true, profile: 'strict', mtu: 600 },
    { flood: 'replicate', learning: true, endpoints: ['c3: { network: net, node: n2, mac: "02:42:0a:00:09:05" }'] },
    { family: 6, inner: 6, mtu: 1280 },
  ];
  const MACS = [C1, C2, 'ffffffffffff', '3333ff000004', '000000000000', '02420a000905', '020000000001'];
  const TYPES = ['0800', '86dd', '0806', '8100', '88a8', '0004'];
  const tail = fc.uint8Array({ maxLength: 300 });
  const garbage = fc
    .tuple(fc.constantFrom(...MACS), fc.constantFrom(...MACS), fc.constantFrom(...TYPES), tail)
    .map(([to, from, type, bytes]) => Uint8Array.from([...fromHex(to + from + type), ...bytes]));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const cut = fc.option(fc.nat(), { freq: 3 });

  function damaged(packet: Uint8Array, edits: readonly (readonly [number, number])[], end: number | null): Uint8Array {
    const bytes = packet.slice();
    for (const [at, value] of edits) bytes[at % bytes.length] = value;
    return end === null ? bytes : bytes.subarray(0, end % (bytes.length + 1));
  }

  const NAMES = ['01-icmp', '03-http-200k', '09-ipv6-inner-proxy', '32-pmtu-df-1500', '20-learning-arp-icmp'];

  for (const setup of SETUPS) {
    test(`${JSON.stringify(setup)}: no frame throws, leaks a slot, or is lost from the count`, async () => {
      const pool = (
        await Promise.all(
          NAMES.flatMap((name) => [recorded(`vxlan/${name}.c1.pcap`), recorded(`vxlan/${name}.c2.pcap`)]),
        )
      ).flat();
      const real = fc
        .tuple(fc.nat(pool.length - 1), changes, cut)
        .map(([at, edits, end]) => damaged(fromHex(pool[at]), edits, end));
      const frames = fc.array(fc.oneof(garbage, tail, real), { minLength: 1, maxLength: 20 });
      const topology = topologyOf(setup);
      for (const oversize of Object.values(Oversize)) {
        fc.assert(
          fc.property(frames, fc.integer({ min: 1, max: 20 }), fc.boolean(), (list, size, known) => {
            const node = new TestNode(topology, 'n1', {
              arena: { slots: 64, frameBytes: 4096 },
              egress: { oversize, clampMss: true },
            });
            node.send(list, size, 0, known ? 0 : -1);
            node.balanced();
          }),
          { seed: SEED, numRuns: 60 },
        );
      }
    });

    test(`${JSON.stringify(setup)}: no packet from the wire throws, leaks a slot, or is lost from the count`, () => {
      const [one] = pairOf(setup);
      const inner = ethernet(udpIp(4, 8080, new Uint8Array(1300), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);
      one.send([FRAME, inner, FRAME]);
      const family = setup.family ?? 4;
      const pool = [
        ...one.wire.map(({ bytes }) => bytes),
        overlay(family),
        overlay(family, 4097, fromHex('ffffffffffff02420a000903080600010800')),
        ethernet(udpIp(family, 4500, vxlan(4097, FRAME)), family === 4 ? 0x0800 : 0x86dd),
      ];
      const real = fc
        .tuple(fc.nat(pool.length - 1), changes, cut)
        .map(([at, edits, end]) => damaged(pool[at], edits, end));
      const packets = fc.array(fc.oneof(garbage, tail, real, real), { minLength: 1, maxLength: 20 });
      const [, two] = pairOf(setup, { arena: { slots: 64, frameBytes: 4096 } });
      let now = 0;
      fc.assert(
        fc.property(packets, fc.integer({ min: 1, max: 20 }), (list, size) => {
          two.receive(list, size, (now += 7));
          two.balanced();
        }),
        { seed: SEED, numRuns: 150 },
      );
      assert.ok(two.delivered.length > 0);
      if (setup.encrypted === true) {
        const sent = [FRAME, inner].map((bytes) => Buffer.from(bytes).toString('hex'));
        for (const hex of hexOf(two.delivered)) assert.ok(sent.includes(hex));
      }
    });
  }

  test('counts frames of an unknown network', () => {
    const [one] = pairOf();
    one.send([FRAME], 1, 0, -1);
    assert.deepEqual(one.egress.drops.byName(), { VXLAN_VNI_NOT_FOUND: 1 });
    one.balanced();
  });
});
