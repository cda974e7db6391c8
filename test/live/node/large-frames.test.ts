import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LargeFrames } from '../../../src/live/node/large-frames.js';
import { FRAME } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { tcpFrame, transportOf } from '../../fragment/tcp-frame.js';
import { udpFrame } from '../../fragment/udp-frame.js';
import { ListPort } from '../memory-underlay.js';

const MTU = 1450;

/** What a port that takes no large frames gets; undefined if the frame isn't to be segmented. */
function segmented(frame: Uint8Array, segment: number, mtu = MTU): string[] | undefined {
  const port = new ListPort();
  const isSent = new LargeFrames().send(port, frame.slice(), 0, frame.length, segment, mtu);
  if (!isSent) assert.deepEqual(port.given, []);
  return isSent ? port.given : undefined;
}

function hex(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => Buffer.from(frame).toString('hex'));
}

/** The segments of a payload, of `size` bytes each. */
function partsOf(payload: Uint8Array, size: number): { part: Uint8Array; i: number }[] {
  return Array.from({ length: Math.ceil(payload.length / size) }, (_, i) => ({
    part: payload.subarray(i * size, (i + 1) * size),
    i,
  }));
}

describe('large frames for a port that takes none', () => {
  for (const family of [4, 6] as const) {
    const payload = noise(60_000, 1);

    test(`are segmented by the MTU, if TCP over IPv${family} with a partial or a complete checksum`, () => {
      const size = MTU - (transportOf(family) - 14) - 20;
      const expected = hex(
        partsOf(payload, size).map(({ part, i }) =>
          tcpFrame(part, { family, sequence: 1 + i * size, identification: i }),
        ),
      );
      for (const partial of [true, false]) {
        assert.deepEqual(segmented(tcpFrame(payload, { family, partial }), 0), expected);
      }
    });

    test(`are segmented as they say, over IPv${family}, also if there are many`, () => {
      const tcp = partsOf(payload, 60).map(({ part, i }) =>
        tcpFrame(part, { family, sequence: 1 + i * 60, identification: i }),
      );
      assert.deepEqual(segmented(tcpFrame(payload, { family, partial: true }), 60), hex(tcp));
      const udp = partsOf(payload, 1000).map(({ part, i }) => udpFrame(part, { family, identification: i }));
      assert.deepEqual(segmented(udpFrame(payload, { family, partial: true }), 1000), hex(udp));
    });
  }

  test('are left as they are if their checksum is wrong, or if they fit, or aren’t TCP', () => {
    const large = tcpFrame(noise(5000, 1));
    const fitting = tcpFrame(noise(MTU - 40, 1));
    for (const frame of [
      large.with(2000, large[2000] ^ 1),
      fitting,
      udpFrame(noise(5000, 1)),
      FRAME,
      large.subarray(0, 9),
    ]) {
      assert.equal(segmented(frame, 0), undefined);
    }
    assert.equal(segmented(tcpFrame(noise(MTU - 39, 1)), 0)?.length, 2);
  });
});
