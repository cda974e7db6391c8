/**
 * Fragmentation (RFC 791 section 3.2, RFC 8200 section 4.5), compared with these tests' own sender and the reassembler.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fragmenter, FragmentError, Reassembler } from '../../src/fragment/index.js';
import { isIpv4ChecksumValid, writeIpv4Checksum } from '../../src/wire/index.js';
import { give, ipv4Packet, ipv6Packet, noise, type Packet, partOf, result, split } from './split.js';

const SEED = 20261121;
/** Marks bytes that must not be written. */
const UNTOUCHED = 0xa5;

/** All fragments of a packet, which is surrounded by other bytes. */
function cut(packet: Uint8Array, mtu: number, id = 1): Uint8Array[] {
  const fragmenter = new Fragmenter();
  const source = new Uint8Array(packet.length + 20).fill(0xee);
  source.set(packet, 7);
  assert.equal(fragmenter.begin(source, 7, source.length, mtu, id), FragmentError.None);
  const parts: Uint8Array[] = [];
  const target = new Uint8Array(mtu + 20);
  for (;;) {
    target.fill(UNTOUCHED);
    const length = fragmenter.next(target, 10);
    if (length === 0) break;
    assert.ok(length <= mtu, 'longer than the MTU');
    assert.ok(
      target.subarray(0, 10).every((byte) => byte === UNTOUCHED),
      'written before the fragment',
    );
    assert.ok(
      target.subarray(10 + length).every((byte) => byte === UNTOUCHED),
      'written after the fragment',
    );
    parts.push(target.slice(10, 10 + length));
  }
  assert.equal(parts.length, fragmenter.count);
  assert.equal(fragmenter.next(target, 10), 0);
  return parts;
}

function refusal(packet: Uint8Array, mtu: number): FragmentError {
  return new Fragmenter().begin(packet, 0, packet.length, mtu);
}

/** IPv4 options as given, padded with end-of-options. */
function withOptions(payload: Uint8Array, options: readonly number[]): Uint8Array {
  const packet = ipv4Packet(payload, { options: Math.ceil(options.length / 4) });
  packet.bytes.fill(0, 20, packet.headerLength);
  packet.bytes.set(options, 20);
  // These tests' own sender writes the checksum.
  return partOf(packet, 0, payload.length);
}

