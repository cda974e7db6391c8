/** MSS clamping: RFC 9293 section 3.7.1. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { clampMss } from '../../src/dataplane/index.js';
import { Layers, onesSum, pseudoHeaderSum } from '../../src/wire/index.js';
import { ethernet, ip } from './build.js';

const SEED = 20261121;
const SYN = 2;
const ACK = 16;

/** A frame with a TCP segment with options (padded to words) and a valid checksum. */
function segment(family: 4 | 6, flags: number, options: readonly number[], payload = 3): Uint8Array {
  const words = Math.ceil(options.length / 4);
  const tcp = new Uint8Array(20 + 4 * words + payload).fill(0x5a, 20 + 4 * words);
  tcp.set([0xa1, 0xb6, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, (5 + words) << 4, flags, 0xfd, 0x5c]);
  tcp.set(options, 20);
  const frame = ethernet(ip(family, 6, tcp), family === 4 ? 0x0800 : 0x86dd);
  const at = start(family) + 16;
  const sum = ~sumOf(frame, family) & 0xffff;
  frame.set([sum >>> 8, sum], at);
  return frame;
}

const start = (family: 4 | 6): number => (family === 4 ? 34 : 54);

function sumOf(frame: Uint8Array, family: 4 | 6): number {
  const at = start(family);
  return onesSum(frame, at, frame.length, pseudoHeaderSum(family, frame, family === 4 ? 26 : 22, 6, frame.length - at));
}

function clamp(frame: Uint8Array, mtu: number): boolean {
  const layers = new Layers();
  layers.walkEthernet(frame, 0, frame.length);
  return clampMss(frame, layers, mtu);
}

for (const family of [4, 6] as const) {
  const headers = family === 4 ? 40 : 60;
  describe(`IPv${family}`, () => {
    const OFFSETS: readonly (readonly [what: string, before: readonly number[]])[] = [
      ['first', []],
      ['after one NOP, at an odd offset', [1]],
      ['after two NOPs', [1, 1]],
      ['after a window scale of 3 bytes, at an odd offset', [3, 3, 7]],
      ['after SACK permitted and timestamps', [4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]],
      ['last of 40 bytes', [8, 10, 1, 2, 3, 4, 5, 6, 7, 8, ...new Array<number>(26).fill(1)]],
    ];
    for (const [what, before] of OFFSETS) {
      test(`the option ${what}: is lowered to what fits, the checksum is updated, and no other byte changes`, () => {
        for (const flags of [SYN, SYN | ACK, SYN | 0xc0]) {
          const frame = segment(family, flags, [...before, 2, 4, 0x23, 0x5c]);
          assert.equal(sumOf(frame, family), 0xffff);
          const old = frame.slice();
          assert.ok(clamp(frame, 1450));
          const mss = 1450 - headers;
          const at = start(family) + 20 + before.length + 2;
          assert.deepEqual([...frame.subarray(at, at + 2)], [mss >>> 8, mss & 0xff]);
          assert.equal(sumOf(frame, family), 0xffff);
          old.set(frame.subarray(at, at + 2), at);
          old.set(frame.subarray(start(family) + 16, start(family) + 18), start(family) + 16);
          assert.deepEqual(frame, old);
        }
      });
    }

    test('leaves a small MSS, other segments than SYN, SYN without the option, and tiny MTUs unchanged', () => {
      const mss = (value: number): number[] => [2, 4, value >>> 8, value & 0xff];
      for (const [flags, options, mtu] of [
        [SYN, mss(1450 - headers), 1450],
        [SYN, mss(536), 1450],
        [ACK, mss(9000), 1450],
        [SYN, [1, 1, 4, 2], 1450],
        [SYN, [0, 0, 0, 0, ...mss(9000)], 1450],
        [SYN, mss(1460), headers],
        [SYN, mss(1460), 0],
      ] as const) {
        const frame = segment(family, flags, options);
        const old = frame.slice();
        assert.equal(clamp(frame, mtu), false);
        assert.deepEqual(frame, old);
      }
      assert.ok(clamp(segment(family, SYN, mss(1451 - headers)), 1450));
    });

    const MALFORMED: readonly (readonly number[])[] = [
      [2, 3, 0x23, 0x5c],
      [2, 5, 0x23, 0x5c],
      [2, 0, 0x23, 0x5c],
      [2, 1, 0x23, 0x5c],
      [8, 0, 2, 4, 0x23, 0x5c, 1, 1],
      [8, 1, 2, 4, 0x23, 0x5c, 1, 1],
      [8, 40, 2, 4, 0x23, 0x5c, 1, 1],
      [1, 1, 1, 2],
      [1, 1, 2, 4],
      [1, 2, 4, 9],
    ];
    for (const options of MALFORMED) {
      test(`leaves malformed options ${options.join(' ')} unchanged`, () => {
        const frame = segment(family, SYN, options);
        const old = frame.slice();
        assert.equal(clamp(frame, 1450), false);
        assert.deepEqual(frame, old);
      });
    }

    test('any options: never throws, keeps the checksum valid, and never raises the MSS', () => {
      const option = fc.constantFrom(
        [0],
        [1],
        [2, 4, 0x23, 0x5c],
        [2, 4, 1, 1],
        [3, 3, 7],
        [4, 2],
        [8, 10],
        [2, 3],
        [9],
      );
      const options = fc.array(option, { maxLength: 9 }).map((all) => all.flat().slice(0, 40));
      let lowered = 0;
      fc.assert(
        fc.property(options, fc.integer({ min: 60, max: 9200 }), fc.nat(40), (list, mtu, payload) => {
          const frame = segment(family, SYN, list, payload);
          const old = frame.slice();
          const changed = clamp(frame, mtu);
          assert.equal(sumOf(frame, family), 0xffff);
          if (changed) lowered++;
          else assert.deepEqual(frame, old);
          assert.equal(clamp(frame, mtu), false);
        }),
        { seed: SEED, numRuns: 2000 },
      );
      assert.ok(lowered > 50);
    });
  });
}

test('leaves fragments, UDP and frames without IP unchanged', () => {
  const frame = segment(4, SYN, [2, 4, 0x23, 0x5c]);
  const part = frame.slice();
  part[20] = 0x20;
  const udp = frame.slice();
  udp[23] = 17;
  const other = frame.slice();
  other.set([0x88, 0xb5], 12);
  for (const bytes of [part, udp, other]) {
    const old = bytes.slice();
    assert.equal(clamp(bytes, 1450), false);
    assert.deepEqual(bytes, old);
  }
});
