/** The egress chain with a sink of datagrams, beside one without: the same packets, whoever writes the outer headers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { EgressChain, type EgressOptions, Oversize } from '../../src/dataplane/index.js';
import { Segmenter } from '../../src/fragment/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { encodeHex } from '../../src/memory/internal.js';
import { NodeSas, NodeTables } from '../../src/overlay/index.js';
import { noise } from '../fragment/split.js';
import { tcpFrame } from '../fragment/tcp-frame.js';
import { FRAME } from './build.js';
import { type Setup, topologyOf } from './topology.js';

/** A frame, and the payload per segment if it is yet to be segmented. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly segment: number;
}

/** Packets by what follows the outer UDP header, with the traffic class of the outer header. */
interface Outcome {
  readonly wire: string[];
  readonly datagrams: string[];
  readonly local: string[];
  readonly replies: string[];
  readonly accounting: EgressChain['accounting'];
  readonly drops: Record<string, number>;
}

const VXLAN = 8;

function hexOf(bytes: Uint8Array): string {
  return encodeHex(bytes);
}

/** The segments of a frame, each after `prefix` bytes of it. */
function segmentsOf(bytes: Uint8Array, segment: number, prefix = 0): Uint8Array[] {
  const segmenter = new Segmenter();
  if (segment === 0 || !segmenter.begin(bytes, prefix, bytes.length, segment)) return [bytes];
  const all: Uint8Array[] = [];
  while (segmenter.pending) {
    const target = new Uint8Array(prefix + segmenter.frameBytes);
    target.set(bytes.subarray(0, prefix));
    all.push(target.slice(0, prefix + segmenter.next(target, prefix)));
  }
  return all;
}

/** What a node sends for frames of its container. */
function outcomeOf(sent: readonly Sent[], setup: Setup, options: EgressOptions = {}, datagramSink = true): Outcome {
  const topology = topologyOf(setup);
  const arena = new Arena({ slots: 600, frameBytes: 65_600, debug: true });
  const tables = new NodeTables(topology, 'n1');
  const outcome: Omit<Outcome, 'accounting' | 'drops'> = { wire: [], datagrams: [], local: [], replies: [] };
  const aead = nodeBackend.create();
  let calls = 0;
  const random = (bytes: Uint8Array): void => void bytes.fill(0x30 + calls++);
  const keys =
    topology.ring === undefined
      ? {}
      : { aead, sas: NodeSas.ofTopology(topology, 0, aead, { hkdf: hkdfSha256, random }) };
  const keep =
    (list: string[], skip = 0) =>
    ({ count, start, end, segment }: PacketBatch): void => {
      for (let i = 0; i < count; i++) {
        for (const bytes of segmentsOf(arena.bytes.slice(start[i] + skip, end[i]), segment[i])) list.push(hexOf(bytes));
      }
    };
  const headers = setup.family === 6 ? 48 : 28;
  const clear = setup.encrypted !== true && options.oversize !== Oversize.Outside;
  const datagrams = ({ count, start, end, segment, tos }: PacketBatch): void => {
    for (let i = 0; i < count; i++) {
      const all = segmentsOf(arena.bytes.slice(start[i], end[i]), segment[i], VXLAN);
      for (const bytes of all) outcome.datagrams.push(`${tos[i]} ${hexOf(bytes)}`);
    }
  };
  const wire = (batch: PacketBatch): void => {
    if (!clear) {
      keep(outcome.wire)(batch);
      return;
    }
    for (let i = 0; i < batch.count; i++) {
      const at = batch.start[i];
      const tos =
        setup.family === 6 ? ((arena.bytes[at] << 4) & 0xf0) | (arena.bytes[at + 1] >>> 4) : arena.bytes[at + 1];
      outcome.wire.push(`${tos} ${hexOf(arena.bytes.slice(at + headers, batch.end[i]))}`);
    }
  };
  const sinks = { wire, local: keep(outcome.local), replies: keep(outcome.replies) };
  const all = { random: (): void => undefined, ...keys, ...options };
  const chain = new EgressChain(tables, arena, datagramSink ? { ...sinks, datagrams } : sinks, all);
  const batch = new PacketBatch(arena);
  for (const { bytes, segment } of sent) {
    if (batch.full) chain.run(batch, 0);
    const at = batch.copyIn(bytes, 0, bytes.length, 0);
    assert.ok(at >= 0);
    batch.segment[at] = segment;
  }
  chain.run(batch, 0);
  assert.deepEqual(arena.holders(), []);
  const { accounting } = chain;
  const { frames, copies, repliesMade, local, replies, dropped } = accounting;
  assert.equal(frames + copies + repliesMade, accounting.sent + local + replies + dropped);
  return { ...outcome, accounting, drops: chain.drops.byName() };
}

function whole(bytes: Uint8Array): Sent {
  return { bytes, segment: 0 };
}

