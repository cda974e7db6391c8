import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CHECKSUM_NAMES, ChecksumKind, ChecksumTable } from '../../src/inspect/checksum-table.js';
import { HeaderError, Layers } from '../../src/wire/index.js';
import { noise } from '../fragment/split.js';
import { ethernet, ip, join, overlay } from '../dataplane/build.js';

type Kind = keyof typeof ChecksumKind;
type State = 'good' | 'absent' | 'partial' | 'bad';
type Mode = 'right' | 'partial' | number;

/** The checksum of RFC 1071, word by word, starting with the pseudo-header's words. */
function sumOf(bytes: Uint8Array, words: readonly number[] = []): number {
  let sum = words.reduce((a, b) => a + b, 0);
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at] * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const PROTOCOLS = { tcp: [6, 20, 16], udp: [17, 8, 6], icmp: [1, 8, 2], icmpv6: [58, 8, 2] } as const;

/** A transport header in IP whose checksum is valid, partial (only the pseudo-header's sum) or a given number. */
function packet(family: 4 | 6, transport: keyof typeof PROTOCOLS, payload: Uint8Array, mode: Mode): Uint8Array {
  const [protocol, span, field] = PROTOCOLS[transport];
  const body = join(new Uint8Array(span).fill(3), payload);
  if (transport === 'tcp') body[12] = 0x50;
  if (transport === 'udp') body.set([body.length >>> 8, body.length & 0xff], 4);
  body.set([0, 0], field);
  const bytes = ip(family, protocol, body);
  const at = family === 4 ? 20 : 40;
  const addresses = family === 4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
  const pseudo = transport === 'icmp' ? 0 : sumOf(addresses, [protocol, body.length]);
  let stored: number;
  if (mode === 'partial') stored = pseudo;
  else if (mode === 'right') stored = 0xffff - sumOf(bytes.subarray(at), [pseudo]);
  else stored = mode;
  // UDP sends a computed zero as all ones (RFC 768).
  if (mode === 'right' && transport === 'udp' && stored === 0) stored = 0xffff;
  bytes.set([stored >>> 8, stored & 0xff], at + field);
  return bytes;
}

function look(outer: Uint8Array, family: 4 | 6 = 4, table = new ChecksumTable()): ChecksumTable {
  const outside = new Layers();
  const inside = new Layers();
  assert.equal(outside.walkEthernet(outer, 0, outer.length), HeaderError.None);
  inside.walkEthernet(outer, (family === 4 ? 34 : 54) + 16, outside.payloadEnd);
  table.add(outer, outside, inside);
  return table;
}

/** The counts, by kind. */
function found(table: ChecksumTable): Partial<Record<Kind, State>> {
  const counts: Partial<Record<Kind, State>> = {};
  for (const kind of Object.keys(ChecksumKind) as Kind[]) {
    const row = table.rows[ChecksumKind[kind]];
    for (const state of ['good', 'absent', 'partial', 'bad'] as const) {
      assert.ok(row[state] <= 1 && (row[state] === 0 || counts[kind] === undefined));
      if (row[state] === 1) counts[kind] = state;
    }
  }
  return counts;
}

const frame = (family: 4 | 6, bytes: Uint8Array): Uint8Array => ethernet(bytes, family === 4 ? 0x0800 : 0x86dd);
const kindOf = { tcp: 'InnerTcp', udp: 'InnerUdp', icmp: 'InnerIcmp', icmpv6: 'InnerIcmpv6' } as const;

for (const [family, transports] of [
  [4, ['tcp', 'udp', 'icmp']],
  [6, ['tcp', 'udp', 'icmpv6']],
] as const) {
  describe(`inner checksums over IPv${family}`, () => {
    const ip4: Partial<Record<Kind, State>> = family === 4 ? { InnerIpv4: 'good' } : {};
    for (const transport of transports) {
      for (const length of [0, 1, 2, 63, 64, 65, 1399, 1400]) {
        test(`${transport} with ${length} bytes: good, bad${transport === 'icmp' ? '' : ' and partial'}`, () => {
          const payload = noise(length, length);
          const state = (mode: Mode): Partial<Record<Kind, State>> =>
            found(look(overlay(4, 1, frame(family, packet(family, transport, payload, mode)))));
          const outer = { OuterIpv4: 'good', OuterUdp: 'good' } as const;
          const kind = kindOf[transport];
          assert.deepEqual(state('right'), { ...outer, ...ip4, [kind]: 'good' });
          assert.deepEqual(state(0x1234), { ...outer, ...ip4, [kind]: 'bad' });
          // Good as it is: the outer checksum covers the inner one unchanged.
          if (transport !== 'icmp') assert.deepEqual(state('partial'), { ...outer, ...ip4, [kind]: 'partial' });
        });
      }
    }
  });
}

