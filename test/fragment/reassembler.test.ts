import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Reassembler, type ReassemblerOptions, ReassemblyDrop, ReassemblyOutcome } from '../../src/fragment/index.js';
import { ipv4ChecksumHolds } from '../../src/wire/index.js';
import { type Identity, part, push, whole } from './build.js';

const { Held, Complete, Dropped } = ReassemblyOutcome;

function bytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * seed + seed) & 0xff);
}

function result(reassembler: Reassembler): Uint8Array {
  return reassembler.bytes.slice(reassembler.start, reassembler.end);
}

function sumHolds(reassembler: Reassembler): void {
  const dropped = reassembler.droppedFragments.reduce((sum, count) => sum + count, 0);
  assert.equal(reassembler.fragments, reassembler.reassembledFragments + reassembler.heldFragments + dropped);
}

/** Fragments of a payload, cut at multiples of 8. */
function cut(identity: Identity, payload: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...at.map((place) => (place % Math.ceil(payload.length / 8)) * 8), payload.length])];
  places.sort((a, b) => a - b);
  return places.slice(0, -1).map((from, i) => part(identity, payload, from, places[i + 1]));
}

for (const family of [4, 6] as const) {
  const minute = family === 4 ? 30 : 60;

  describe(`reassembly of IPv${family}`, () => {
    test('any parts in any order, some of them twice, give the packet (RFC 791 section 3.2, RFC 8200 section 4.5)', () => {
      const sample = fc.record({
        length: fc.integer({ min: 16, max: 5000 }),
        at: fc.array(fc.nat(5000), { minLength: 1, maxLength: 12 }),
        options: fc.nat(family === 4 ? 10 : 3),
        order: fc.array(fc.nat(1000), { minLength: 30, maxLength: 30 }),
        twice: fc.nat(100),
      });
      fc.assert(
        fc.property(sample, ({ length, at, options, order, twice }) => {
          const identity: Identity = { family, id: 77, options, dontFragment: options % 2 === 1 };
          const payload = bytes(length);
          const parts = cut(identity, payload, at);
          if (parts.length === 1) return;
          const shuffled = parts.map((packet, i) => ({ packet, key: order[i % 30] })).sort((a, b) => a.key - b.key);
          const reassembler = new Reassembler();
          shuffled.forEach(({ packet }, i) => {
            const last = i === parts.length - 1;
            assert.equal(push(reassembler, packet), last ? Complete : Held);
            if (last || twice % parts.length !== i) return;
            assert.equal(push(reassembler, packet), Dropped);
            assert.equal(reassembler.drop, ReassemblyDrop.Duplicate);
          });
          assert.deepEqual(result(reassembler), whole(identity, payload));
          if (family === 4) assert.ok(ipv4ChecksumHolds(reassembler.bytes, reassembler.start));
          assert.equal(reassembler.parts, parts.length);
          assert.equal(reassembler.heldDatagrams, 0);
          assert.equal(reassembler.heldBytes, 0);
          sumHolds(reassembler);
        }),
        { seed: 20261121, numRuns: 600 },
      );
    });

    test('parts of 8 bytes up to the longest packet', () => {
      const payload = bytes(family === 4 ? 65_515 : 65_535);
      const reassembler = new Reassembler({ maxParts: 8192 });
      let outcome: ReassemblyOutcome = Held;
      for (let at = 0; at < payload.length; at += 8) {
        assert.equal(outcome, Held);
        outcome = push(reassembler, part({ family }, payload, at, Math.min(at + 8, payload.length)));
      }
      assert.equal(outcome, Complete);
      assert.deepEqual(result(reassembler), whole({ family }, payload));
    });

    test('more than 65,535 bytes are refused whole', () => {
      const payload = bytes(65_600);
      const reassembler = new Reassembler();
      assert.equal(push(reassembler, part({ family }, payload, 0, 1480)), Held);
      assert.equal(push(reassembler, part({ family }, payload, 65_528, 65_600, false)), Dropped);
      assert.equal(reassembler.drop, ReassemblyDrop.TooLong);
      assert.equal(reassembler.droppedFragments[ReassemblyDrop.TooLong], 2);
      assert.equal(reassembler.heldBytes, 0);
      sumHolds(reassembler);
    });

    const payload = bytes(4000);
    const first = part({ family }, payload, 0, 1600);
    const OVERLAPS: [string, Uint8Array][] = [
      ['by 8 bytes at its end', part({ family }, payload, 1592, 2400)],
      ['within it', part({ family }, payload, 8, 16)],
      ['all of it', part({ family }, payload, 0, 1608)],
      ['with the same bounds and other bytes', part({ family }, bytes(4000, 2), 0, 1600)],
    ];
    for (const [what, second] of OVERLAPS) {
      test(`a part that overlaps another ${what}: all is refused, the parts to come too (RFC 5722)`, () => {
        const reassembler = new Reassembler();
        push(reassembler, first);
        assert.equal(push(reassembler, second), Dropped);
        assert.equal(reassembler.drop, ReassemblyDrop.Overlap);
        assert.equal(push(reassembler, part({ family }, payload, 1600, 4000)), Dropped);
        assert.equal(push(reassembler, first), Dropped);
        assert.equal(reassembler.droppedFragments[ReassemblyDrop.Overlap], 4);
        assert.equal(reassembler.heldFragments, 0);
        // Behind the timeout the identification is free again.
        assert.equal(push(reassembler, first, minute + 1), Held);
        assert.equal(push(reassembler, part({ family }, payload, 1600, 4000), minute + 1), Complete);
        sumHolds(reassembler);
      });
    }

    test('lasts that disagree, and parts beyond the last, are refused whole', () => {
      for (const [one, two] of [
        [part({ family }, payload, 1600, 2000, false), part({ family }, payload, 1600, 2400, false)],
        [part({ family }, payload, 1600, 2000, false), part({ family }, payload, 2000, 2400, true)],
        [part({ family }, payload, 2000, 2400, true), part({ family }, payload, 1600, 2000, false)],
      ]) {
        const reassembler = new Reassembler();
        push(reassembler, one);
        assert.equal(push(reassembler, two), Dropped);
        assert.equal(reassembler.drop, ReassemblyDrop.Inconsistent);
        sumHolds(reassembler);
      }
    });

    test('a part that is not the last needs a multiple of 8 bytes; the others may still come', () => {
      const reassembler = new Reassembler();
      assert.equal(push(reassembler, part({ family }, payload, 0, 1601)), Dropped);
      assert.equal(reassembler.drop, ReassemblyDrop.BadLength);
      assert.equal(push(reassembler, first), Held);
      assert.equal(push(reassembler, part({ family }, payload, 1600, 4000)), Complete);
    });

    test('an empty part is refused', () => {
      const reassembler = new Reassembler();
      assert.equal(push(reassembler, part({ family }, payload, 8, 8, true)), Dropped);
      assert.equal(reassembler.drop, ReassemblyDrop.BadLength);
    });

    test('a part cut by the snaplen is refused', () => {
      const reassembler = new Reassembler();
      assert.equal(push(reassembler, first, 0, first.length - 1), Dropped);
      assert.equal(reassembler.drop, ReassemblyDrop.Truncated);
    });

    test(`the rest must come within ${minute} seconds of packet time`, () => {
      const rest = part({ family }, payload, 1600, 4000);
      const reassembler = new Reassembler();
      push(reassembler, first, 100);
      assert.equal(push(reassembler, rest, 100 + minute), Complete);
      push(reassembler, first, 200);
      assert.equal(push(reassembler, rest, 200 + minute + 1), Held);
      assert.equal(reassembler.droppedFragments[ReassemblyDrop.Timeout], 1);
      reassembler.expire(200 + 2 * minute + 2);
      assert.equal(reassembler.heldFragments, 0);
      assert.equal(reassembler.droppedFragments[ReassemblyDrop.Timeout], 2);
      sumHolds(reassembler);
    });

    test('a clock that goes back loses nothing', () => {
      const reassembler = new Reassembler();
      push(reassembler, first, 1000);
      assert.equal(push(reassembler, part({ family }, payload, 1600, 4000), 1), Complete);
    });

    test('identification and addresses tell datagrams apart', () => {
      const reassembler = new Reassembler();
      const source = family === 4 ? '192.168.50.9' : 'fd50::9';
      const rest = (identity: Identity): Uint8Array => part({ family, ...identity }, payload, 1600, 4000);
      push(reassembler, first);
      for (const identity of [{ id: 2 }, { source }]) assert.equal(push(reassembler, rest(identity)), Held);
      assert.equal(push(reassembler, rest({ protocol: 50 })), family === 4 ? Held : Complete);
    });
  });
}

