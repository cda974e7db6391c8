/**
 * The capture decoder and a node's ingress agree on every packet, however damaged. They differ only in what a node
 * alone knows: its networks and addresses.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { dropReasonName, UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import { InboundEsp } from '../../src/ipsec/index.js';
import { NodeSas } from '../../src/overlay/index.js';
import { LinkType, writeIpv4Checksum } from '../../src/wire/index.js';
import { FRAME, ethernet, ip, overlay, udpIp, vxlan } from './build.js';
import { fromHex, pairOf, type Setup, TestNode, topologyOf } from './topology.js';

const SEED = 20261123;
/** Drop reasons that depend on a node's networks, which a capture doesn't show. */
const TOPOLOGY = new Set([
  ...['OTHERHOST', 'VXLAN_UNKNOWN_VTEP', 'LOOP', 'VXLAN_VNI_NOT_FOUND', 'CLEAR_OF_ENCRYPTED', 'MAC_INVALID_SOURCE'],
  ...['VXLAN_ENTRY_EXISTS', 'NO_LOCAL_ENDPOINT', 'PMTU_LEARNED'],
]);

/** Both receivers, and their results for each packet. */
class Both {
  readonly node: TestNode;
  readonly decoder: UnderlayDecoder;
  #drops: Record<string, number> = {};

  constructor(setup: Setup) {
    const topology = topologyOf(setup);
    this.node = new TestNode(topology, 'n2', { arena: { slots: 64, frameBytes: 4096 } });
    const aead = nodeBackend.create();
    const random = (bytes: Uint8Array): void => void bytes.fill(0x30);
    const checks = { verifyChecksums: true, applyEcn: true };
    const keyed = topology.ring !== undefined;
    const sas = keyed ? NodeSas.ofTopology(topology, 1, aead, { hkdf: hkdfSha256, random }) : undefined;
    this.decoder = new UnderlayDecoder(
      sas === undefined ? checks : { ...checks, esp: new InboundEsp(aead, sas.inbound) },
    );
  }

  /** The frame, 'held', or the reason; 'NOT_OVERLAY' for other traffic. */
  receive(packet: Uint8Array, now: number): readonly [node: string, decoder: string] {
    return [this.#byNode(packet, now), this.#byDecoder(packet, now)];
  }

  #byNode(packet: Uint8Array, now: number): string {
    const { delivered, ingress } = this.node;
    const before = delivered.length;
    const held = ingress.held;
    // Fragments of other datagrams may be dropped meanwhile; the other count that grew is this packet's.
    this.node.receive([packet], 1, now);
    const drops: Record<string, number> = ingress.drops.byName();
    const reason = Object.keys(drops).find((name) => drops[name] !== (this.#drops[name] ?? 0));
    this.#drops = { ...drops };
    if (delivered.length > before) return Buffer.from(delivered[before].bytes).toString('hex');
    return reason ?? (ingress.held === held + 1 ? 'held' : 'lost');
  }

  #byDecoder(packet: Uint8Array, now: number): string {
    const { decoder } = this;
    const verdict = decoder.receive(LinkType.Ethernet, packet, 0, packet.length, packet.length, now);
    switch (verdict) {
      case Verdict.Frame:
        return Buffer.from(decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd)).toString('hex');
      case Verdict.Held:
        return 'held';
      case Verdict.Dropped:
        return dropReasonName(decoder.reason);
      case Verdict.Esp:
        // A node without keys.
        return 'XfrmInNoStates';
      default:
        return 'NOT_OVERLAY';
    }
  }
}

/** The packet after a router that marked it CE. */
function congested(packet: Uint8Array): Uint8Array {
  const bytes = packet.slice();
  if (bytes[14] >>> 4 === 6) {
    bytes[15] |= 0x30;
  } else {
    bytes[15] |= 3;
    writeIpv4Checksum(bytes, 14);
  }
  return bytes;
}

/** A packet with bytes of its IP part changed or its end cut off; two of three are unchanged. */
const damage = fc.tuple(
  fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 2 }),
  fc.option(fc.nat(), { freq: 8 }),
  fc.nat(2),
);

const SETUPS: readonly Setup[] = [
  {},
  { family: 6 },
  { encrypted: true },
  { encrypted: true, family: 6 },
  { encrypted: true, profile: 'strict' },
];

for (const setup of SETUPS) {
  describe(JSON.stringify(setup), () => {
    const { family = 4 } = setup;
    const etherType = family === 4 ? 0x0800 : 0x86dd;
    const [sender] = pairOf({ ...setup, mtu: family === 4 ? 600 : 1280 });
    const large = ethernet(udpIp(4, 8080, new Uint8Array(1900), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);
    const marked = FRAME.slice();
    marked[15] |= 2;
    sender.send([FRAME, large, FRAME, marked, large]);
    const pool = [
      ...sender.wire.map(({ bytes }) => bytes),
      ...sender.wire.map(({ bytes }) => congested(bytes)),
      overlay(family),
      overlay(family, 5000),
      overlay(family, 4097, fromHex('ffffffffffff02420a000903080600010800')),
      overlay(family, 4097, FRAME, 1),
      overlay(family, 4097, FRAME.subarray(0, 10)),
      ethernet(udpIp(family, 4500, vxlan(4097, FRAME)), etherType),
      ethernet(udpIp(family, 4500, Uint8Array.of(0xff)), etherType),
      ethernet(udpIp(family, 53, vxlan(4097, FRAME)), etherType),
      ethernet(ip(family, 50, new Uint8Array(6)), etherType),
      ethernet(ip(family, 6, new Uint8Array(20).fill(0x50)), etherType),
    ];
    const packets = fc.array(fc.tuple(fc.nat(pool.length - 1), damage), { minLength: 1, maxLength: 30 });

    test('both give the same frame, or the same drop reason', () => {
      let frames = 0;
      let dropped = 0;
      fc.assert(
        fc.property(packets, (list) => {
          const both = new Both(setup);
          for (const [at, [edits, end, way]] of list) {
            const packet = pool[at].slice(0, way > 0 || end === null ? undefined : 14 + (end % (pool[at].length - 13)));
            if (way === 0) for (const [offset, value] of edits) packet[14 + (offset % (packet.length - 13))] ^= value;
            const [node, decoder] = both.receive(packet, 1);
            if (TOPOLOGY.has(node)) continue;
            assert.equal(decoder, node);
            if (node.length > 40) frames++;
            else dropped++;
          }
          both.node.balanced();
        }),
        { seed: SEED, numRuns: 300 },
      );
      assert.ok(frames > 100 && dropped > 100, `${frames} frames, ${dropped} dropped`);
    });
  });
}
