import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encryptedBytes } from '../../../bench/peers/frame-sizes.js';
import { framesOf, meanBytes } from '../../../bench/imix.js';
import { nodeBackend } from '../../../src/aead/index.js';
import { EspSealer, OutboundSa } from '../../../src/ipsec/index.js';
import { association, NO_MASK, seal } from '../../ipsec/build.js';

const IV_AND_HEADER = 16;
const ICV = 8;
const UDP_AND_VXLAN = 16;

test('the bytes encrypted equal those that ESP encrypts of the frame with UDP and VXLAN', () => {
  const aead = nodeBackend.create();
  const sa = new OutboundSa(association(), aead, { ivMask: NO_MASK });
  for (const bytes of [64, 65, 66, 67, 594, 1400, 1518, 8900]) {
    const { packet } = seal(new EspSealer(aead), sa, new Uint8Array(UDP_AND_VXLAN + bytes));
    assert.equal(encryptedBytes(bytes), packet.length - IV_AND_HEADER - ICV, `a frame of ${bytes} bytes`);
  }
});

test('IMIX is 64, 594 and 1518 bytes as 7 to 4 to 1', () => {
  const frames = framesOf('imix');
  const counted = [64, 594, 1518].map((bytes) => frames.filter((frame) => frame === bytes).length);
  assert.deepEqual(counted, [7, 4, 1]);
  assert.equal(frames.length, 12);
  assert.equal(meanBytes('imix'), (7 * 64 + 4 * 594 + 1518) / 12);
});

test('frames of one size are that size on average', () => {
  assert.deepEqual(framesOf(1400), [1400]);
  assert.equal(meanBytes(1400), 1400);
});
