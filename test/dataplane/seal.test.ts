/** Encryption stays within a packet's slot. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { DropCounters } from '../../src/dataplane/index.js';
import { Seal } from '../../src/dataplane/seal.js';
import { espPadding, outboundHeadroom } from '../../src/ipsec/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { NodeSas, NodeTables } from '../../src/overlay/index.js';
import { IPV4_HEADER_LEN } from '../../src/wire/index.js';
import { udpIp } from './build.js';
import { topologyOf } from './topology.js';

const PACKET = udpIp(4, 4789, new Uint8Array(64).fill(0x5a));
const MARK = 0xa5;

/**
 * Encrypts a packet in the middle one of three slots; the other two are filled with a mark.
 * @param offsetOf its offset in the slot
 * @returns the counts, and whether the adjacent slots are unchanged
 */
function seal(offsetOf: (room: { head: number; tail: number; slotBytes: number }) => number): {
  readonly drops: object;
  readonly sealed: number;
  readonly free: number;
  readonly untouched: boolean;
} {
  const topology = topologyOf({ encrypted: true });
  const aead = nodeBackend.create();
  const sas = NodeSas.ofTopology(topology, 0, aead, { hkdf: hkdfSha256, random: (bytes) => void bytes.fill(0x30) });
  const sa = sas.outbound(1);
  assert.ok(sa !== undefined);
  const arena = new Arena({ slots: 3, frameBytes: 128 });
  const [before, slot, after] = [arena.take(), arena.take(), arena.take()].sort((a, b) => a - b);
  const { bytes, slotBytes } = arena;
  for (const other of [before, after]) bytes.fill(MARK, arena.offsetOf(other), arena.offsetOf(other) + slotBytes);
  const tail = espPadding(PACKET.length - IPV4_HEADER_LEN) + 2 + sa.icvLength;
  const start = arena.offsetOf(slot) + offsetOf({ head: outboundHeadroom(sa), tail, slotBytes });
  bytes.set(PACKET, start);
  const batch = new PacketBatch(arena);
  batch.push(slot, start, start + PACKET.length, 0, 1);
  const drops = new DropCounters();
  const stage = new Seal(new NodeTables(topology, 'n1'), drops, aead, sas);
  stage.run(batch, 0);
  const untouched = [before, after].every((other) =>
    bytes.subarray(arena.offsetOf(other), arena.offsetOf(other) + slotBytes).every((byte) => byte === MARK),
  );
  return { drops: drops.byName(), sealed: stage.sealed, free: arena.available, untouched };
}

test('if the cipher fails, packets of encrypted networks are dropped and unencrypted ones are sent', () => {
  const topology = topologyOf({ encrypted: true, networks: ['open: { vni: 4098 }'] });
  const aead = nodeBackend.create();
  const sas = NodeSas.ofTopology(topology, 0, aead, { hkdf: hkdfSha256, random: (bytes) => void bytes.fill(0x30) });
  const sa = sas.outbound(1);
  assert.ok(sa !== undefined);
  const arena = new Arena({ slots: 600, frameBytes: 128, debug: true });
  const batch = new PacketBatch(arena, 600);
  const drops = new DropCounters();
  const stage = new Seal(new NodeTables(topology, 'n1'), drops, aead, sas);
  const fill = (): void => {
    batch.clear();
    for (let i = 0; i < 600; i++) batch.copyIn(PACKET, 0, PACKET.length, i % 3 === 0 ? 1 : 0, 1);
  };
  fill();
  stage.run(batch, 0);
  assert.deepEqual([batch.count, stage.sealed, drops.total], [600, 400, 0]);
  fill();
  // The SA still refers to its key, which the cipher has wiped.
  aead.removeKey(sa.key);
  stage.run(batch, 0);
  assert.deepEqual([batch.count, stage.sealed, drops.byName()], [200, 400, { XfrmOutNoStates: 400 }]);
  for (let i = 0; i < batch.count; i++) {
    assert.equal(batch.network[i], 1);
    assert.deepEqual(arena.bytes.subarray(batch.start[i], batch.end[i]), PACKET);
  }
  batch.clear();
  assert.deepEqual(arena.holders(), []);
});

describe('a packet is encrypted if its slot has room for ESP', () => {
  test('with just enough headroom, and with just enough tailroom', () => {
    const done = { drops: {}, sealed: 1, free: 0, untouched: true };
    assert.deepEqual(
      seal(({ head }) => head),
      done,
    );
    assert.deepEqual(
      seal(({ tail, slotBytes }) => slotBytes - tail - PACKET.length),
      done,
    );
  });

  test('with a byte less it is dropped, counted and its slot freed, the adjacent slots unchanged', () => {
    const refused = { drops: { XfrmOutError_Room: 1 }, sealed: 0, free: 1, untouched: true };
    assert.deepEqual(
      seal(({ head }) => head - 1),
      refused,
    );
    assert.deepEqual(
      seal(() => 0),
      refused,
    );
    assert.deepEqual(
      seal(({ tail, slotBytes }) => slotBytes - tail - PACKET.length + 1),
      refused,
    );
  });
});