const PAYLOAD = noise(30_000, 1);
const GROUP = tcpFrame(PAYLOAD.subarray(0, 9000));
GROUP[0] = 0xff;
const UNKNOWN = tcpFrame(PAYLOAD.subarray(0, 9000));
UNKNOWN[5] = 0x77;
const FRAMES: readonly Sent[] = [
  whole(FRAME),
  { bytes: tcpFrame(PAYLOAD, { partial: true, tos: 3 }), segment: 1300 },
  whole(tcpFrame(noise(100, 2), { tos: 1 })),
  { bytes: tcpFrame(PAYLOAD, { family: 6, partial: true }), segment: 1200 },
  { bytes: tcpFrame(PAYLOAD.subarray(0, 2600), { sourcePort: 41_000 }), segment: 1300 },
  { bytes: tcpFrame(PAYLOAD.subarray(0, 9000), { dontFragment: false }), segment: 1300 },
  { bytes: tcpFrame(PAYLOAD.subarray(0, 9000), { host: 5 }), segment: 1300 },
  { bytes: GROUP, segment: 1300 },
  { bytes: UNKNOWN, segment: 1300 },
  whole(tcpFrame(noise(1300, 3))),
];
/** The same as a container without TSO sends them. */
const ORDINARY = FRAMES.flatMap(({ bytes, segment }) => segmentsOf(bytes, segment).map(whole));
const LOCAL = 'c3: { network: net, node: n1, ip: "10.0.9.5", mac: "02:42:0a:00:09:05" }';
const THIRD = 'n3: { vtep: "192.168.50.3", mac: "02:00:00:00:50:03" }';

/** Flows keep their order, others needn't: a sink's packets are compared in any order here, and within flows below. */
function sorted({ wire, datagrams, ...rest }: Outcome): object {
  return { ...rest, sent: [...wire, ...datagrams].sort() };
}

describe('an egress chain with a sink of datagrams', () => {
  test('gives it all packets of clear networks that fit, from the VXLAN header on, with the outer traffic class', () => {
    for (const family of [4, 6] as const) {
      const one = outcomeOf(ORDINARY, { family, endpoints: [LOCAL] });
      const other = outcomeOf(ORDINARY, { family, endpoints: [LOCAL] }, {}, false);
      assert.ok(one.datagrams.length > 60);
      assert.deepEqual(one.wire, []);
      assert.deepEqual(one.datagrams, other.wire);
      assert.deepEqual({ ...one, datagrams: other.wire, wire: [] }, { ...other, datagrams: other.wire, wire: [] });
    }
  });

  for (const [name, setup, options] of [
    ['that fits', {}, {}],
    ['over IPv6', { family: 6 }, {}],
    ['of an encrypted network', { encrypted: true, mtu: 1600 }, {}],
    ['whose segments are too long, to be answered or fragmented', { mtu: 1200 }, {}],
    ['whose segments are too long, to be dropped', { mtu: 1200 }, { oversize: Oversize.Drop }],
    ['whose segments are too long, for outer fragments', { mtu: 1200 }, { oversize: Oversize.Outside }],
    ['of a flooding network', { flood: 'replicate', nodes: [THIRD] }, {}],
    ['of a flooding network on a narrow path', { flood: 'replicate', nodes: [THIRD], mtu: 1200 }, {}],
  ] as const) {
    test(`a frame ${name} becomes what its segments become, counted as they are`, () => {
      const where = { endpoints: [LOCAL], ...setup };
      const large = outcomeOf(FRAMES, where, options);
      const ordinary = outcomeOf(ORDINARY, where, options);
      assert.deepEqual(sorted(large), sorted(ordinary));
      assert.ok(large.accounting.frames === ORDINARY.length && large.accounting.local > 0);
    });
  }

  test('with fragments of the kernel’s, all packets of clear networks are datagrams', () => {
    const options = { oversize: Oversize.Outside, kernelFragments: true };
    const { wire, datagrams } = outcomeOf(FRAMES, { mtu: 1200, endpoints: [LOCAL] }, options);
    assert.deepEqual([wire.length, datagrams.length > 60], [0, true]);
  });

  test('after a packet in outer fragments, later ones of the batch don’t overtake it as datagrams', () => {
    const long = tcpFrame(noise(1400, 4));
    const short = tcpFrame(noise(50, 5));
    const { wire, datagrams } = outcomeOf(
      [short, long, short].map(whole),
      { mtu: 1200 },
      { oversize: Oversize.Outside },
    );
    assert.deepEqual([datagrams.length, wire.length], [1, 3]);
  });

  test('a frame that can’t be segmented is an ordinary one', () => {
    const { drops, accounting } = outcomeOf(
      [{ bytes: tcpFrame(PAYLOAD), segment: 1 }],
      { mtu: 1500 },
      { oversize: Oversize.Drop },
    );
    assert.deepEqual([drops, accounting.frames], [{ PKT_TOO_BIG: 1 }, 1]);
  });
});
