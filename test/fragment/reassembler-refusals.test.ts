import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Reassembler, type ReassemblyDrop } from '../../src/fragment/index.js';
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

/** A packet of either family with the same payload. */
function packetOf(family: 4 | 6, payload: Uint8Array): Packet {
  return family === 4 ? ipv4Packet(payload) : ipv6Packet(payload);
}

for (const family of [4, 6] as const) {
  const packet = packetOf(family, noise(4000, 1));
  const minute = family === 4 ? 30 : 60;

  describe(`reassembly of IPv${family} refuses`, () => {
    const held = partOf(packet, 800, 1600, { more: true });
    const REFUSED: [what: string, keyof typeof ReassemblyDrop, Uint8Array][] = [
      ['begins 8 bytes before its end', 'Overlap', partOf(packet, 1592, 2400)],
      ['ends 8 bytes after its start', 'Overlap', partOf(packet, 0, 808)],
      ['is inside it', 'Overlap', partOf(packet, 1000, 1008)],
      ['contains it', 'Overlap', partOf(packet, 792, 1608)],
      ['begins with it and is shorter', 'Overlap', partOf(packet, 800, 1592)],
      ['begins with it and is longer', 'Overlap', partOf(packet, 800, 1608)],
      ['ends with it and begins later', 'Overlap', partOf(packet, 808, 1600)],
      ['ends with it and begins earlier', 'Overlap', partOf(packet, 792, 1600)],
      ['has its bounds and a different byte', 'Overlap', partOf(packetOf(family, noise(4000, 2)), 800, 1600)],
      // Only a last fragment can end at an odd offset: being a second last one takes precedence.
      ['overlaps its first byte', 'Inconsistent', partOf(packet, 8, 801, { more: false })],
    ];
    for (const [what, reason, second] of REFUSED) {
      test(`RFC 5722, RFC 8900 section 3.7: a fragment that ${what}, and the whole datagram with it`, () => {
        const reassembler = new Reassembler();
        assert.equal(give(reassembler, held), 'Held');
        assert.equal(give(reassembler, second), reason);
        assert.deepEqual([reassembler.heldFragments, reassembler.heldBytes], [0, 0]);
        for (const part of split(packet, [100, 200])) assert.equal(give(reassembler, part), reason);
        assert.equal(dropped(reassembler, reason), 5);
        assert.equal(reassembler.datagrams, 0);
        assert.equal(unaccounted(reassembler), 0);
      });
    }

    test('a fragment that overlaps the odd last byte', () => {
      const reassembler = new Reassembler();
      give(reassembler, partOf(packet, 1600, 2001, { more: false }));
      assert.equal(give(reassembler, partOf(packet, 2000, 2008)), 'Inconsistent');
      assert.equal(reassembler.heldFragments, 0);
    });

    test('fragments that touch without overlapping, on both sides, are accepted', () => {
      const reassembler = new Reassembler();
      const outcomes = [held, partOf(packet, 0, 800), partOf(packet, 1600, 4000)].map((part) =>
        give(reassembler, part),
      );
      assert.deepEqual(outcomes, ['Held', 'Held', 'Complete']);
    });

    test(`a failed datagram's key can be reused after its ${minute} seconds, and not before`, () => {
      const reassembler = new Reassembler();
      give(reassembler, held, 10);
      give(reassembler, partOf(packet, 1000, 1008), 10);
      const parts = split(packet, [100]);
      // Fragments that arrive meanwhile don't extend the timeout.
      for (const seconds of [20, 10 + minute]) assert.equal(give(reassembler, parts[0], seconds), 'Overlap');
      assert.equal(give(reassembler, parts[0], 11 + minute), 'Held');
      assert.equal(give(reassembler, parts[1], 11 + minute), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
      assert.equal(unaccounted(reassembler), 0);
    });

    test('a truncated fragment, or one of a bad length, affects no other: a good copy of it still fits', () => {
      const [first, rest] = split(packet, [100]);
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, first), 'Held');
      assert.equal(give(reassembler, rest, 0, rest.length - 1), 'Truncated');
      assert.equal(give(reassembler, partOf(packet, 800, 1601)), 'BadLength');
      assert.equal(give(reassembler, partOf(packet, 800, 800)), 'BadLength');
      assert.equal(give(reassembler, rest), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    });

    test('a datagram of only a last fragment never completes', () => {
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 8, 4000)), 'Held');
      assert.equal(give(reassembler, partOf(packet, 8, 4000)), 'Duplicate');
      reassembler.expire(minute + 1);
      assert.deepEqual([dropped(reassembler, 'Timeout'), reassembler.datagrams], [1, 0]);
    });

    test('RFC 8200 section 4.5: a last fragment is not an exact duplicate of one with the same bytes that is not last', () => {
      for (const saysMore of [true, false]) {
        const reassembler = new Reassembler();
        assert.equal(give(reassembler, partOf(packet, 800, 1600, { more: saysMore })), 'Held');
        assert.equal(give(reassembler, partOf(packet, 800, 1600, { more: !saysMore })), 'Inconsistent');
      }
    });

    test('any fragments: each outcome matches a table of single bytes', () => {
      const maxParts = 6;
      const grid = fc.record({
        begin: fc.nat(12),
        units: fc.integer({ min: 1, max: 5 }),
        // A last fragment may end between multiples of 8.
        odd: fc.constantFrom(0, 0, 3),
        other: fc.constantFrom(false, false, false, true),
      });
      const one = noise(200, 1);
      const two = one.map((byte) => byte ^ 0xff);
      const packets = [one, two].map((payload) => packetOf(family, payload));
      const sample = fc.tuple(fc.array(grid, { maxLength: 14 }), fc.integer({ min: 6, max: 14 }), fc.boolean());
      fc.assert(
        fc.property(sample, ([parts, lastUnit, disagree]) => {
          const reassembler = new Reassembler({ maxParts });
          /** The fragment that supplied each byte; -1 for none. */
          let owner = new Array<number>(200).fill(-1);
          let bounds: (readonly [from: number, to: number, other: boolean])[] = [];
          let total = -1;
          let refused = '';
          for (const { begin, units, odd, other } of parts) {
            const from = begin * 8;
            const ends = begin + units === lastUnit || (disagree && begin + units === lastUnit + 2);
            const to = (begin + units) * 8 - (ends ? odd : 0);
            if (begin === 0 && ends) continue;
            let expected: string = refused;
            if (refused === '') {
              const covered = owner.slice(from, to);
              const same = bounds.some(([a, b, o]) => a === from && b === to && o === other);
              if (total >= 0 && (to > total || (ends && to !== total))) expected = 'Inconsistent';
              else if (ends && owner.slice(to).some((part) => part >= 0)) expected = 'Inconsistent';
              else if (same) expected = 'Duplicate';
              else if (covered.some((part) => part >= 0)) expected = 'Overlap';
              else if (bounds.length === maxParts) expected = 'TooManyParts';
              else expected = 'Held';
            }
            if (expected === 'Held') {
              owner.fill(bounds.length, from, to);
              bounds.push([from, to, other]);
              if (ends) total = to;
              if (total >= 0 && owner.slice(0, total).every((part) => part >= 0)) expected = 'Complete';
            } else if (expected !== 'Duplicate') {
              refused = expected;
            }
            assert.equal(give(reassembler, partOf(packets[other ? 1 : 0], from, to, { more: !ends })), expected);
            if (expected === 'Complete') {
              const bytes = result(reassembler).subarray(packet.headerLength);
              assert.equal(bytes.length, total);
              for (const [a, b, o] of bounds) assert.deepEqual(bytes.subarray(a, b), (o ? two : one).subarray(a, b));
              owner = new Array<number>(200).fill(-1);
              bounds = [];
              total = -1;
            }
            assert.equal(reassembler.heldFragments, refused === '' ? bounds.length : 0);
            assert.equal(unaccounted(reassembler), 0);
          }
        }),
        { seed: SEED, numRuns: 2500 },
      );
    });
  });
}

