/** Outer packets larger than the path MTU are fragmented after ESP (RFC 4303 section 3.3.4), if configured. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DropCounters, Identifications } from '../../src/dataplane/index.js';
import { Fragment } from '../../src/dataplane/fragment.js';
import { Reassembler } from '../../src/fragment/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { PathMtu, type Topology } from '../../src/overlay/index.js';
import { give, ipv4Packet, ipv6Packet, noise, result } from '../fragment/split.js';
import { type Setup, topologyOf } from './topology.js';

function identificationsOf({ nodes }: Topology): Identifications {
  return new Identifications(nodes.length);
}

/** Runs packets for node 2 through the stage: its output, the counts, and the free slots afterwards. */
function run(
  packets: readonly Uint8Array[],
  setup: Setup,
  slots = 64,
  capacity = 256,
): [Uint8Array[], Record<string, number>, Fragment] {
  const arena = new Arena({ slots, frameBytes: 4000, debug: true });
  const drops = new DropCounters();
  const topology = topologyOf(setup);
  const identifications = identificationsOf(topology);
  identifications.next[1] = 0xfffffffe;
  const fragment = new Fragment(new PathMtu(topology, 0), drops, identifications);
  const batch = new PacketBatch(arena);
  for (const bytes of packets) assert.ok(batch.copyIn(bytes, 0, bytes.length, 0, 1) >= 0);
  const output = new PacketBatch(arena, capacity);
  const out: Uint8Array[] = [];
  const take = (full: PacketBatch): void => {
    for (let i = 0; i < full.count; i++) {
      assert.deepEqual([full.node[i], full.network[i]], [1, 0]);
      out.push(arena.bytes.slice(full.start[i], full.end[i]));
    }
    full.clear();
  };
  fragment.run(batch, output, take);
  take(output);
  assert.equal(batch.count, 0);
  assert.deepEqual(arena.holders(), []);
  return [out, drops.byName(), fragment];
}

describe('the stage', () => {
  for (const family of [4, 6] as const) {
    const packet = family === 4 ? ipv4Packet(noise(3000, 1)) : ipv6Packet(noise(3000, 1));
    const setup: Setup = { family, mtu: 1400 };

    test(`IPv${family}: fragments larger packets, and the fragments reassemble to them`, () => {
      const small = packet.bytes.subarray(0, 1400);
      const [out, drops, { fragmented: cut, fragments }] = run([packet.bytes, small], setup);
      assert.deepEqual([drops, cut, fragments, out.length], [{}, 1, 3, 4]);
      assert.ok(out.every((part) => part.length <= 1400));
      assert.deepEqual(out[3], small);
      const reassembler = new Reassembler();
      assert.deepEqual(
        out.slice(0, 3).map((part) => give(reassembler, part)),
        ['Held', 'Held', 'Complete'],
      );
      assert.deepEqual(result(reassembler), packet.bytes);
    });

    test(`IPv${family}: sends all fragments or, without enough slots, none; passes on a full output`, () => {
      for (const [slots, expected] of [
        [2, 0],
        [3, 0],
        [4, 3],
      ] as const) {
        const [out, drops] = run([packet.bytes], setup, slots, 1);
        assert.equal(out.length, expected);
        assert.deepEqual(drops, expected === 0 ? { NOMEM: 1 } : {});
      }
    });
  }

  test('RFC 8200 section 4.5: each fragmented IPv6 packet has a unique identification, across the wrap at 2^32', () => {
    const { bytes } = ipv6Packet(noise(2000, 1));
    const [out] = run([bytes, bytes, bytes], { family: 6, mtu: 1400 });
    const ids = out.map((part) => new DataView(part.buffer).getUint32(44));
    assert.deepEqual(ids, [0xfffffffe, 0xfffffffe, 0xffffffff, 0xffffffff, 0, 0]);
  });

  test('does not fragment packets with DF', () => {
    const { bytes } = ipv4Packet(noise(2000, 1), { dontFragment: true });
    assert.deepEqual(run([bytes], { mtu: 1400 }).slice(0, 2), [[], { PKT_TOO_BIG: 1 }]);
  });
});

describe('slot bounds', () => {
  test('a fragment longer than a slot’s frame and tailroom doesn’t overrun the slot', () => {
    // With frames of 1,440 bytes a slot has no byte to spare: 128 before, 32 after, a multiple of 64. The headers of
    // a
    // packet of the strict profile over IPv6 are in the 128 bytes, so that it is longer than a fragment may be.
    const frameBytes = 1440;
    const arena = new Arena({ slots: 3, frameBytes, debug: true });
    const drops = new DropCounters();
    const topology = topologyOf({ family: 6, mtu: 1500 });
    const stage = new Fragment(new PathMtu(topology, 0), drops, identificationsOf(topology));
    const { bytes } = ipv6Packet(noise(frameBytes + 92 - 40, 1));
    const [slot, , last] = [arena.take(), arena.take(), arena.take()];
    const start = arena.frameOffsetOf(slot) - 72;
    arena.bytes.set(bytes, start);
    const batch = new PacketBatch(arena);
    batch.push(slot, start, start + bytes.length, 0, 1);
    // The first fragment goes to the arena's last slot.
    arena.free(1);
    arena.free(last);
    const output = new PacketBatch(arena);
    assert.doesNotThrow(() => stage.run(batch, output, () => assert.fail('the output is large enough')));
    for (let i = 0; i < output.count; i++) {
      assert.ok(output.end[i] <= arena.offsetOf(output.slot[i]) + arena.slotBytes, 'beyond the slot');
    }
  });

  test('a fragment has the room for a link-layer header that its packet has, however close the MTU is to the slot', () => {
    const arena = new Arena({ slots: 3, frameBytes: 1440, debug: true });
    const room = 14;
    const length = arena.slotBytes - room;
    for (const mtu of [1280, 1400, length - 60, length - 9, length - 1]) {
      const topology = topologyOf({ family: 6, mtu });
      const stage = new Fragment(new PathMtu(topology, 0), new DropCounters(), identificationsOf(topology));
      const { bytes } = ipv6Packet(noise(length - 40, 1));
      const slot = arena.take();
      const start = arena.offsetOf(slot) + room;
      arena.bytes.set(bytes, start);
      const batch = new PacketBatch(arena);
      batch.push(slot, start, start + length, 0, 1);
      const output = new PacketBatch(arena);
      stage.run(batch, output, () => assert.fail('the output is large enough'));
      assert.equal(output.count, 2);
      for (let i = 0; i < output.count; i++) {
        const from = arena.offsetOf(output.slot[i]);
        assert.ok(output.start[i] - from >= room && output.end[i] <= from + arena.slotBytes, `MTU ${mtu}`);
        assert.ok(output.end[i] - output.start[i] <= mtu);
      }
      output.clear();
    }
  });
});
