import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Segmenter } from '../../src/fragment/index.js';
import { EtherType, IpProtocol, TcpFlag, writeIpv4Checksum } from '../../src/wire/index.js';
import { ethernet, ip, join, udpIp } from '../dataplane/build.js';
import { noise } from './split.js';
import { type TcpFrame, tcpFrame } from './tcp-frame.js';

/** All segments of a frame, each at a different offset. */
function segmentsOf(frame: Uint8Array, size: number): Uint8Array[] {
  const segmenter = new Segmenter();
  const room = new Uint8Array(200 + frame.length).fill(0xee);
  room.set(frame, 100);
  assert.equal(segmenter.begin(room, 100, 100 + frame.length, size), true);
  const segments: Uint8Array[] = [];
  while (segmenter.pending) {
    const target = new Uint8Array(segmenter.frameBytes + 40);
    const length = segmenter.next(target, 40);
    assert.ok(length > 0 && length <= segmenter.frameBytes);
    segments.push(target.slice(40, 40 + length));
  }
  assert.equal(segmenter.next(new Uint8Array(9000), 0), 0);
  assert.equal(segments.length, segmenter.count);
  return segments;
}

/** All segments of a frame, by their headers in one place and their payload in another. */
function headersAndPayloadsOf(frame: Uint8Array, size: number): Uint8Array[] {
  const segmenter = new Segmenter();
  assert.equal(segmenter.begin(frame, 0, frame.length, size), true);
  const target = new Uint8Array(segmenter.headerBytes + 40);
  const segments: Uint8Array[] = [];
  while (segmenter.pending) {
    const length = segmenter.nextFrameBytes;
    assert.equal(segmenter.nextHeaders(target, 40), segmenter.headerBytes);
    segments.push(join(target.subarray(40), frame.subarray(segmenter.payloadStart, segmenter.payloadEnd)));
    assert.equal(segments.at(-1)?.length, length);
    assert.equal(segmenter.left, segmenter.count - segments.length);
  }
  assert.equal(segmenter.nextHeaders(target, 0), 0);
  return segments;
}

/** The segments that a sender without the offload would have produced. */
function expected(payload: Uint8Array, size: number, what: TcpFrame): Uint8Array[] {
  const { sequence = 1, flags = TcpFlag.Ack, identification = 0 } = what;
  return Array.from({ length: Math.ceil(payload.length / size) }, (_, i) => {
    const last = (i + 1) * size >= payload.length;
    return tcpFrame(payload.subarray(i * size, (i + 1) * size), {
      ...what,
      partial: false,
      sequence: (sequence + i * size) % 2 ** 32,
      identification: (identification + i) & 0xffff,
      flags: flags & ~(last ? 0 : TcpFlag.Fin | TcpFlag.Psh) & ~(i === 0 ? 0 : TcpFlag.Cwr),
    });
  });
}

