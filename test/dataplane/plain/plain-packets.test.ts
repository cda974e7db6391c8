/** The short cuts for plain packets give what the general code gives: the same bytes, columns and drop reasons. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EgressChain, IngressChain, Tunnel } from '../../../src/dataplane/index.js';
import { Arena, PacketBatch, seedFlows } from '../../../src/memory/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { NodeTables } from '../../../src/overlay/index.js';
import { IpProtocol } from '../../../src/wire/index.js';
import { ethernet, ip, join, udpIp } from '../build.js';
import { configText } from '../topology.js';

const SEED = 20261129;
const NOW = 10;
const NODE_2 = 1;
const VTEPS = [Uint8Array.of(192, 168, 50, 1), Uint8Array.of(192, 168, 50, 2)] as const;
const tables = [1, 2].map((node) => new NodeTables(parseConfig(configText()), `n${node}`));

/** What a chain made of a packet: its bytes, and the columns that the short cuts set. */
interface Outcome {
  readonly packets: string[];
  readonly drops: Record<string, number>;
}

function tcp(payload: number): Uint8Array {
  const segment = new Uint8Array(20 + payload).fill(7);
  segment.set([0x12, 0x34, 0, 80]);
  segment[12] = 0x50;
  return ip(4, IpProtocol.Tcp, segment, '10.0.9.3', '10.0.9.4');
}

const FRAMES: readonly Uint8Array[] = [
  ...[0, 1, 30, 1200].map((bytes) => ethernet(udpIp(4, 2000, new Uint8Array(bytes)), 0x0800)),
  ...[0, 5, 1400, 1440].map((bytes) => ethernet(tcp(bytes), 0x0800)),
];

/** A frame, mostly with a few of its first bytes changed, or truncated. */
const frames = fc
  .tuple(
    fc.nat(FRAMES.length - 1),
    fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 2 }),
    fc.option(fc.nat(80), { freq: 6 }),
  )
  .map(([at, edits, end]) => {
    const frame = FRAMES[at].slice();
    for (const [offset, value] of edits) if (offset < frame.length) frame[offset] = value;
    return end === null ? frame : frame.subarray(0, end);
  });

/**
 * Sends frames. Without `plain` no short cut takes them: they aren't aligned to words, and every packet must be parsed
 * for its MSS.
 */
function send(all: readonly Uint8Array[], capacity: number, plain: boolean): Outcome {
  seedFlows(SEED);
  const arena = new Arena({ slots: 300, frameBytes: 2048 });
  const packets: string[] = [];
  const egress = new EgressChain(
    tables[0],
    arena,
    {
      wire: ({ count, start, end, node, arena: { bytes } }) => {
        for (let i = 0; i < count; i++)
          packets.push(`${node[i]} ${Buffer.from(bytes.subarray(start[i], end[i])).toString('hex')}`);
      },
    },
    { random: (bytes) => bytes.fill(0), dscp: 'inherit', ttl: 'inherit', clampMss: !plain },
  );
  const batch = new PacketBatch(arena, capacity);
  for (const frame of all) {
    const slot = arena.take();
    const at = arena.frameOffsetOf(slot) + (plain ? 0 : 1);
    arena.bytes.set(frame, at);
    batch.push(slot, at, at + frame.length, 0);
    if (batch.full) egress.run(batch, NOW);
  }
  egress.run(batch, NOW);
  seedFlows();
  return { packets, drops: egress.drops.byName() };
}

function receive(all: readonly Uint8Array[], capacity: number): Outcome {
  const arena = new Arena({ slots: 300, frameBytes: 2048 });
  const packets: string[] = [];
  const ingress = new IngressChain(tables[1], arena, ({ count, start, end, node, endpoint, arena: { bytes } }) => {
    for (let i = 0; i < count; i++)
      packets.push(`${node[i]} ${endpoint[i]} ${Buffer.from(bytes.subarray(start[i], end[i])).toString('hex')}`);
  });
  const batch = new PacketBatch(arena, capacity);
  for (const packet of all) {
    batch.copyIn(packet, 0, packet.length);
    if (batch.full) ingress.run(batch, NOW);
  }
  ingress.run(batch, NOW);
  return { packets, drops: ingress.drops.byName() };
}

