import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { Underlay, type UnderlayOptions } from '../../src/replay/underlay.js';

const SEED = 20261121;
const NODES = 3;

/** A packet that is unique to a number. */
function packet(number: number): Buffer {
  const bytes = Buffer.alloc(20 + (number % 90), 0x5a);
  bytes.writeUInt32BE(number);
  bytes.writeUInt32BE(number, 14);
  return bytes;
}

interface Outcome {
  /** Packets received by each node, in order. */
  readonly arrived: Buffer[][];
  readonly underlay: Underlay;
  readonly receiving: Arena;
  readonly batches: number[];
}

interface Run extends UnderlayOptions {
  readonly packets: number;
  readonly batchSize?: number;
  readonly slots?: number;
  readonly drain?: boolean;
}

/** Packets numbered from 0, in batches of 10, to the nodes in turn. */
function carry({ packets, batchSize = 8, slots = 256, drain = true, ...options }: Run): Outcome {
  const sending = new Arena({ slots: 16, frameBytes: 256, debug: true });
  const receiving = new Arena({ slots, frameBytes: 256, debug: true });
  const arrived: Buffer[][] = Array.from({ length: NODES }, () => []);
  const batches: number[] = [];
  const receivers = arrived.map((list) => (batch: PacketBatch) => {
    batches.push(batch.count);
    for (let i = 0; i < batch.count; i++) {
      list.push(Buffer.from(batch.arena.bytes.slice(batch.start[i], batch.end[i])));
    }
    batch.clear();
  });
  const underlay = new Underlay(receiving, receivers, batchSize, options);
  const batch = new PacketBatch(sending, 10);
  for (let number = 0; number < packets; number++) {
    const bytes = packet(number);
    batch.copyIn(bytes, 0, bytes.length, -1, number % NODES);
    if (!batch.full && number < packets - 1) continue;
    underlay.transmit(batch);
    assert.equal(batch.count > 0, true, "the sender's packets are its own");
    batch.clear();
  }
  if (drain) underlay.drain();
  assert.equal(sending.available, sending.slots);
  return { arrived, underlay, receiving, batches };
}

function counts({ packets, duplicates, delivered, lost, noMemory, reordered, corrupted }: Underlay): number[] {
  return [packets, duplicates, delivered, lost, noMemory, reordered, corrupted];
}

/** Number of bits that differ. */
function difference(a: Uint8Array, b: Uint8Array): number[] {
  const bits: number[] = [];
  a.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if (((byte ^ b[i]) >> bit) & 1) bits.push(8 * i + bit);
  });
  return bits;
}

const PROBABILITY = fc.constantFrom(0, 0.01, 0.3, 0.7, 1);

