import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena, BATCH_CAPACITY, HEADROOM, NO_SLOT, PacketBatch } from '../../src/memory/index.js';

const SEED = 20261121;
const COLUMNS = ['slot', 'start', 'end', 'network', 'node', 'endpoint', 'flow', 'tos', 'ttl'] as const;

function small(slots = 4): Arena {
  return new Arena({ slots, frameBytes: 128, debug: true });
}

function row(batch: PacketBatch, at: number): number[] {
  return COLUMNS.map((column) => batch[column][at]);
}

describe('PacketBatch', () => {
  test('copies a frame into a new slot after the headroom, and records its offsets', () => {
    const batch = new PacketBatch(small());
    const bytes = Uint8Array.from({ length: 200 }, (_, i) => i);
    assert.equal(batch.copyIn(bytes, 10, 110, 3, 5), 0);
    assert.equal(batch.copyIn(bytes, 20, 30), 1);
    const { arena } = batch;
    assert.equal(batch.start[0], arena.offsetOf(batch.slot[0]) + HEADROOM);
    assert.deepEqual(arena.bytes.slice(batch.start[0], batch.end[0]), bytes.slice(10, 110));
    assert.deepEqual(arena.bytes.slice(batch.start[1], batch.end[1]), bytes.slice(20, 30));
    assert.notEqual(batch.slot[0], batch.slot[1]);
    assert.deepEqual([batch.network[0], batch.node[0], batch.network[1], batch.node[1]], [3, 5, -1, -1]);
    assert.deepEqual([batch.count, arena.available], [2, 2]);
  });

  test('takes a frame as large as the arena allows; a larger one is refused and takes no slot', () => {
    const batch = new PacketBatch(small());
    assert.equal(batch.copyIn(new Uint8Array(129), 0, 129), NO_SLOT);
    assert.deepEqual([batch.count, batch.arena.available], [0, 4]);
    assert.equal(batch.copyIn(new Uint8Array(129), 1, 129), 0);
  });

  test('reads no byte outside the given array, whatever the range, and then takes no slot', () => {
    // Small Buffers share one pool.
    const frame = Buffer.from('a frame');
    assert.ok(frame.buffer.byteLength > 1000);
    const batch = new PacketBatch(small());
    for (const [start, end] of [
      [0, 64],
      [-4, 7],
      [-8, -1],
      [5, 4],
      [8, 8],
      [0, 8],
      [0.5, 6],
      [0, 6.5],
      [Number.NaN, 7],
      [0, Number.NaN],
    ]) {
      assert.throws(
        () => batch.copyIn(frame, start, end),
        { name: 'MemoryError', code: 'BAD_RANGE' },
        `${start} ${end}`,
      );
    }
    assert.deepEqual([batch.count, batch.arena.available], [0, 4]);
    assert.equal(batch.copyIn(frame, 7, 7), 0);
    const slot = batch.arena.take();
    assert.throws(() => batch.push(slot, 0, batch.arena.bytes.length + 1), { code: 'BAD_RANGE' });
    assert.throws(() => batch.push(slot, -1, 10), { code: 'BAD_RANGE' });
  });

  test('takes no frame when the arena has no free slot', () => {
    const batch = new PacketBatch(small(2));
    const frame = new Uint8Array(60);
    assert.deepEqual(
      [0, 1, 2].map(() => batch.copyIn(frame, 0, 60)),
      [0, 1, NO_SLOT],
    );
    assert.equal(batch.count, 2);
  });

  test('is full at its capacity, and throws for one more packet', () => {
    const arena = small(8);
    const batch = new PacketBatch(arena, 3);
    for (let i = 0; i < 3; i++) {
      assert.equal(batch.full, false);
      batch.push(arena.take(), 0, 0);
    }
    assert.equal(batch.full, true);
    const slot = arena.take();
    assert.throws(() => batch.push(slot, 0, 0), { name: 'MemoryError', code: 'BATCH_FULL' });
    assert.equal(batch.count, 3);
    assert.equal(new PacketBatch(arena).capacity, BATCH_CAPACITY);
  });

  test('a frame that overflows a full batch takes no slot', () => {
    const batch = new PacketBatch(small(8), 1);
    batch.copyIn(new Uint8Array(60), 0, 60);
    assert.throws(() => batch.copyIn(new Uint8Array(60), 0, 60), { code: 'BATCH_FULL' });
    batch.clear();
    assert.equal(batch.arena.available, 8, batch.arena.holders().join('\n'));
  });

  test('a reused index keeps nothing of its previous packet', () => {
    const batch = new PacketBatch(small());
    batch.push(batch.arena.take(), 1, 2, 3, 4, 5);
    batch.tos[0] = 6;
    batch.ttl[0] = 7;
    batch.endpoint[0] = 8;
    batch.clear();
    const slot = batch.arena.take();
    batch.push(slot, 8, 9);
    assert.deepEqual(row(batch, 0), [slot, 8, 9, -1, -1, -1, 0, 0, 0]);
  });

  test('moves every column of a packet, and nothing if the index is the same', () => {
    const batch = new PacketBatch(small());
    for (let i = 0; i < 3; i++) {
      batch.push(batch.arena.take(), 10 + i, 20 + i, 30 + i, 40 + i, 50 + i);
      batch.tos[i] = 60 + i;
      batch.ttl[i] = 70 + i;
      batch.endpoint[i] = 80 + i;
      batch.sender[i] = 90 + i;
    }
    const rows = [0, 1, 2].map((at) => row(batch, at));
    batch.move(2, 0);
    assert.deepEqual(
      [0, 1, 2].map((at) => row(batch, at)),
      [rows[2], rows[1], rows[2]],
    );
    assert.deepEqual([...batch.sender.subarray(0, 3)], [92, 91, 92]);
    batch.move(1, 1);
    assert.deepEqual(row(batch, 1), rows[1]);
  });

  test('moves a run of packets like one after the other, and nothing if the index is the same', () => {
    const batch = new PacketBatch(small());
    for (let i = 0; i < 4; i++) batch.push(batch.arena.take(), 10 + i, 20 + i, 30 + i, 40 + i, 50 + i, 60 + i, 70 + i);
    const rows = [0, 1, 2, 3].map((at) => row(batch, at));
    assert.equal(batch.moveRun(1, 3, 1), 3);
    assert.equal(batch.moveRun(2, 2, 0), 0);
    assert.deepEqual(row(batch, 0), rows[0]);
    assert.equal(batch.moveRun(1, 4, 0), 3);
    assert.deepEqual(
      [0, 1, 2].map((at) => row(batch, at)),
      rows.slice(1),
    );
  });

  test('frees every slot when it is cleared', () => {
    const batch = new PacketBatch(small());
    for (let i = 0; i < 4; i++) batch.copyIn(new Uint8Array(60), 0, 60);
    assert.equal(batch.arena.available, 0);
    batch.clear();
    assert.deepEqual([batch.count, batch.arena.available], [0, 4]);
    assert.deepEqual(batch.arena.holders(), []);
    batch.clear();
    assert.equal(batch.arena.available, 4);
  });

  test('compacting after removing packets keeps the others in order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (keep) => {
        const batch = new PacketBatch(small(30), 30);
        keep.forEach((_, i) => batch.copyIn(Uint8Array.of(i), 0, 1, i));
        let kept = 0;
        for (let i = 0; i < batch.count; i++) {
          if (keep[i]) batch.move(i, kept++);
          else batch.arena.free(batch.slot[i]);
        }
        batch.count = kept;
        const wanted = keep.flatMap((stays, i) => (stays ? [i] : []));
        assert.deepEqual([...batch.network.subarray(0, kept)], wanted);
        assert.deepEqual(
          wanted.map((_, i) => batch.arena.bytes[batch.start[i]]),
          wanted,
        );
        batch.clear();
        assert.equal(batch.arena.available, 30);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