test('egress: any frames give the same packets and drops with the short cuts as without them', () => {
  fc.assert(
    fc.property(fc.array(frames, { minLength: 1, maxLength: 40 }), (all) => {
      assert.deepEqual(send(all, 256, true), send(all, 256, false));
      assert.deepEqual(send(all, 256, true), send(all, 1, false));
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test('egress: a plain frame gets the headers that Tunnel writes', () => {
  const tunnel = new Tunnel(VTEPS[0], VTEPS[1], { port: 4789 });
  for (const frame of FRAMES.slice(0, 6)) {
    const { packets } = sendPlain(frame);
    const bytes = new Uint8Array(64 + frame.length);
    bytes.set(frame, 64);
    const hash = 0x1234_5678;
    const start = tunnel.encapsulate(bytes, 64, bytes.length, 4097, hash, frame[15], frame[22], 1);
    // All but the source port and the checksum over it, which depend on the flow hash.
    const expected = Buffer.from(bytes.subarray(start)).toString('hex');
    assert.equal(packets[0].length, expected.length);
    assert.equal(packets[0].slice(0, 40), expected.slice(0, 40));
    assert.equal(packets[0].slice(44, 52), expected.slice(44, 52));
    assert.equal(packets[0].slice(56), expected.slice(56));
  }
});

function sendPlain(frame: Uint8Array): { packets: string[] } {
  const arena = new Arena({ slots: 4, frameBytes: 2048 });
  const packets: string[] = [];
  const wire = ({ count, start, end, arena: { bytes } }: PacketBatch): void => {
    for (let i = 0; i < count; i++) packets.push(Buffer.from(bytes.subarray(start[i], end[i])).toString('hex'));
  };
  const egress = new EgressChain(tables[0], arena, { wire }, { random: (bytes) => bytes.fill(0) });
  const batch = new PacketBatch(arena);
  batch.copyIn(frame, 0, frame.length, 0);
  egress.run(batch, NOW);
  assert.equal(packets.length, 1);
  return { packets };
}

test('ingress: any packets give the same frames and drops one by one as together, wherever the damage is', () => {
  const wire = FRAMES.slice(0, 6).map((frame) => Buffer.from(sendPlain(frame).packets[0], 'hex'));
  const damaged = fc
    .tuple(fc.nat(wire.length - 1), fc.array(fc.tuple(fc.nat(75), fc.nat(255)), { maxLength: 2 }), fc.nat(3))
    .map(([at, edits, way]) => {
      const packet = Uint8Array.from(wire[at]);
      for (const [offset, value] of edits) packet[offset] = value;
      // Some without the UDP checksum, which IPv4 allows.
      if (way === 0) packet.fill(0, 26, 28);
      return way === 1 ? join(packet, new Uint8Array(3)) : packet;
    });
  fc.assert(
    fc.property(fc.array(damaged, { minLength: 1, maxLength: 40 }), (all) => {
      const together = receive(all, 256);
      assert.deepEqual(receive(all, 1), together);
      assert.ok(together.packets.every((packet) => packet.startsWith('0 ')));
    }),
    { seed: SEED, numRuns: 150 },
  );
  const whole = receive(wire, 256);
  assert.equal(whole.packets.length, wire.length);
  assert.deepEqual(whole.drops, {});
});

test('ingress: wrong sums of any packet are dropped for their reason, and its neighbours are delivered', () => {
  const wire = FRAMES.slice(0, 6).map((frame) => Buffer.from(sendPlain(frame).packets[0], 'hex'));
  for (let wrong = 0; wrong < wire.length; wrong++) {
    const all = wire.map((packet) => Uint8Array.from(packet));
    all[wrong][60] ^= 1;
    const { packets, drops } = receive(all, 256);
    assert.equal(packets.length, wire.length - 1);
    assert.deepEqual(drops, { UDP_CSUM: 1 });
    const header = wire.map((packet) => Uint8Array.from(packet));
    header[wrong][8] ^= 1;
    assert.deepEqual(receive(header, 256).drops, { IP_CSUM: 1 });
  }
});

test('a batch longer than what is summed at once is encapsulated and received whole', () => {
  const many = Array.from({ length: 290 }, (_, i) => FRAMES[i % 6]);
  const sent = send(many, 290, true);
  assert.equal(sent.packets.length, many.length);
  assert.ok(sent.packets.every((packet) => packet.startsWith(`${NODE_2} `)));
  const wire = sent.packets.map((packet) => Uint8Array.from(Buffer.from(packet.slice(2), 'hex')));
  assert.equal(receive(wire, 290).packets.length, many.length);
});