describe('IPv4 (RFC 791 section 3.2)', () => {
  test('produces the same fragments as the tests’ own sender', () => {
    const packet = ipv4Packet(noise(1481, 1), { id: 0x1234, tos: 0xb8, ttl: 9, protocol: 50 });
    const expected = split(packet, [60, 120, 180]);
    assert.deepEqual(cut(packet.bytes, 500), expected);
    assert.deepEqual(cut(packet.bytes, 507), expected);
    assert.notDeepEqual(cut(packet.bytes, 508), expected);
  });

  test('section 3.1: options with the copied flag go into every fragment, the others only into the first', () => {
    const recordRoute = [7, 7, 4, 0, 0, 0, 0];
    const security = [130, 3, 9];
    const sourceRoute = [131, 7, 4, 10, 0, 0, 1];
    const packet = withOptions(noise(200, 2), [...recordRoute, 1, ...security, ...sourceRoute]);
    const [first, ...later] = cut(packet, 104);
    assert.deepEqual(first.subarray(20, 40), packet.subarray(20, 40));
    assert.ok(later.length > 1);
    for (const part of later) {
      assert.equal(part[0], 0x48);
      assert.deepEqual([...part.subarray(20, 32)], [...security, ...sourceRoute, 0, 0]);
      assert.ok(isIpv4ChecksumValid(part, 0));
    }
    const reassembler = new Reassembler();
    for (const part of [first, ...later].reverse()) give(reassembler, part);
    assert.deepEqual(result(reassembler), packet);
  });

  test('without options to copy, later fragments have none', () => {
    const packet = withOptions(noise(200, 3), [1, 1, 1, 7, 3, 4]);
    for (const part of cut(packet, 104).slice(1)) assert.equal(part[0], 0x45);
  });

  const MALFORMED: readonly (readonly [what: string, options: readonly number[]])[] = [
    ['of length 0', [130, 0, 1, 1]],
    ['of length 1', [131, 1, 130, 2]],
    ['that extends beyond the header', [130, 200, 1, 1]],
    ['whose length byte is after the header', [1, 1, 1, 130]],
  ];
  for (const [what, options] of MALFORMED) {
    test(`an option ${what} ends the list, and the packet is still fragmented`, () => {
      const packet = withOptions(noise(200, 4), options);
      const reassembler = new Reassembler();
      const outcomes = cut(packet, 104).map((part) => give(reassembler, part));
      assert.equal(outcomes.at(-1), 'Complete');
      assert.deepEqual(result(reassembler), packet);
    });
  }

  test('section 3.1: DF prevents fragmentation', () => {
    const { bytes } = ipv4Packet(noise(1000, 5), { dontFragment: true });
    assert.equal(refusal(bytes, 576), FragmentError.DontFragment);
  });

  test('refuses an MTU without room for the header and 8 bytes', () => {
    const { bytes } = ipv4Packet(noise(100, 6));
    assert.equal(refusal(bytes, 27), FragmentError.MtuTooSmall);
    assert.equal(cut(bytes, 28).length, 13);
    assert.equal(refusal(bytes, 0), FragmentError.MtuTooSmall);
    const long = ipv4Packet(noise(100, 6), { options: 10 }).bytes;
    assert.equal(refusal(long, 67), FragmentError.MtuTooSmall);
    assert.equal(cut(long, 68)[0].length, 68);
  });

  test('section 3.2: a fragment of a fragment keeps its offset, and MF unless it was the last', () => {
    const packet = ipv4Packet(noise(1003, 7));
    for (const [from, to] of [
      [0, 400],
      [400, 800],
      [800, 1003],
    ] as const) {
      const units = [from / 8 + 10, from / 8 + 20, from / 8 + 30, from / 8 + 40];
      const ends = [from, ...units.map((unit) => unit * 8).filter((at) => at < to), to];
      const expected = ends.slice(0, -1).map((at, i) => partOf(packet, at, ends[i + 1]));
      assert.deepEqual(cut(partOf(packet, from, to), 100), expected);
    }
  });

  test('a packet that fits is one fragment, unchanged', () => {
    const { bytes } = ipv4Packet(noise(100, 8), { options: 2 });
    assert.deepEqual(cut(bytes, 128), [bytes]);
    assert.equal(cut(bytes, 127).length, 2);
  });

  test('a packet without payload: the count matches the fragments', () => {
    cut(ipv4Packet(new Uint8Array(0)).bytes, 100);
  });

  test('bytes after the IP packet are not part of it', () => {
    const { bytes } = ipv4Packet(noise(100, 9));
    const padded = Uint8Array.from([...bytes, ...new Uint8Array(30).fill(0x77)]);
    assert.deepEqual(cut(padded, 60), cut(bytes, 60));
  });

  test('refuses what is not an IP packet', () => {
    const { bytes } = ipv4Packet(noise(100, 10));
    assert.equal(refusal(new Uint8Array(0), 100), FragmentError.NotIp);
    assert.equal(refusal(bytes.subarray(0, 19), 100), FragmentError.NotIp);
    assert.equal(refusal(bytes.subarray(0, 119), 100), FragmentError.NotIp);
  });
});