describe('special cases of checksums', () => {
  const outer = { OuterIpv4: 'good', OuterUdp: 'good' } as const;

  test('a zero inner UDP checksum is absent over IPv4 (RFC 768), wrong over IPv6 (RFC 8200 section 8.1)', () => {
    for (const [family, state] of [
      [4, 'absent'],
      [6, 'bad'],
    ] as const) {
      const table = look(overlay(4, 1, frame(family, packet(family, 'udp', noise(20, 1), 0))));
      assert.equal(found(table).InnerUdp, state);
    }
  });

  test('a zero inner UDP checksum over IPv6 is wrong even if the sum is zero', () => {
    const bytes = packet(6, 'udp', Uint8Array.of(0, 0, 1, 2), 0);
    const missing = 0xffff - sumOf(bytes.subarray(40), [sumOf(bytes.subarray(8, 40), [17, 12])]);
    bytes.set([missing >>> 8, missing & 0xff], 48);
    assert.equal(sumOf(bytes.subarray(40), [sumOf(bytes.subarray(8, 40), [17, 12])]), 0xffff);
    assert.equal(found(look(overlay(4, 1, frame(6, bytes)))).InnerUdp, 'bad');
  });

  test('a zero TCP checksum is a checksum', () => {
    const bytes = packet(4, 'tcp', Uint8Array.of(0, 0), 0);
    const missing = 0xffff - sumOf(bytes.subarray(20), [sumOf(bytes.subarray(12, 20), [6, 22])]);
    bytes.set([missing >>> 8, missing & 0xff], 40);
    assert.equal(found(look(overlay(4, 1, frame(4, bytes)))).InnerTcp, 'good');
    assert.equal(found(look(overlay(4, 1, frame(4, packet(4, 'tcp', noise(9, 1), 0))))).InnerTcp, 'bad');
  });

  test("a frame padded to Ethernet's minimum size: only the outer checksum covers the padding", () => {
    const padded = join(frame(4, packet(4, 'udp', noise(3, 1), 'right')), noise(15, 2));
    const good = overlay(4, 1, padded);
    assert.deepEqual(found(look(good)), { ...outer, InnerIpv4: 'good', InnerUdp: 'good' });
    good[good.length - 1] ^= 1;
    assert.deepEqual(found(look(good)), { ...outer, InnerIpv4: 'good', InnerUdp: 'good', OuterUdp: 'bad' });
  });

  test('no checksum covers padding after the outer packet', () => {
    const wire = join(overlay(4, 1, frame(4, packet(4, 'tcp', noise(5, 1), 'right'))), Uint8Array.of(9, 9, 9));
    assert.deepEqual(found(look(wire)), { ...outer, InnerIpv4: 'good', InnerTcp: 'good' });
  });

  test('an inner VLAN tag is skipped', () => {
    const plain = frame(4, packet(4, 'tcp', noise(33, 1), 'right'));
    const tagged = join(plain.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 5), plain.subarray(12));
    assert.deepEqual(found(look(overlay(4, 1, tagged))), { ...outer, InnerIpv4: 'good', InnerTcp: 'good' });
  });

  test('verifies only the header of an inner fragment', () => {
    const bytes = packet(4, 'tcp', noise(33, 1), 'right');
    bytes[6] = 0x20;
    assert.deepEqual(found(look(overlay(4, 1, frame(4, bytes)))), { ...outer, InnerIpv4: 'bad' });
  });

  test('verifies the outer checksums of a frame without IP or with faulty headers', () => {
    assert.deepEqual(found(look(overlay(4, 1, ethernet(noise(30, 1), 0x88b5)))), outer);
    assert.deepEqual(found(look(overlay(4, 1, ethernet(noise(30, 1), 0x0800)))), outer);
  });

  test('ignores ICMP over IPv6 and ICMPv6 over IPv4', () => {
    assert.deepEqual(found(look(overlay(4, 1, frame(6, ip(6, 1, new Uint8Array(8)))))), outer);
    assert.deepEqual(found(look(overlay(4, 1, frame(4, ip(4, 58, new Uint8Array(8)))))), {
      ...outer,
      InnerIpv4: 'good',
    });
  });

  test("counts accumulate over frames; `partial` and the inner sum don't", () => {
    const table = new ChecksumTable();
    const partial = overlay(4, 1, frame(4, packet(4, 'tcp', noise(20, 1), 'partial')));
    const bare = overlay(4, 1, ethernet(noise(60, 1), 0x88b5));
    for (const [wire, expected] of [
      [partial, true],
      [bare, false],
      [partial, true],
    ] as const) {
      look(wire, 4, table);
      assert.equal(table.partial, expected);
    }
    assert.deepEqual(table.rows[ChecksumKind.OuterUdp], { name: 'outer UDP', good: 3, absent: 0, partial: 0, bad: 0 });
    assert.equal(table.rows[ChecksumKind.InnerTcp].partial, 2);
  });

  test('the kinds have distinct names', () => {
    assert.equal(new Set(CHECKSUM_NAMES).size, Object.keys(ChecksumKind).length);
  });
});

