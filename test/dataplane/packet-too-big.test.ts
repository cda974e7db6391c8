/** The ICMP error about a packet that is too large, compared with the kernel's in a recording. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PACKET_TOO_BIG_HEADROOM, PacketTooBig } from '../../src/dataplane/index.js';
import { isAnswerable } from '../../src/dataplane/packet-too-big.js';
import { checksum, HeaderError, isIpv4ChecksumValid, Layers, onesSum, pseudoHeaderSum } from '../../src/wire/index.js';
import { noise } from '../fragment/split.js';
import { ethernet, ip } from './build.js';
import { fromHex, recorded } from './topology.js';

/** The ICMP error about a frame in the middle of other bytes, which stay unchanged. */
function answerTo(frame: Uint8Array, mtu: number): Uint8Array {
  const at = PACKET_TOO_BIG_HEADROOM + 9;
  const bytes = new Uint8Array(at + frame.length + 9).fill(0x77);
  bytes.set(frame, at);
  const layers = new Layers();
  assert.equal(layers.walkEthernet(bytes, at, at + frame.length), HeaderError.None);
  const tooBig = new PacketTooBig();
  tooBig.answer(bytes, at, layers, mtu);
  assert.ok(tooBig.start >= at - PACKET_TOO_BIG_HEADROOM);
  assert.ok(bytes.subarray(0, tooBig.start).every((byte) => byte === 0x77));
  assert.ok(bytes.subarray(at + frame.length).every((byte) => byte === 0x77));
  return bytes.slice(tooBig.start, tooBig.end);
}

const TAGS = ['81000064', '88a8006481000065'];

function tagged(hex: string, tags: string): string {
  return hex.slice(0, 24) + tags + hex.slice(24);
}

for (const [what, question, answer] of [
  ['IPv4: fragmentation needed (RFC 1191 section 4)', 3, 4],
  ['IPv6: packet too big (RFC 8201, RFC 4443 section 3.2)', 73, 74],
] as const) {
  describe(what, () => {
    test('the error is the kernel’s byte for byte (32-pmtu-df-1500)', async () => {
      const frames = await recorded('vxlan/32-pmtu-df-1500.c1.pcap');
      const got = answerTo(fromHex(frames[question - 1]), 1450);
      assert.equal(Buffer.from(got).toString('hex'), frames[answer - 1]);
    });

    for (const tags of TAGS) {
      test(`for a frame with the tags ${tags} it has the same tags and is otherwise identical`, async () => {
        const frames = await recorded('vxlan/32-pmtu-df-1500.c1.pcap');
        const got = answerTo(fromHex(tagged(frames[question - 1], tags)), 1450);
        assert.equal(Buffer.from(got).toString('hex'), tagged(frames[answer - 1], tags));
      });
    }
  });
}

describe('packets that cause ICMP errors (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e)', () => {
  const answerable = (packet: Uint8Array): boolean => {
    const frame = ethernet(packet, packet[0] >>> 4 === 4 ? 0x0800 : 0x86dd);
    const layers = new Layers();
    assert.equal(layers.walkEthernet(frame, 0, frame.length), HeaderError.None);
    return isAnswerable(frame, layers);
  };
  const [C1, C2] = ['10.0.9.3', '10.0.9.4'];
  const four = (protocol: number, first: number, source = C1, destination = C2): Uint8Array =>
    ip(4, protocol, Uint8Array.of(first, ...new Uint8Array(63)), source, destination);
  const six = (protocol: number, first: number, source = 'fd00:9::3', destination = 'fd00:9::4'): Uint8Array =>
    ip(6, protocol, Uint8Array.of(first, ...new Uint8Array(63)), source, destination);
  const part = (word: number): Uint8Array => {
    const packet = four(253, 0);
    packet.set([word >>> 8, word], 6);
    return packet;
  };
  const part6 = (word: number, protocol = 253): Uint8Array => {
    const packet = six(44, protocol);
    packet.set([word >>> 8, word], 42);
    return packet;
  };

  const CASES: readonly (readonly [what: string, packet: Uint8Array, expected: boolean])[] = [
    ['IPv4 of any protocol', four(253, 0), true],
    ['IPv4, the first fragment', part(0x2000), true],
    ['IPv4, a fragment in the middle', part(0x2001), false],
    ['IPv4, the last fragment', part(0x0001), false],
    ...[0, 8, 9, 10, 13, 14, 17, 18].map((type) => [`ICMP query ${type}`, four(1, type), true] as const),
    ...[3, 4, 5, 11, 12].map((type) => [`ICMP error ${type}`, four(1, type), false] as const),
    ['ICMP without a type', ip(4, 1, new Uint8Array(0), C1, C2), false],
    ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255'].map(
      (source) => [`IPv4 from ${source}`, four(253, 0, source), false] as const,
    ),
    ...['1.0.0.1', '126.0.0.1', '128.0.0.1', '223.255.255.254'].map(
      (source) => [`IPv4 from ${source}`, four(253, 0, source), true] as const,
    ),
    ...['224.0.0.1', '255.255.255.255'].map(
      (destination) => [`IPv4 to ${destination}`, four(253, 0, C1, destination), false] as const,
    ),
    ['IPv6 of any protocol', six(253, 0), true],
    ['IPv6, the first fragment', part6(0x0001), true],
    ['IPv6, a fragment in the middle', part6(0x0009), false],
    ['IPv6, the last fragment', part6(0x0008), false],
    ['IPv6, an atomic fragment (RFC 6946)', part6(0), true],
    ...[1, 2, 3, 4, 127, 137].map((type) => [`ICMPv6 error or redirect ${type}`, six(58, type), false] as const),
    ...[128, 129, 135, 136].map((type) => [`ICMPv6 ${type}`, six(58, type), true] as const),
    ['ICMPv6 without a type', ip(6, 58, new Uint8Array(0), 'fd00:9::3', 'fd00:9::4'), false],
    ...['::', '::1', 'ff02::1'].map((source) => [`IPv6 from ${source}`, six(253, 0, source), false] as const),
    ['IPv6 from ::2', six(253, 0, '::2'), true],
    ['IPv6 to a group', six(253, 0, 'fd00:9::3', 'ff02::1'), false],
  ];
  for (const [what, packet, expected] of CASES) {
    test(`${what}: ${expected ? 'yes' : 'no'}`, () => assert.equal(answerable(packet), expected));
  }
});

