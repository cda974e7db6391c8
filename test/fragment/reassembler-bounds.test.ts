import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Reassembler, type ReassemblerOptions } from '../../src/fragment/index.js';
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
const payload = noise(60_000, 1);
const packet4 = (id: number, length = 3000): Packet => ipv4Packet(payload.subarray(0, length), { id });
const packet6 = (length = 3000): Packet => ipv6Packet(payload.subarray(0, length));

describe('reassembly uses packet time', () => {
  test('RFC 8200 section 4.5: 30 seconds for IPv4 and 60 for IPv6, from the fragment that arrived first', () => {
    for (const [packet, seconds] of [
      [packet4(1), 30],
      [packet6(), 60],
    ] as const) {
      const parts = split(packet, [100, 200]);
      const reassembler = new Reassembler();
      give(reassembler, parts[0], 1000);
      give(reassembler, parts[1], 1000 + seconds - 1);
      assert.equal(give(reassembler, parts[2], 1000 + seconds), 'Complete');
      give(reassembler, parts[0], 2000);
      // A later fragment doesn't restart the timeout.
      give(reassembler, parts[1], 2000 + seconds);
      assert.equal(give(reassembler, parts[2], 2000 + seconds + 1), 'Held');
      assert.equal(dropped(reassembler, 'Timeout'), 2);
    }
  });

  test('other timeouts can be configured', () => {
    const reassembler = new Reassembler({ ipv4Timeout: 2, ipv6Timeout: 0 });
    const four = split(packet4(1), [100]);
    const six = split(packet6(), [100]);
    give(reassembler, four[0], 0);
    assert.equal(give(reassembler, four[1], 2), 'Complete');
    give(reassembler, four[0], 10);
    assert.equal(give(reassembler, four[1], 13), 'Held');
    give(reassembler, six[0], 20);
    assert.equal(give(reassembler, six[1], 20), 'Complete');
    give(reassembler, six[0], 30);
    assert.equal(give(reassembler, six[1], 31), 'Held');
  });

  test('any fragment expires all datagrams that are due', () => {
    const reassembler = new Reassembler();
    for (let id = 1; id <= 10; id++) give(reassembler, split(packet4(id), [100])[0], 100 + id);
    give(reassembler, split(packet4(99), [100])[0], 135);
    assert.equal(dropped(reassembler, 'Timeout'), 4);
    assert.equal(reassembler.heldDatagrams, 7);
  });

  test('IPv4 datagrams expire after 30 seconds, though older IPv6 ones may stay for 60', () => {
    const reassembler = new Reassembler();
    give(reassembler, split(packet6(), [100])[0], 0);
    give(reassembler, split(packet4(1), [100])[0], 1);
    reassembler.expire(40);
    assert.equal(dropped(reassembler, 'Timeout'), 1);
    assert.equal(reassembler.heldFragments, 1);
  });

  test('IPv4 fragments after IPv6 ones are not reassembled with fragments that arrive too late', () => {
    const reassembler = new Reassembler();
    const parts = split(packet4(1), [100]);
    give(reassembler, split(packet6(), [100])[0], 0);
    give(reassembler, parts[0], 1);
    assert.equal(give(reassembler, parts[1], 32), 'Held');
    assert.equal(dropped(reassembler, 'Timeout'), 1);
  });

  test('a clock that goes backwards, or stops, loses nothing', () => {
    const reassembler = new Reassembler();
    const times = [1000, 3, 2000, 0];
    for (const [id, seconds] of times.entries()) {
      const packet = packet4(id);
      const [first, rest] = split(packet, [100]);
      give(reassembler, first, seconds);
      assert.equal(give(reassembler, rest, seconds - 500), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    }
    assert.equal(unaccounted(reassembler), 0);
  });

  test('an empty reassembler expires nothing', () => {
    const reassembler = new Reassembler();
    reassembler.expire(1e12);
    assert.equal(reassembler.fragments, 0);
  });
});

describe('reassembly is bounded', () => {
  test('by number: the oldest datagrams are evicted in order, and the remaining ones can still be completed', () => {
    const reassembler = new Reassembler({ maxDatagrams: 8 });
    for (let id = 0; id < 20; id++) give(reassembler, split(packet4(id), [100])[0]);
    assert.equal(reassembler.heldDatagrams, 8);
    assert.equal(dropped(reassembler, 'Evicted'), 12);
    for (let id = 12; id < 20; id++) {
      assert.equal(give(reassembler, split(packet4(id), [100])[1]), 'Complete');
      assert.deepEqual(result(reassembler), packet4(id).bytes);
    }
    assert.equal(give(reassembler, split(packet4(11), [100])[1]), 'Held');
    assert.equal(unaccounted(reassembler), 0);
  });

  test('by number: a complete datagram frees its entry for a new one, without an eviction (LRU reuse)', () => {
    const reassembler = new Reassembler({ maxDatagrams: 2 });
    give(reassembler, split(packet4(0), [100])[0]);
    for (let id = 1; id < 50; id++) for (const part of split(packet4(id), [100])) give(reassembler, part);
    assert.equal(give(reassembler, split(packet4(0), [100])[1]), 'Complete');
    assert.equal(dropped(reassembler, 'Evicted'), 0);
  });

  test('by number: failed datagrams count too', () => {
    const reassembler = new Reassembler({ maxDatagrams: 3 });
    for (let id = 0; id < 10; id++) {
      give(reassembler, partOf(packet4(id), 0, 800));
      assert.equal(give(reassembler, partOf(packet4(id), 8, 16)), 'Overlap');
      assert.ok(reassembler.heldDatagrams <= 3);
    }
    assert.deepEqual([dropped(reassembler, 'Overlap'), reassembler.heldFragments], [20, 0]);
    assert.equal(unaccounted(reassembler), 0);
  });

  test('by bytes: the oldest datagrams are evicted in order', () => {
    const reassembler = new Reassembler({ maxBytes: 40 * 2048 });
    // Each of them takes one page.
    for (let id = 0; id < 50; id++) give(reassembler, partOf(packet4(id, 1600), 0, 800));
    assert.equal(reassembler.heldBytes, 40 * 2048);
    assert.equal(dropped(reassembler, 'Evicted'), 10);
    for (let id = 10; id < 50; id++) {
      assert.equal(give(reassembler, partOf(packet4(id, 1600), 800, 1600)), 'Complete');
    }
    assert.equal(reassembler.heldBytes, 0);
  });

  test('by bytes: the longest datagram fits even if it is the oldest and there is room for only one', () => {
    const reassembler = new Reassembler({ maxBytes: 1 });
    const long = ipv4Packet(noise(65_515, 3), { id: 500 });
    const [first, ...rest] = split(
      long,
      Array.from({ length: 45 }, (_, i) => i * 182),
    );
    give(reassembler, first);
    for (let i = 0; i < 31; i++) give(reassembler, partOf(packet4(i), 0, 800));
    assert.deepEqual([reassembler.heldDatagrams, dropped(reassembler, 'Evicted')], [32, 0]);
    rest.forEach((part, i) => {
      assert.equal(give(reassembler, part), i === rest.length - 1 ? 'Complete' : 'Held');
      assert.ok(reassembler.heldBytes <= 65_536);
    });
    assert.equal(dropped(reassembler, 'Evicted'), 31);
    assert.deepEqual(result(reassembler), long.bytes);
    assert.equal(unaccounted(reassembler), 0);
  });

  test('by fragments: the maximum still completes a packet, one more fails the datagram', () => {
    const units = Array.from({ length: 16 }, (_, i) => i);
    const fits = new Reassembler({ maxParts: 16 });
    const parts = split(packet4(1, 128), units);
    assert.deepEqual(
      parts.map((part) => give(fits, part)),
      [...new Array<string>(15).fill('Held'), 'Complete'],
    );
    const refuses = new Reassembler({ maxParts: 15 });
    assert.deepEqual(
      parts.map((part) => give(refuses, part)),
      [...new Array<string>(15).fill('Held'), 'TooManyParts'],
    );
    assert.equal(give(refuses, parts[0]), 'TooManyParts');
    assert.deepEqual([dropped(refuses, 'TooManyParts'), refuses.heldBytes], [17, 0]);
  });

  test('by fragments: duplicates do not count', () => {
    const reassembler = new Reassembler({ maxParts: 2 });
    const [first, rest] = split(packet4(1), [100]);
    give(reassembler, first);
    for (let i = 0; i < 100; i++) assert.equal(give(reassembler, first), 'Duplicate');
    assert.equal(give(reassembler, rest), 'Complete');
    assert.equal(dropped(reassembler, 'Duplicate'), 100);
  });

  test('a flood of distant and tiny fragments never takes more memory than allowed', () => {
    const flood = fc.array(
      fc.record({
        family: fc.boolean(),
        id: fc.nat(400),
        unit: fc.nat(7000),
        units: fc.constantFrom(1, 1, 1, 300, 1000),
      }),
      { minLength: 200, maxLength: 600 },
    );
    const bytes = fc.constantFrom(1, 65_536, 100_000, 300_000);
    fc.assert(
      fc.property(flood, bytes, (parts, maxBytes) => {
        const allowed = Math.max(65_536, maxBytes);
        const reassembler = new Reassembler({ maxBytes, maxDatagrams: 300 });
        for (const { family, id, unit, units } of parts) {
          const end = Math.min((unit + units) * 8, 59_992);
          const packet = family ? packet4(id, 60_000) : packet6(60_000);
          give(reassembler, partOf(packet, unit * 8, Math.max(end, unit * 8 + 8), { more: true, id }));
          assert.ok(reassembler.heldBytes <= allowed && reassembler.heldDatagrams <= 300);
        }
        assert.equal(unaccounted(reassembler), 0);
        reassembler.expire(61);
        assert.deepEqual([reassembler.heldBytes, reassembler.heldDatagrams, reassembler.heldFragments], [0, 0, 0]);
        assert.equal(unaccounted(reassembler), 0);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});

test('random streams of random fragments: no throw, the bounds hold, and every fragment is accounted for', () => {
  const one = fc.record({
    family: fc.boolean(),
    id: fc.nat(5),
    host: fc.nat(1),
    protocol: fc.constantFrom(17, 6, 60, 43, 50, 44),
    extra: fc.constantFrom(0, 0, 0, 3, 10),
    from: fc.oneof(fc.nat(30), fc.nat(8191)),
    length: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.nat(2000)),
    more: fc.boolean(),
    content: fc.nat(1),
    seconds: fc.oneof(fc.nat(100), fc.integer({ min: -1000, max: 4_000_000_000 })),
    cut: fc.constantFrom(0, 0, 0, 1, 5),
  });
  const contents = [noise(70_000, 1), noise(70_000, 2)];
  const BOUNDS: ReassemblerOptions[] = [
    { maxBytes: 70_000, maxDatagrams: 3, maxParts: 5 },
    { maxBytes: 200_000, maxDatagrams: 20, maxParts: 50, ipv4Timeout: 5 },
    {},
  ];
  fc.assert(
    fc.property(fc.array(one, { maxLength: 120 }), fc.nat(BOUNDS.length - 1), (stream, bound) => {
      const bounds = BOUNDS[bound];
      const reassembler = new Reassembler(bounds);
      for (const { family, id, host, protocol, extra, from, length, more, content, seconds, cut } of stream) {
        if (from === 0 && !more) continue;
        const data = contents[content].subarray(from * 8, from * 8 + length);
        const packet: Packet = family
          ? ipv4Packet(data, { id, host, protocol, options: extra })
          : ipv6Packet(data, { host, protocol, extensions: extra === 0 ? [] : [[60, extra]] });
        const part = partOf(packet, 0, length, { more, id });
        // The offset is written directly: the packet holds only this fragment.
        const at = family ? 6 : packet.headerLength + 2;
        const word = family ? (more ? 0x2000 : 0) | from : (from * 8) | (more ? 1 : 0);
        part.set([word >>> 8, word & 0xff], at);
        const captured = part.length - Math.min(cut, length);
        const outcome = give(reassembler, part, seconds, captured);
        if (outcome === 'Complete') assert.ok(reassembler.end <= reassembler.bytes.length && reassembler.start >= 0);
        assert.ok(reassembler.heldBytes <= Math.max(65_536, bounds.maxBytes ?? 4 << 20));
        assert.ok(reassembler.heldDatagrams <= (bounds.maxDatagrams ?? 4096));
        assert.equal(unaccounted(reassembler), 0);
      }
      reassembler.expire(1e10);
      assert.deepEqual([reassembler.heldFragments, reassembler.heldBytes, unaccounted(reassembler)], [0, 0, 0]);
    }),
    { seed: SEED, numRuns: 800 },
  );
});