describe('more than 65,535 bytes', () => {
  const long = noise(65_536, 4);

  /** Longest payload by the packet's headers. */
  const LONGEST: [what: string, number, Packet][] = [
    ['IPv4', 65_515, ipv4Packet(long.subarray(0, 65_500))],
    ['IPv4 with 40 bytes of options', 65_475, ipv4Packet(long.subarray(0, 65_400), { options: 10 })],
    ['IPv6', 65_535, ipv6Packet(long.subarray(0, 65_500))],
    ['IPv6 with 24 bytes of options', 65_511, ipv6Packet(long.subarray(0, 65_400), { extensions: [[60, 3]] })],
  ];
  for (const [what, longest, model] of LONGEST) {
    const from = 65_400;
    const header = model.bytes.subarray(0, model.headerLength);
    const bytes = Uint8Array.from([...header, ...long]);
    const packet = { ...model, bytes };
    test(`${what}: accepts a payload of ${longest} bytes, and drops the datagram for one more (ping of death)`, () => {
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, from, longest, { more: false })), 'Held');
      assert.equal(give(reassembler, partOf(packet, 0, from)), 'Complete');
      assert.equal(reassembler.end - reassembler.start, model.headerLength + longest);
      const dead = new Reassembler();
      assert.equal(give(dead, partOf(packet, 0, 32_000)), 'Held');
      assert.equal(give(dead, partOf(packet, from, longest + 1, { more: false })), 'TooLong');
      assert.equal(give(dead, partOf(packet, 32_000, from)), 'TooLong');
      assert.deepEqual([dropped(dead, 'TooLong'), dead.heldBytes], [3, 0]);
    });
  }

  // The packet gets the headers of its first fragment; the others' header lengths don't matter.
  const MIXED: [what: string, Packet, Packet, number][] = [
    [
      'IPv4 (RFC 791)',
      ipv4Packet(long.subarray(0, 65_475), { options: 10 }),
      ipv4Packet(long.subarray(0, 65_515)),
      65_515,
    ],
    [
      'IPv6 (RFC 8200 section 4.5)',
      ipv6Packet(long.subarray(0, 65_511), { extensions: [[60, 3]] }),
      ipv6Packet(long.subarray(0, 65_535)),
      65_535,
    ],
  ];
  for (const [what, withOptions, bare, longest] of MIXED) {
    for (const order of ['first', 'last']) {
      test(`${what}: the first fragment's longer headers count, when it arrives ${order}`, () => {
        const parts = [partOf(withOptions, 0, 32_000, { more: true }), partOf(bare, 32_000, longest, { more: false })];
        if (order === 'last') parts.reverse();
        const reassembler = new Reassembler();
        assert.equal(give(reassembler, parts[0]), 'Held');
        assert.equal(give(reassembler, parts[1]), 'TooLong');
        assert.deepEqual([reassembler.heldFragments, reassembler.heldBytes], [0, 0]);
      });
    }
  }

  test('refuses headers longer than 512 bytes before an IPv6 fragment header, in any fragment', () => {
    const extensions = [[60, 60]] as const;
    const packet = ipv6Packet(noise(1000, 1), { extensions });
    const [first, rest] = split(packet, [50]);
    for (const part of [first, rest]) {
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, part), 'TooLong');
      assert.equal(unaccounted(reassembler), 0);
    }
    const fits = ipv6Packet(noise(1000, 1), { extensions: [[60, 59]] });
    const reassembler = new Reassembler();
    for (const part of split(fits, [50])) give(reassembler, part);
    assert.deepEqual(result(reassembler), fits.bytes);
  });
});