describe('Underlay', () => {
  test('without impairments delivers each packet to its node, in order and unchanged', () => {
    const { arrived, underlay } = carry({ packets: 100 });
    arrived.forEach((list, node) => {
      const wanted = Array.from({ length: 100 }, (_, i) => i).filter((number) => number % NODES === node);
      assert.deepEqual(list, wanted.map(packet));
    });
    assert.deepEqual(counts(underlay), [100, 0, 100, 0, 0, 0, 0]);
  });

  test('delivers batches of the given size, and the rest when drained', () => {
    const held = carry({ packets: 3 * 8 * 2 + 3, drain: false });
    assert.deepEqual(held.batches, [8, 8, 8, 8, 8, 8]);
    assert.equal(held.receiving.available, held.receiving.slots - 3);
    held.underlay.drain();
    assert.deepEqual(held.batches, [8, 8, 8, 8, 8, 8, 1, 1, 1]);
    held.underlay.drain();
    assert.equal(held.batches.length, 9, 'nothing is left');
  });

  test('for any probabilities, packets + duplicates = delivered + lost + noMemory after drain, and no slot leaks', () => {
    fc.assert(
      fc.property(
        fc.record({ loss: PROBABILITY, reorder: PROBABILITY, duplicate: PROBABILITY, corrupt: PROBABILITY }),
        fc.record({ seed: fc.integer(), packets: fc.nat(200), batchSize: fc.integer({ min: 1, max: 20 }) }),
        fc.constantFrom(1, 5, 30, 256),
        (options, run, slots) => {
          const { underlay, receiving, arrived } = carry({ ...options, ...run, slots });
          const { packets, duplicates, delivered, lost, noMemory, reordered, corrupted } = underlay;
          assert.equal(packets, run.packets);
          assert.equal(packets + duplicates, delivered + lost + noMemory);
          assert.equal(
            arrived.reduce((sum, list) => sum + list.length, 0),
            delivered,
          );
          assert.ok(reordered <= delivered && corrupted <= delivered);
          if (options.loss === 0) assert.equal(lost, 0);
          if (options.loss === 1) assert.equal(delivered + noMemory, 0);
          if (options.duplicate === 1) assert.equal(duplicates, packets);
          if (options.corrupt === 1) assert.equal(corrupted, delivered);
          if (slots === 256) assert.equal(noMemory, 0);
          assert.equal(receiving.available, receiving.slots);
          assert.deepEqual(receiving.holders(), []);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('packets without a free slot, or larger than one, are counted, and no slot leaks', () => {
    const full = carry({ packets: 100, slots: 4, batchSize: 8 });
    assert.ok(full.underlay.noMemory > 0);
    const small = new Arena({ slots: 4, frameBytes: 64 });
    const underlay = new Underlay(small, [(batch) => batch.clear()], 4);
    const batch = new PacketBatch(new Arena({ slots: 4, frameBytes: 256 }));
    batch.copyIn(new Uint8Array(65), 0, 65, -1, 0);
    batch.copyIn(new Uint8Array(64), 0, 64, -1, 0);
    underlay.transmit(batch);
    underlay.drain();
    assert.deepEqual([underlay.noMemory, underlay.delivered, small.available], [1, 1, 4]);
  });

  test('gives the same result for the same seed, and a different one for another', () => {
    const options = { loss: 0.2, reorder: 0.3, duplicate: 0.2, corrupt: 0.2, packets: 300 };
    const first = carry({ ...options, seed: 42 });
    const second = carry({ ...options, seed: 42 });
    assert.deepEqual(second.arrived, first.arrived);
    assert.deepEqual(counts(second.underlay), counts(first.underlay));
    assert.notDeepEqual(carry({ ...options, seed: 43 }).arrived, first.arrived);
    assert.notDeepEqual(carry({ ...options, seed: 0 }).arrived, first.arrived);
  });

  test('loses, duplicates, delays and corrupts packets at about the given rates', () => {
    const options = { loss: 0.1, reorder: 0.05, duplicate: 0.2, corrupt: 0.3, packets: 20_000, seed: 1 };
    const { underlay } = carry(options);
    const near = (count: number, of: number, probability: number): void =>
      assert.ok(Math.abs(count / of - probability) < 0.02, `${count} of ${of}, not ${probability}`);
    near(underlay.duplicates, underlay.packets, 0.2);
    near(underlay.lost, underlay.packets + underlay.duplicates, 0.1);
    near(underlay.reordered, underlay.delivered, 0.05);
    near(underlay.corrupted, underlay.delivered, 0.3);
  });

  test('corruption changes exactly one bit, anywhere in the packet', () => {
    const { arrived, underlay } = carry({ packets: 3000, corrupt: 1, seed: 5 });
    assert.equal(underlay.corrupted, 3000);
    let largest = -1e9;
    let smallest = 1e9;
    arrived.forEach((list, node) =>
      list.forEach((bytes, i) => {
        const sent = packet(node + NODES * i);
        assert.equal(bytes.length, sent.length);
        const bits = difference(bytes, sent);
        assert.equal(bits.length, 1);
        smallest = Math.min(smallest, bits[0]);
        largest = Math.max(largest, bits[0] - 8 * bytes.length);
      }),
    );
    assert.deepEqual([smallest, largest], [0, -1]);
  });

  test('corrupts the copies of a duplicated packet independently', () => {
    const { arrived } = carry({ packets: 300, duplicate: 1, corrupt: 0.5, seed: 5 });
    const [list] = arrived;
    const changedOnce = Array.from({ length: 100 }, (_, i) => [list[2 * i], list[2 * i + 1]]).filter(
      ([a, b]) => difference(a, b).length === 1,
    );
    assert.ok(changedOnce.length > 20);
  });

  test('with reordering only, delivers every packet once, unchanged, in another order', () => {
    for (const reorder of [0.05, 0.5, 1]) {
      const { arrived, underlay } = carry({ packets: 600, reorder, seed: 9 });
      assert.ok(underlay.reordered > 0);
      arrived.forEach((list, node) => {
        const wanted = Array.from({ length: 200 }, (_, i) => packet(node + NODES * i));
        const byNumber = [...list].sort((a, b) => a.readUInt32BE() - b.readUInt32BE());
        assert.deepEqual(byNumber, wanted);
        if (reorder < 1) assert.notDeepEqual(list, wanted);
      });
    }
  });

  test('delays a packet by at most 16 others', () => {
    const { arrived } = carry({ packets: 3000, reorder: 0.2, seed: 9, batchSize: 1 });
    // Each node gets every third packet: 16 on the wire are 6 for one node.
    for (const list of arrived) {
      const numbers = list.map((bytes) => bytes.readUInt32BE());
      numbers.forEach((number, i) => {
        const overtaken = numbers.slice(0, i).filter((earlier) => earlier > number).length;
        assert.ok(overtaken <= 6, `${overtaken} came before ${number}`);
      });
    }
  });
});