describe('any packet', () => {
  test('an MTU above 65,535 is reported exactly by ICMPv6, and as 65,535 by ICMP', () => {
    const four = answerTo(ethernet(ip(4, 253, noise(99, 1), '10.0.9.3', '10.0.9.4'), 0x0800), 0x1_0514);
    assert.equal(new DataView(four.buffer).getUint32(38), 0xffff);
    const six = answerTo(ethernet(ip(6, 253, noise(99, 1), 'fd00:9::3', 'fd00:9::4'), 0x86dd), 0x1_0514);
    assert.equal(new DataView(six.buffer).getUint32(58), 0x1_0514);
  });

  test('RFC 1812 section 4.3.2.3: the IPv4 error quotes as much as fits in 576 bytes, with valid checksums', () => {
    for (const length of [1, 20, 519, 528, 529, 1400]) {
      const frame = ethernet(ip(4, 253, noise(length, length), '10.0.9.3', '10.0.9.4'), 0x0800);
      const answer = answerTo(frame, 100 + length);
      assert.equal(answer.length, 14 + Math.min(576, 28 + 20 + length));
      assert.ok(isIpv4ChecksumValid(answer, 14));
      assert.equal(checksum(answer, 34, answer.length), 0);
      assert.deepEqual(answer.subarray(42), frame.subarray(14, 14 + answer.length - 42));
      assert.deepEqual([...answer.subarray(26, 34)], [10, 0, 9, 4, 10, 0, 9, 3]);
      assert.deepEqual([...answer.subarray(34, 36)], [3, 4]);
      assert.equal((answer[40] << 8) | answer[41], 100 + length);
    }
  });

  test('RFC 4443 section 2.4 c: the IPv6 error quotes as much as fits in 1280 bytes, with a valid checksum', () => {
    for (const length of [1, 1191, 1192, 1193, 3000]) {
      const frame = ethernet(ip(6, 253, noise(length, length), 'fd00:9::3', 'fd00:9::4'), 0x86dd);
      const answer = answerTo(frame, 1280);
      assert.equal(answer.length, 14 + Math.min(1280, 48 + 40 + length));
      const pseudo = pseudoHeaderSum(6, answer, 22, 58, answer.length - 54);
      assert.equal(onesSum(answer, 54, answer.length, pseudo), 0xffff);
      assert.deepEqual(answer.subarray(62), frame.subarray(14, 14 + answer.length - 62));
      assert.equal((answer[18] << 8) | answer[19], answer.length - 54);
    }
  });

  test('does not quote padding after the IP packet', () => {
    const frame = ethernet(ip(4, 253, noise(1, 1), '10.0.9.3', '10.0.9.4'), 0x0800);
    const padded = Uint8Array.from([...frame, ...new Uint8Array(25)]);
    assert.deepEqual(answerTo(padded, 576), answerTo(frame, 576));
  });

  test('RFC 792: quotes IP options', () => {
    const packet = ip(4, 253, noise(600, 2), '10.0.9.3', '10.0.9.4');
    const frame = ethernet(
      Uint8Array.from([0x46, ...packet.subarray(1, 20), 1, 1, 1, 1, ...packet.subarray(24)]),
      0x0800,
    );
    const answer = answerTo(frame, 500);
    assert.deepEqual(answer.subarray(42), frame.subarray(14, 14 + 548));
    assert.equal(answer[14], 0x45);
  });
});