describe('RFC 7112 section 5: the first IPv6 fragment must hold the whole header chain', () => {
  const chain = (start: readonly number[], protocol: number): Packet => {
    const payload = noise(400, 1);
    payload.set(start);
    return ipv6Packet(payload, { protocol });
  };
  const OPTIONS = 60;
  const TCP = 6;

  const CUT: [what: string, Packet, end: number][] = [
    ['within destination options', chain([17, 2, 1, 20], OPTIONS), 8],
    ['within a second extension header', chain([43, 0, 1, 4, 0, 0, 0, 0, 17, 2], OPTIONS), 16],
    ['between an extension header and the UDP header', chain([17, 0, 1, 4], OPTIONS), 8],
    ['within the TCP header', chain([], TCP), 8],
    ['within the TCP header, 4 bytes before its end', chain([], TCP), 16],
  ];
  for (const [what, packet, end] of CUT) {
    test(`drops the datagram if it ends ${what}`, () => {
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 104, 400)), 'Held');
      assert.equal(give(reassembler, partOf(packet, 0, end)), 'HeaderChain');
      assert.equal(give(reassembler, partOf(packet, end, 104)), 'HeaderChain');
      assert.equal(dropped(reassembler, 'HeaderChain'), 3);
    });
  }

  const WHOLE: [what: string, Packet, end: number][] = [
    ['only a UDP header', chain([], 17), 8],
    ['only an ESP header, since what follows is encrypted', chain([], 50), 8],
    ['destination options and a UDP header', chain([17, 0, 1, 4], OPTIONS), 16],
    ['a TCP header', chain([], TCP), 24],
  ];
  for (const [what, packet, end] of WHOLE) {
    test(`accepts ${what}`, () => {
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 0, end)), 'Held');
      assert.equal(give(reassembler, partOf(packet, end, 400)), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    });
  }

  test('RFC 8504 section 5.3: more than eight extension headers in a row are refused', () => {
    const packet = chain(
      Array.from({ length: 9 }, (_, i) => [i === 8 ? 17 : OPTIONS, 0, 1, 4, 0, 0, 0, 0]).flat(),
      OPTIONS,
    );
    assert.equal(give(new Reassembler(), partOf(packet, 0, 200)), 'HeaderChain');
  });

  test('later fragments are not parsed as headers', () => {
    const packet = chain([], OPTIONS);
    assert.equal(give(new Reassembler(), partOf(packet, 8, 16, { more: true })), 'Held');
  });
});