describe('Segmenter', () => {
  for (const family of [4, 6] as const) {
    test(`splits IPv${family} into the segments that a sender without TSO would have sent`, () => {
      const anyCase = fc.record({
        length: fc.integer({ min: 1, max: 6000 }),
        size: fc.integer({ min: 48, max: 1460 }),
        sequence: fc.integer({ min: 0, max: 0xffffffff }),
        flags: fc.constantFrom(0x10, 0x18, 0x11, 0x19, 0x98, 0x50),
        identification: fc.integer({ min: 0, max: 0xffff }),
        words: fc.integer({ min: 0, max: 10 }),
        partial: fc.boolean(),
      });
      fc.assert(
        fc.property(anyCase, ({ length, size, words, ...rest }) => {
          const options = Array.from({ length: 4 * words }, () => 1);
          const payload = noise(length, length);
          const what = { ...rest, family, options };
          assert.deepEqual(segmentsOf(tcpFrame(payload, what), size), expected(payload, size, what));
          assert.deepEqual(headersAndPayloadsOf(tcpFrame(payload, what), size), expected(payload, size, what));
        }),
        { numRuns: 200 },
      );
    });
  }

  test('RFC 9293 section 3.4: sequence numbers wrap at 2^32', () => {
    const what = { sequence: 0xffffff00 };
    const payload = noise(3000, 1);
    assert.deepEqual(segmentsOf(tcpFrame(payload, what), 1000), expected(payload, 1000, what));
  });

  test('ignores bytes after the IP packet, such as Ethernet padding', () => {
    const payload = noise(100, 2);
    const padded = Uint8Array.from([...tcpFrame(payload), 0, 0, 0, 0]);
    assert.deepEqual(segmentsOf(padded, 50), expected(payload, 50, {}));
  });

  test('accepts only a whole TCP or UDP packet with data', () => {
    const segmenter = new Segmenter();
    const whole = tcpFrame(noise(100, 3));
    const fragment = whole.slice();
    fragment[14 + 6] = 0x20;
    const icmp = ethernet(ip(4, IpProtocol.Icmp, noise(100, 7)), EtherType.Ipv4);
    for (const frame of [icmp, tcpFrame(new Uint8Array(0)), fragment, whole.subarray(0, 60), whole.subarray(0, 0)]) {
      assert.equal(segmenter.begin(frame, 0, frame.length, 50), false);
      assert.equal(segmenter.tooSmall, false);
      assert.equal(segmenter.pending, false);
      assert.equal(segmenter.next(new Uint8Array(2000), 0), 0);
    }
    assert.equal(segmenter.begin(whole, 0, whole.length, 50), true);
  });

  test('TCP_MIN_SND_MSS: refuses segments with less than 48 bytes of options and payload, which Linux never sends', () => {
    const segmenter = new Segmenter();
    for (let words = 0; words <= 10; words++) {
      const frame = tcpFrame(noise(300, 4), { options: new Array<number>(4 * words).fill(1) });
      const least = 48 - 4 * words;
      for (const size of [0, 1, least - 1]) {
        assert.equal(segmenter.begin(frame, 0, frame.length, size), false);
        assert.deepEqual([segmenter.tooSmall, segmenter.count, segmenter.pending], [true, 0, false]);
      }
      assert.equal(segmenter.begin(frame, 0, frame.length, least), true);
      assert.deepEqual([segmenter.tooSmall, segmenter.count], [false, Math.ceil(300 / least)]);
    }
  });

  test('produces at most 2,048 segments per frame, however large it is', () => {
    const segmenter = new Segmenter();
    const frame = tcpFrame(noise(65_000, 5), { options: new Array<number>(40).fill(1) });
    assert.equal(segmenter.begin(frame, 0, frame.length, 31), false);
    assert.equal(segmenter.tooSmall, true);
    assert.equal(segmenter.begin(frame, 0, frame.length, 32), true);
    assert.equal(segmenter.count, 2032);
    // The smallest that Linux's TCP sends, with timestamps.
    const stamps = tcpFrame(noise(65_400, 6), { options: new Array<number>(12).fill(1) });
    assert.equal(segmenter.begin(stamps, 0, stamps.length, 36), true);
  });

  for (const family of [4, 6] as const) {
    test(`splits UDP over IPv${family} into the datagrams that a sender without USO would have sent`, () => {
      const etherType = family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
      const datagram = (payload: Uint8Array, index: number): Uint8Array => {
        const packet = udpIp(family, 443, payload);
        if (family === 4) packet[5] = index;
        if (family === 4) writeIpv4Checksum(packet, 0);
        return ethernet(packet, etherType);
      };
      for (const [bytes, size] of [
        [5000, 1200],
        [4800, 1200],
        [128, 1],
        [100, 300],
      ]) {
        const payload = noise(bytes, bytes);
        const segments = Array.from({ length: Math.ceil(bytes / size) }, (_, i) =>
          datagram(payload.subarray(i * size, (i + 1) * size), i),
        );
        assert.deepEqual(segmentsOf(datagram(payload, 0), size), segments);
        assert.deepEqual(headersAndPayloadsOf(datagram(payload, 0), size), segments);
      }
    });
  }

  test('UDP_MAX_SEGMENTS: refuses more than 128 datagrams per frame, and empty ones', () => {
    const segmenter = new Segmenter();
    const frame = ethernet(udpIp(4, 443, noise(1281, 8)), EtherType.Ipv4);
    for (const [size, fits] of [
      [0, false],
      [10, false],
      [11, true],
    ] as const) {
      assert.equal(segmenter.begin(frame, 0, frame.length, size), fits);
      assert.equal(segmenter.tooSmall, !fits);
    }
  });

  test('RFC 768: a UDP checksum of zero is sent as 0xffff', () => {
    const payload = new Uint8Array(8);
    const frame = ethernet(udpIp(4, 443, payload), EtherType.Ipv4);
    // With the checksum as payload, the sum of everything is 0xffff.
    payload.set(frame.subarray(40, 42), 2);
    const [segment] = segmentsOf(ethernet(udpIp(4, 443, payload), EtherType.Ipv4), 8);
    assert.deepEqual([...segment.subarray(40, 42)], [0xff, 0xff]);
  });

  test('never throws on arbitrary bytes and sizes', () => {
    const segmenter = new Segmenter();
    const target = new Uint8Array(70_000);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 65_535 }), (changes, size) => {
        const frame = tcpFrame(noise(300, 4));
        changes.forEach((byte, i) => (frame[(byte * 7 + i) % frame.length] ^= byte));
        if (!segmenter.begin(frame, 0, frame.length, size)) return;
        let bytes = 0;
        while (segmenter.pending) bytes += segmenter.next(target, 0);
        assert.ok(bytes <= frame.length * segmenter.count);
      }),
    );
  });
});