describe('an outer checksum that assumes a completed inner one (local checksum offload)', () => {
  for (const outerFamily of [4, 6] as const) {
    for (const [family, transport] of [
      [4, 'tcp'],
      [4, 'udp'],
      [6, 'tcp'],
      [6, 'udp'],
    ] as const) {
      test(`inner ${transport} over IPv${family}, outer IPv${outerFamily}: partial inner, good outer`, () => {
        for (const length of [0, 7, 90, 1001]) {
          // The packet as the card completes it, with the inner checksum reverted to its partial value.
          const wire = overlay(outerFamily, 1, frame(family, packet(family, transport, noise(length, 1), 'right')));
          const partial = packet(family, transport, noise(length, 1), 'partial');
          wire.set(partial, wire.length - partial.length);
          const counts = found(look(wire, outerFamily));
          assert.equal(counts[kindOf[transport]], 'partial');
          assert.equal(counts.OuterUdp, 'good');
          // One wrong byte that only the outer checksum covers.
          wire[(outerFamily === 4 ? 34 : 54) + 16] ^= 1;
          assert.equal(found(look(wire, outerFamily)).OuterUdp, 'bad');
        }
      });
    }
  }
});

test('agrees with a word-by-word sum for any frame and any damage (4,000 frames)', () => {
  const sample = fc.record({
    outerFamily: fc.constantFrom(4 as const, 6 as const),
    family: fc.constantFrom(4 as const, 6 as const),
    transport: fc.constantFrom('tcp' as const, 'udp' as const),
    length: fc.nat(300),
    mode: fc.constantFrom('right' as const, 'partial' as const, 0, 0xffff, 77),
    outerChecksum: fc.constantFrom('right' as const, 'right' as const, 0, 0xffff, 99),
    padding: fc.constantFrom(0, 0, 1, 4),
    change: fc.tuple(fc.boolean(), fc.nat(400), fc.integer({ min: 1, max: 255 })),
  });
  fc.assert(
    fc.property(sample, ({ outerFamily, family, transport, length, mode, outerChecksum, padding, change }) => {
      const inner = packet(family, transport, noise(length, length), mode);
      const wire = overlay(outerFamily, 1, join(frame(family, inner), new Uint8Array(padding)), outerChecksum);
      const udpAt = outerFamily === 4 ? 34 : 54;
      const ipAt = udpAt + 16 + 14;
      const at = ipAt + (family === 4 ? 20 : 40);
      const end = ipAt + inner.length;
      // Damage hits only bytes after the headers, so that the parsed layers stay the same.
      const [, , field] = PROTOCOLS[transport];
      if (change[0] && length > 0) wire[end - 1 - (change[1] % length)] ^= change[2];
      const counts = found(look(wire, outerFamily));

      const [protocol] = PROTOCOLS[transport];
      const addresses = family === 4 ? wire.subarray(ipAt + 12, ipAt + 20) : wire.subarray(ipAt + 8, ipAt + 40);
      const pseudo = sumOf(addresses, [protocol, end - at]);
      const stored = wire[at + field] * 256 + wire[at + field + 1];
      const total = sumOf(wire.subarray(at, end), [pseudo]);
      let wanted: State = 'bad';
      if (transport === 'udp' && stored === 0) wanted = family === 4 ? 'absent' : 'bad';
      else if (total === 0xffff) wanted = 'good';
      else if (stored === pseudo) wanted = 'partial';
      assert.equal(counts[kindOf[transport]], wanted);

      const outside = outerFamily === 4 ? wire.subarray(26, 34) : wire.subarray(22, 54);
      const outerPseudo = sumOf(outside, [17, wire.length - udpAt]);
      const outerStored = wire[udpAt + 6] * 256 + wire[udpAt + 7];
      const completed = wire.slice(udpAt);
      if (wanted === 'partial') {
        const bytes = wire.slice(at, end);
        const sum = 0xffff - sumOf(bytes, []);
        completed.set([sum >>> 8, sum & 0xff], at - udpAt + field);
      }
      const holds = [wire.subarray(udpAt), completed].some((bytes) => sumOf(bytes, [outerPseudo]) === 0xffff);
      let wantedOuter: State = 'bad';
      if (outerStored === 0) wantedOuter = outerFamily === 4 ? 'absent' : 'bad';
      else if (holds) wantedOuter = 'good';
      else if (outerStored === outerPseudo) wantedOuter = 'partial';
      assert.equal(counts.OuterUdp, wantedOuter);
    }),
    { seed: 20261121, numRuns: 4000 },
  );
});