test('IPv4 and IPv6 with the same identification do not meet', () => {
  const reassembler = new Reassembler();
  push(reassembler, part({ family: 4 }, bytes(3000), 0, 1600));
  assert.equal(push(reassembler, part({ family: 6 }, bytes(3000), 1600, 3000)), Held);
});

test('an IPv6 first part must hold all of its headers (RFC 7112 section 5)', () => {
  const payload = bytes(3000);
  // Destination options of 24 bytes, of which the first part holds 8.
  payload.set([17, 2, 1, 20], 0);
  const reassembler = new Reassembler();
  assert.equal(push(reassembler, part({ family: 6, protocol: 60 }, payload, 0, 8)), Dropped);
  assert.equal(reassembler.drop, ReassemblyDrop.HeaderChain);
  assert.equal(push(reassembler, part({ family: 6, protocol: 60, id: 2 }, payload, 0, 24)), Dropped);
  assert.equal(push(reassembler, part({ family: 6, protocol: 60, id: 3 }, payload, 0, 32)), Held);
});

describe('bounds of reassembly', () => {
  const payload = bytes(60_000);

  test('too many parts are refused whole', () => {
    const reassembler = new Reassembler({ maxParts: 10 });
    for (let i = 0; i < 10; i++) assert.equal(push(reassembler, part({}, payload, i * 8, i * 8 + 8)), Held);
    assert.equal(push(reassembler, part({}, payload, 80, 88)), Dropped);
    assert.equal(reassembler.drop, ReassemblyDrop.TooManyParts);
    sumHolds(reassembler);
  });

  test('the oldest datagram goes when there are too many', () => {
    const reassembler = new Reassembler({ maxDatagrams: 3 });
    for (let id = 0; id < 4; id++) push(reassembler, part({ id }, payload, 0, 800));
    assert.equal(reassembler.heldDatagrams, 3);
    assert.equal(reassembler.droppedFragments[ReassemblyDrop.Evicted], 1);
    assert.equal(push(reassembler, part({ id: 3 }, payload.subarray(0, 1600), 800, 1600)), Complete);
    assert.equal(push(reassembler, part({ id: 0 }, payload.subarray(0, 1600), 800, 1600)), Held);
    sumHolds(reassembler);
  });

  test('the oldest goes when memory is used up, and far parts cost no more than near ones', () => {
    const maxBytes = 200_000;
    const reassembler = new Reassembler({ maxBytes });
    for (let id = 0; id < 5000; id++) {
      push(reassembler, part({ id }, payload, (id * 8) % 59_000, ((id * 8) % 59_000) + 8));
      assert.ok(reassembler.heldBytes <= maxBytes);
    }
    assert.ok(reassembler.heldDatagrams >= 40);
    assert.ok(reassembler.droppedFragments[ReassemblyDrop.Evicted] > 4000);
    sumHolds(reassembler);
  });

  test('any stream of parts keeps the bounds and the sum (1,500 streams)', () => {
    const one = fc.record({
      family: fc.constantFrom(4 as const, 6 as const),
      id: fc.nat(6),
      offset: fc.nat(40),
      length: fc.integer({ min: 1, max: 3000 }),
      more: fc.boolean(),
      seconds: fc.nat(200),
      seed: fc.nat(1),
      missing: fc.nat(10),
    });
    const bounds: ReassemblerOptions = { maxBytes: 150_000, maxDatagrams: 4, maxParts: 6 };
    fc.assert(
      fc.property(fc.array(one, { maxLength: 60 }), (stream) => {
        const reassembler = new Reassembler(bounds);
        for (const { family, id, offset, length, more, seconds, seed, missing } of stream) {
          const data = bytes(offset * 8 + length, seed);
          if (offset === 0 && !more) continue;
          const packet = part({ family, id }, data, offset * 8, offset * 8 + length, more);
          push(reassembler, packet, seconds, missing === 0 ? packet.length - 1 : packet.length);
          assert.ok(reassembler.heldBytes <= 150_000 && reassembler.heldDatagrams <= 4);
          sumHolds(reassembler);
        }
      }),
      { seed: 20261121, numRuns: 1500 },
    );
  });
});
