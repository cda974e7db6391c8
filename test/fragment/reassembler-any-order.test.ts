import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Reassembler } from '../../src/fragment/index.js';
import {
  dropped,
  give,
  ipv4Packet,
  ipv6Packet,
  noise,
  type Packet,
  partOf,
  result,
  split,
  unaccounted,
} from './split.js';

const SEED = 20261121;

/** Lengths from a few bytes to the longest, short ones as often as long ones. */
function lengths(max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 16, max: 200 }), fc.integer({ min: 16, max: 5000 }), fc.integer({ min: 16, max }));
}

const DELIVERY = {
  units: fc.array(fc.nat(8191), { minLength: 1, maxLength: 40 }),
  order: fc.infiniteStream(fc.nat()),
  /** Number of further copies of each fragment but the last. */
  copies: fc.infiniteStream(fc.constantFrom(0, 0, 0, 1, 2)),
};

/**
 * Delivers fragments in the given order with copies among them: copies are dropped as duplicates, the packet is
 * complete.
 */
function deliver(
  packet: Packet,
  parts: readonly Uint8Array[],
  order: IterableIterator<number>,
  copies: IterableIterator<number>,
): void {
  if (parts.length === 1) return;
  const reassembler = new Reassembler();
  const keyed = parts.map((part) => ({ part, key: Number(order.next().value) }));
  keyed.sort((a, b) => a.key - b.key);
  let skipped = 0;
  keyed.forEach(({ part }, i) => {
    const last = i === parts.length - 1;
    assert.equal(give(reassembler, part), last ? 'Complete' : 'Held');
    if (last) return;
    assert.equal(reassembler.heldFragments, i + 1);
    for (let more = Number(copies.next().value); more > 0; more--, skipped++) {
      // Any fragment already received, not only the latest.
      const again = keyed[Number(order.next().value) % (i + 1)].part;
      assert.equal(give(reassembler, again), 'Duplicate');
      assert.equal(reassembler.heldFragments, i + 1);
    }
  });
  assert.deepEqual(result(reassembler), packet.bytes);
  assert.equal(reassembler.parts, parts.length);
  assert.equal(dropped(reassembler, 'Duplicate'), skipped);
  assert.deepEqual([reassembler.heldDatagrams, reassembler.heldBytes, reassembler.datagrams], [0, 0, 1]);
  assert.equal(unaccounted(reassembler), 0);
}

