/** The answer to what is too large, held against the kernel's own in a recording. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PACKET_TOO_BIG_HEADROOM, PacketTooBig } from '../../src/dataplane/index.js';
import { checksum, Fault, ipv4ChecksumHolds, Layers, onesSum, pseudoHeaderSum } from '../../src/wire/index.js';
import { noise } from '../fragment/split.js';
import { ethernet, ip } from './build.js';
import { fromHex, recorded } from './topology.js';

/** The answer to a frame, which stands in the midst of other bytes; those in front and behind are left alone. */
function answerTo(frame: Uint8Array, mtu: number): Uint8Array {
  const at = PACKET_TOO_BIG_HEADROOM + 9;
  const bytes = new Uint8Array(at + frame.length + 9).fill(0x77);
  bytes.set(frame, at);
  const layers = new Layers();
  assert.equal(layers.walkEthernet(bytes, at, at + frame.length), Fault.None);
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
    test('the answer is the kernel’s byte for byte (32-pmtu-df-1500)', async () => {
      const frames = await recorded('vxlan/32-pmtu-df-1500.c1.pcap');
      const got = answerTo(fromHex(frames[question - 1]), 1450);
      assert.equal(Buffer.from(got).toString('hex'), frames[answer - 1]);
    });

    for (const tags of TAGS) {
      test(`with the tags ${tags} it has them too, and else is the same`, async () => {
        const frames = await recorded('vxlan/32-pmtu-df-1500.c1.pcap');
        const got = answerTo(fromHex(tagged(frames[question - 1], tags)), 1450);
        assert.equal(Buffer.from(got).toString('hex'), tagged(frames[answer - 1], tags));
      });
    }
  });
}

describe('any packet', () => {
  test('IPv4: all of it is quoted up to 576 bytes together, and both checksums are right (RFC 1812 section 4.3.2.3)', () => {
    for (const length of [1, 20, 519, 528, 529, 1400]) {
      const frame = ethernet(ip(4, 253, noise(length, length), '10.0.9.3', '10.0.9.4'), 0x0800);
      const answer = answerTo(frame, 100 + length);
      assert.equal(answer.length, 14 + Math.min(576, 28 + 20 + length));
      assert.ok(ipv4ChecksumHolds(answer, 14));
      assert.equal(checksum(answer, 34, answer.length), 0);
      assert.deepEqual(answer.subarray(42), frame.subarray(14, 14 + answer.length - 42));
      assert.deepEqual([...answer.subarray(26, 34)], [10, 0, 9, 4, 10, 0, 9, 3]);
      assert.deepEqual([...answer.subarray(34, 36)], [3, 4]);
      assert.equal((answer[40] << 8) | answer[41], 100 + length);
    }
  });

  test('IPv6: all of it is quoted up to 1280 bytes together, and the checksum is right (RFC 4443 section 2.4 c)', () => {
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

  test('padding behind the IP packet is not quoted', () => {
    const frame = ethernet(ip(4, 253, noise(1, 1), '10.0.9.3', '10.0.9.4'), 0x0800);
    const padded = Uint8Array.from([...frame, ...new Uint8Array(25)]);
    assert.deepEqual(answerTo(padded, 576), answerTo(frame, 576));
  });

  test('a packet with options is quoted with them (RFC 792)', () => {
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