describe('IPv6 (RFC 8200 section 4.5)', () => {
  test('produces the same fragments as the tests’ own sender, with a fragment header of the identification', () => {
    const packet = ipv6Packet(noise(1401, 1), { hopLimit: 3, protocol: 50 });
    const expected = split(packet, [60, 120], { id: 0xfedcba98 });
    assert.deepEqual(cut(packet.bytes, 528, 0xfedcba98), expected);
    assert.deepEqual(cut(packet.bytes, 528, 0xfedcba98 | 0), expected);
  });

  test('repeats hop-by-hop options and the routing header in every fragment', () => {
    for (const extensions of [
      [[0, 1]],
      [[43, 2]],
      [
        [0, 2],
        [43, 1],
      ],
    ] as const) {
      const packet = ipv6Packet(noise(900, 2), { extensions });
      const room = 400 - packet.headerLength - 8;
      const step = Math.floor(room / 8);
      assert.deepEqual(cut(packet.bytes, 400), split(packet, [step, 2 * step, 3 * step]));
    }
  });

  test('destination options alone are for the destination: they are split with the payload', () => {
    const extensions = [[60, 3]] as const;
    const whole = ipv6Packet(noise(900, 3), { extensions }).bytes;
    const as = (packet: Uint8Array): Packet => ({ bytes: packet, headerLength: 40, announcedAt: 6 });
    assert.deepEqual(cut(whole, 448), split(as(whole), [50, 100, 150]));
  });

  test('repeats all headers up to the routing header, including destination options before it', () => {
    const extensions = [
      [0, 1],
      [60, 2],
      [43, 1],
    ] as const;
    const packet = ipv6Packet(noise(900, 4), { extensions });
    const step = Math.floor((400 - packet.headerLength - 8) / 8);
    assert.deepEqual(cut(packet.bytes, 400), split(packet, [step, 2 * step, 3 * step]));
  });

  test('does not fragment a fragment: only the source does that', () => {
    const packet = ipv6Packet(noise(900, 5), { extensions: [[0, 1]] });
    assert.equal(refusal(partOf(packet, 0, 800), 400), FragmentError.DontFragment);
  });

  test('refuses an MTU without room for the headers and 8 bytes', () => {
    const { bytes } = ipv6Packet(noise(100, 6));
    assert.equal(refusal(bytes, 55), FragmentError.MtuTooSmall);
    assert.equal(cut(bytes, 56).length, 13);
  });

  test('refuses extension headers that extend beyond the packet', () => {
    const { bytes } = ipv6Packet(noise(100, 7), { extensions: [[0, 1]] });
    bytes[41] = 255;
    assert.equal(refusal(bytes, 100), FragmentError.NotIp);
    const chain = ipv6Packet(new Uint8Array(0), { protocol: 0 }).bytes;
    assert.equal(refusal(chain, 100), FragmentError.NotIp);
  });
});

