/** ECN at tunnel egress: RFC 6040 section 4.2 as the kernel implements it (INET_ECN_decapsulate). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decapsulateEcn } from '../../src/wire/ecn.js';
import { HeaderError, isIpv4ChecksumValid, Layers, writeIpv4Checksum } from '../../src/wire/index.js';
import { ethernet, ip } from '../dataplane/build.js';

const NAMES = ['Not-ECT', 'ECT(1)', 'ECT(0)', 'CE'];
const DROPPED = -1;
/** Result by inner mark, then by outer mark. */
const TABLE = [
  [0, 0, 0, DROPPED],
  [1, 1, 1, 3],
  [2, 1, 2, 3],
  [3, 3, 3, 3],
];

for (const family of [4, 6] as const) {
  describe(`RFC 6040 section 4.2, IPv${family} inside`, () => {
    TABLE.forEach((row, inner) => {
      row.forEach((expected, outer) => {
        const becomes = expected === DROPPED ? 'dropped' : NAMES[expected];
        test(`${NAMES[inner]} in ${NAMES[outer]}: ${becomes}; keeps DSCP and a correct checksum`, () => {
          for (const dscp of [0, 0x2e, 0x3f]) {
            const packet = ip(family, 253, new Uint8Array(9));
            const tos = (dscp << 2) | inner;
            if (family === 4) packet[1] = tos;
            else packet.set([0x60 | (tos >>> 4), ((tos & 15) << 4) | 7], 0);
            if (family === 4) writeIpv4Checksum(packet, 0);
            const frame = ethernet(packet, family === 4 ? 0x0800 : 0x86dd);
            const before = frame.slice();
            const layers = new Layers();
            assert.equal(layers.walkEthernet(frame, 0, frame.length), HeaderError.None);
            assert.equal(decapsulateEcn(frame, 0xa8 | outer, layers), expected !== DROPPED);
            const after = family === 4 ? frame[15] : ((frame[14] & 15) << 4) | (frame[15] >>> 4);
            assert.equal(after, (dscp << 2) | (expected === DROPPED ? inner : expected));
            if (family === 4) assert.ok(isIpv4ChecksumValid(frame, 14));
            else assert.equal(frame[15] & 15, 7);
            if (expected === inner || expected === DROPPED) assert.deepEqual(frame, before);
          }
        });
      });
    });
  });
}

test('leaves a frame without IP unchanged', () => {
  const frame = ethernet(new Uint8Array(40).fill(1), 0x88b5);
  const layers = new Layers();
  layers.walkEthernet(frame, 0, frame.length);
  const before = frame.slice();
  assert.ok(decapsulateEcn(frame, 3, layers));
  assert.deepEqual(frame, before);
});
