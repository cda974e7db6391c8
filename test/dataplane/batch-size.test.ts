/** The result for a packet doesn't depend on the batch size. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Oversize } from '../../src/dataplane/index.js';
import { writeIpv4Checksum } from '../../src/wire/index.js';
import { noise } from '../fragment/split.js';
import { ethernet, FRAME, ip, overlay, udpIp, vxlan } from './build.js';
import { C1, C2, fromHex, type Given, type Setup, TestNode, topologyOf } from './topology.js';

const SEED = 20261129;
const RUNS = 60;

const MORE: Setup = {
  nodes: ['n3: { vtep: "192.168.50.3" }'],
  networks: ['open: { vni: 4098, flood: replicate, learning: true }'],
  endpoints: [
    'o1: { network: open, node: n1, mac: "02:00:00:00:01:01" }',
    'o2: { network: open, node: n2, mac: "02:00:00:00:01:02" }',
    'o3: { network: open, node: n3, mac: "02:00:00:00:01:03" }',
  ],
};
const SETUPS: readonly Setup[] = [MORE, { ...MORE, encrypted: true }, { ...MORE, encrypted: true, profile: 'strict' }];

/** The output as stable text, by network: networks don't wait for each other. */
function textOf(all: readonly Given[], network: number): string[] {
  return all
    .filter((given) => given.network === network)
    .map(({ node, endpoint, bytes }) => `${node} ${endpoint} ${Buffer.from(bytes).toString('hex')}`);
}

function big(dontFragment: boolean, length: number): Uint8Array {
  const packet = ip(4, 253, noise(length, length), '10.0.9.3', '10.0.9.4');
  packet[6] = dontFragment ? 0x40 : 0;
  writeIpv4Checksum(packet, 0);
  return ethernet(packet, 0x0800);
}

/** Frames of containers: valid, damaged, multicast, unknown, too large, and neighbour requests. */
function framesOf(): Uint8Array[] {
  const rest = '88b5' + '00'.repeat(30);
  return [
    FRAME,
    big(false, 1500),
    big(true, 1500),
    big(false, 3000),
    ethernet(ip(6, 253, noise(1300, 1), 'fd00:9::3', 'fd00:9::4'), 0x86dd),
    fromHex(`ffffffffffff${C1}08060001080006040001${C1}0a0009030000000000000a000904`),
    ...[C2, C1, 'ffffffffffff', '3333ff000004', '02000000aaaa', '020000000102'].flatMap((to) =>
      [C1, '020000000101', '030000000000'].map((from) => fromHex(to + from + rest)),
    ),
  ];
}

function damaged(packet: Uint8Array, edits: readonly (readonly [number, number])[], end: number | null): Uint8Array {
  const bytes = packet.slice();
  for (const [at, value] of edits) bytes[at % bytes.length] ^= value;
  return end === null ? bytes : bytes.subarray(0, end % (bytes.length + 1));
}

const pick = (pool: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.nat(pool.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 2 }),
      fc.option(fc.nat(), { freq: 8 }),
      fc.nat(2),
    )
    // Two of three are unchanged.
    .map(([at, edits, end, way]) => (way > 0 ? pool[at] : damaged(pool[at], edits, end)));

for (const setup of SETUPS) {
  describe(JSON.stringify({ encrypted: setup.encrypted === true, profile: setup.profile ?? 'swarm' }), () => {
    const topology = topologyOf(setup);

    test('frames: a batch of 64 gives the same packets, replies, copies and drop reasons as 64 batches of one', () => {
      const pool = framesOf();
      for (const oversize of Object.values(Oversize)) {
        fc.assert(
          fc.property(fc.array(pick(pool), { minLength: 1, maxLength: 80 }), fc.nat(1), (frames, network) => {
            const [one, many] = [1, 64].map((size) => {
              const node = new TestNode(topology, 'n1', { arena: { frameBytes: 4000 }, egress: { oversize } });
              node.send(frames, size, 0, network);
              node.balanced();
              return node;
            });
            assert.deepEqual(many.egress.drops.byName(), one.egress.drops.byName());
            for (const sink of ['wire', 'local', 'replies'] as const)
              assert.deepEqual(textOf(many[sink], network), textOf(one[sink], network), sink);
            assert.deepEqual(many.egress.accounting, one.egress.accounting);
          }),
          { seed: SEED, numRuns: RUNS },
        );
      }
    });

    test('packets: a batch of 64 gives the same frames and drop reasons as 64 batches of one', () => {
      const sender = new TestNode(topology, 'n1', { egress: { oversize: Oversize.Outside } });
      sender.send([FRAME, big(false, 3000), ...Array.from({ length: 20 }, () => FRAME)]);
      sender.send([fromHex(`02000000010202000000010188b5${'00'.repeat(30)}`)], 1, 0, 1);
      const stranger = ethernet(udpIp(4, 4789, vxlan(4098, FRAME), 'right', '203.0.113.9'), 0x0800);
      const pool = [
        ...sender.wire.map(({ bytes }) => bytes),
        overlay(),
        overlay(4, 4098, fromHex(`ffffffffffff020000000101${'00'.repeat(40)}`)),
        overlay(4, 5000),
        ethernet(udpIp(4, 4500, vxlan(4097, FRAME)), 0x0800),
        stranger,
      ];
      fc.assert(
        fc.property(fc.array(pick(pool), { minLength: 1, maxLength: 80 }), (packets) => {
          const [one, many] = [1, 64].map((size) => {
            const node = new TestNode(topology, 'n2', { arena: { frameBytes: 4000 } });
            node.receive(packets, size);
            node.balanced();
            return node;
          });
          assert.deepEqual(many.ingress.drops.byName(), one.ingress.drops.byName());
          for (const network of [0, 1])
            assert.deepEqual(textOf(many.delivered, network), textOf(one.delivered, network));
        }),
        { seed: SEED, numRuns: RUNS },
      );
    });
  });
}