describe('fragmented and reassembled, in any order', () => {
  const order = fc.infiniteStream(fc.nat());

  function shuffled(parts: readonly Uint8Array[], keys: IterableIterator<number>): Uint8Array[] {
    const keyed = parts.map((part) => ({ part, key: Number(keys.next().value) }));
    return keyed.sort((a, b) => a.key - b.key).map(({ part }) => part);
  }

  function together(parts: readonly Uint8Array[]): Uint8Array {
    const reassembler = new Reassembler();
    const outcomes = parts.map((part) => give(reassembler, part));
    assert.equal(outcomes.at(-1), 'Complete');
    assert.ok(outcomes.slice(0, -1).every((outcome) => outcome === 'Held'));
    return result(reassembler);
  }

  const lengths = fc.oneof(fc.integer({ min: 30, max: 400 }), fc.integer({ min: 30, max: 9000 }));

  test('IPv4, and fragments of fragments', () => {
    const sample = fc.tuple(
      lengths,
      fc.integer({ min: 0, max: 10 }),
      fc.integer({ min: 68, max: 1500 }),
      fc.integer({ min: 68, max: 1500 }),
      order,
    );
    fc.assert(
      fc.property(sample, ([length, options, mtu, second, keys]) => {
        const { bytes } = ipv4Packet(noise(length, length), { options });
        const once = cut(bytes, mtu);
        if (once.length > 1) assert.deepEqual(together(shuffled(once, keys)), bytes);
        const twice = once.flatMap((part) => cut(part, second));
        if (twice.length > 1) assert.deepEqual(together(shuffled(twice, keys)), bytes);
        if (mtu <= second) assert.deepEqual(twice, once);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('IPv6 with and without extension headers; every fragment but the last holds a multiple of 8 bytes', () => {
    const extension = fc.tuple(fc.constantFrom(0, 43), fc.integer({ min: 1, max: 4 }));
    const sample = fc.tuple(lengths, fc.array(extension, { maxLength: 3 }), fc.integer({ min: 160, max: 1500 }), order);
    fc.assert(
      fc.property(sample, ([length, extensions, mtu, keys]) => {
        const packet = ipv6Packet(noise(length, length), { extensions });
        const parts = cut(packet.bytes, mtu, length);
        for (const part of parts.slice(0, -1)) assert.equal((part.length - packet.headerLength) % 8, 0);
        if (parts.length > 1) assert.deepEqual(together(shuffled(parts, keys)), packet.bytes);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('any bytes: no throw, and never more than the MTU', () => {
    const bytes = fc.tuple(
      fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0),
      fc.uint8Array({ minLength: 60, maxLength: 200 }),
    );
    const fragmenter = new Fragmenter();
    const target = new Uint8Array(2000);
    let made = 0;
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 300 }), fc.boolean(), ([first, rest], mtu, honest) => {
        const packet = Uint8Array.from([first, ...rest]);
        if (honest && packet.length > 7) {
          packet.set([packet.length >>> 8, packet.length], 2);
          if (first === 0x60) packet.set([(packet.length - 40) >>> 8, packet.length - 40], 4);
          else packet[6] &= 0xbf;
        }
        if (fragmenter.begin(packet, 0, packet.length, mtu) !== FragmentError.None) return;
        for (let length = fragmenter.next(target, 0); length > 0; length = fragmenter.next(target, 0)) {
          assert.ok(length <= mtu);
          made++;
        }
      }),
      { seed: SEED, numRuns: 5000 },
    );
    assert.ok(made > 1000);
  });
});

describe('lengths and offsets never overflow their fields', () => {
  test('IPv4: refuses a fragment that ends beyond the longest datagram, whose fragments’ offsets would reach the flags', () => {
    const { bytes } = ipv4Packet(noise(1480, 1));
    for (const [offset, headerError] of [
      [(65_535 - 20 - 1480) >>> 3, FragmentError.None],
      [((65_535 - 20 - 1480) >>> 3) + 1, FragmentError.NotIp],
      [0x1fff, FragmentError.NotIp],
    ] as const) {
      const part = bytes.slice();
      part.set([offset >>> 8, offset & 0xff], 6);
      writeIpv4Checksum(part, 0);
      const fragmenter = new Fragmenter();
      assert.equal(fragmenter.begin(part, 0, part.length, 600), headerError, `offset ${offset * 8}`);
    }
  });

  test('IPv6: a packet of 65,535 bytes of payload has no room for a fragment header, whatever the MTU', () => {
    const { bytes } = ipv6Packet(noise(65_535, 1));
    const fragmenter = new Fragmenter();
    assert.equal(fragmenter.begin(bytes, 0, bytes.length, 100_000), FragmentError.None);
    assert.equal(fragmenter.count, 2);
    const reassembler = new Reassembler();
    const target = new Uint8Array(70_000);
    const outcomes: string[] = [];
    for (let length = fragmenter.next(target, 0); length > 0; length = fragmenter.next(target, 0)) {
      assert.equal((target[4] << 8) | target[5], length - 40);
      outcomes.push(give(reassembler, target.slice(0, length)));
    }
    assert.deepEqual(outcomes, ['Held', 'Complete']);
    assert.deepEqual(result(reassembler), bytes);
  });
});