describe('fragments in any order, some of them repeated', () => {
  test('RFC 791 section 3.2: IPv4 with and without options, DF set or not, up to 65,535 bytes', () => {
    const sample = fc.record({
      ...DELIVERY,
      length: lengths(65_475),
      options: fc.constantFrom(0, 0, 1, 5, 10),
      dontFragment: fc.boolean(),
      bare: fc.boolean(),
      id: fc.nat(65_535),
    });
    fc.assert(
      fc.property(sample, ({ length, units, order, copies, bare, ...fields }) => {
        const packet = ipv4Packet(noise(length, length), fields);
        deliver(packet, split(packet, units, { bare }), order, copies);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('RFC 8200 section 4.5: IPv6 with hop-by-hop, routing and destination options before the fragment header', () => {
    const extensions = fc.subarray([
      [0, 1],
      [60, 3],
      [43, 2],
    ] as const);
    const sample = fc.record({ ...DELIVERY, length: lengths(65_480), extensions, id: fc.nat(0xffffffff) });
    fc.assert(
      fc.property(sample, ({ length, units, order, copies, extensions: chosen, id }) => {
        const packet = ipv6Packet(noise(length, length), { extensions: chosen });
        deliver(packet, split(packet, units, { id }), order, copies);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('interleaved datagrams don’t mix: by id, protocol (IPv4 only), address and family', () => {
    const packets = (units: readonly number[]): { packet: Packet; parts: Uint8Array[] }[] => {
      const of = (packet: Packet, id?: number): { packet: Packet; parts: Uint8Array[] } => ({
        packet,
        parts: split(packet, units, id === undefined ? {} : { id }),
      });
      return [
        of(ipv4Packet(noise(3000, 1), { id: 1 })),
        of(ipv4Packet(noise(3000, 2), { id: 2 })),
        of(ipv4Packet(noise(3000, 3), { id: 1, protocol: 50 })),
        of(ipv4Packet(noise(3000, 4), { id: 1, host: 2 })),
        of(ipv6Packet(noise(3000, 5)), 1),
        of(ipv6Packet(noise(3000, 6)), 0x10001),
        of(ipv6Packet(noise(3000, 7), { host: 2 }), 1),
      ];
    };
    const sample = fc.record({
      units: fc.array(fc.integer({ min: 1, max: 374 }), { minLength: 1, maxLength: 6 }),
      order: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(sample, ({ units, order }) => {
        const reassembler = new Reassembler();
        const all = packets(units);
        const left = all.map(({ parts }) => parts.length);
        const queue = all.flatMap(({ parts }, from) =>
          parts.map((part) => ({ part, from, key: order.next().value ?? 0 })),
        );
        queue.sort((a, b) => a.key - b.key);
        for (const { part, from } of queue) {
          left[from]--;
          assert.equal(give(reassembler, part), left[from] === 0 ? 'Complete' : 'Held');
          if (left[from] === 0) assert.deepEqual(result(reassembler), all[from].packet.bytes);
        }
        assert.equal(reassembler.datagrams, all.length);
        assert.equal(reassembler.heldBytes, 0);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  for (const [name, packet] of [
    ['IPv4', ipv4Packet(noise(65_515, 8))],
    ['IPv6', ipv6Packet(noise(65_535, 8))],
  ] as const) {
    test(`tiny fragments of 8 bytes, in reverse order, up to the longest packet of ${name}`, () => {
      const reassembler = new Reassembler({ maxParts: 8192 });
      const parts = split(
        packet,
        Array.from({ length: 8192 }, (_, i) => i),
      ).reverse();
      parts.forEach((part, i) => {
        assert.equal(give(reassembler, part), i === parts.length - 1 ? 'Complete' : 'Held');
      });
      assert.equal(reassembler.parts, parts.length);
      assert.deepEqual(result(reassembler), packet.bytes);
    });
  }

  test('a last fragment of one byte', () => {
    const packet = ipv4Packet(noise(1601, 3));
    const reassembler = new Reassembler();
    assert.deepEqual(
      split(packet, [200]).map((part) => give(reassembler, part)),
      ['Held', 'Complete'],
    );
    assert.deepEqual(result(reassembler), packet.bytes);
  });

  test('a copy that arrives after completion begins a new datagram, and is counted at its timeout', () => {
    const packet = ipv4Packet(noise(3000, 3));
    const parts = split(packet, [100, 200]);
    const reassembler = new Reassembler();
    for (const part of parts) give(reassembler, part);
    assert.equal(give(reassembler, parts[1]), 'Held');
    reassembler.expire(31);
    assert.deepEqual([dropped(reassembler, 'Timeout'), reassembler.heldFragments], [1, 0]);
    assert.equal(unaccounted(reassembler), 0);
  });

  test('one reassembler handles ten thousand datagrams in sequence and keeps nothing of them', () => {
    const reassembler = new Reassembler({ maxDatagrams: 2 });
    for (let id = 0; id < 10_000; id++) {
      const packet = ipv4Packet(noise(100, id), { id: id & 0xffff });
      for (const part of split(packet, [3, 9])) give(reassembler, part);
      if (id % 1000 === 0) assert.deepEqual(result(reassembler), packet.bytes);
    }
    assert.deepEqual([reassembler.datagrams, reassembler.heldDatagrams, reassembler.heldBytes], [10_000, 0, 0]);
  });
});

describe('headers of a reassembled packet', () => {
  test('RFC 791 section 3.2: IPv4 keeps DF, clears MF and the offset, and has a new length and checksum', () => {
    for (const dontFragment of [true, false]) {
      const packet = ipv4Packet(noise(2000, 1), { dontFragment, options: 2 });
      const reassembler = new Reassembler();
      for (const part of split(packet, [50, 100]).reverse()) give(reassembler, part);
      const header = result(reassembler).subarray(0, 28);
      assert.deepEqual([header[6], header[7]], [dontFragment ? 0x40 : 0, 0]);
      assert.equal((header[2] << 8) | header[3], 2028);
      assert.deepEqual(header, packet.bytes.subarray(0, 28));
    }
  });

  test('RFC 791 section 3.2: IPv4 headers are those of the first fragment, not of the first to arrive', () => {
    const packet = ipv4Packet(noise(2000, 1), { tos: 0x10, options: 3 });
    const reassembler = new Reassembler();
    give(reassembler, partOf(packet, 800, 2000, { bare: true, other: 0x20 }));
    assert.equal(give(reassembler, partOf(packet, 0, 800)), 'Complete');
    assert.deepEqual(result(reassembler), packet.bytes);
  });

  test('RFC 8200 section 4.5: the IPv6 header that announced the fragment header announces what followed it', () => {
    for (const extensions of [
      [],
      [[0, 1]],
      [
        [0, 1],
        [60, 2],
      ],
      [[43, 3]],
    ] as [number, number][][]) {
      const packet = ipv6Packet(noise(2000, 1), { extensions, protocol: 50 });
      const reassembler = new Reassembler();
      for (const part of split(packet, [50, 100])) give(reassembler, part);
      const bytes = result(reassembler);
      assert.equal(bytes[6], extensions.length === 0 ? 50 : extensions[0][0]);
      assert.equal(bytes[packet.announcedAt], 50);
      assert.equal((bytes[4] << 8) | bytes[5], bytes.length - 40);
      assert.deepEqual(bytes, packet.bytes);
    }
  });

  test('RFC 8200 section 4.5: only the first IPv6 fragment’s next header and hop limit count', () => {
    const packet = ipv6Packet(noise(2000, 1), { protocol: 17, hopLimit: 9 });
    const reassembler = new Reassembler();
    give(reassembler, partOf(packet, 800, 2000, { protocol: 58, other: 200 }));
    assert.equal(give(reassembler, partOf(packet, 0, 800)), 'Complete');
    assert.deepEqual(result(reassembler), packet.bytes);
  });
});
