import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TcpCoalescer } from '../../../src/fragment/index.js';
import {
  completeChecksum,
  OFFLOAD_HEADER_BYTES,
  OffloadHeader,
  segmentSizeIn,
} from '../../../src/live/tap/offload-header.js';
import { EtherType, pseudoHeaderSum } from '../../../src/wire/index.js';
import { ethernet, FRAME, join, udpIp } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { tcpFrame, transportOf } from '../../fragment/tcp-frame.js';

const AT = 100;

/** A frame with room before it, and the header written there: flags, type, then four words. */
function put(frame: Uint8Array, unfinished = true): { readonly bytes: Uint8Array; readonly header: readonly number[] } {
  const bytes = join(new Uint8Array(AT).fill(0xee), frame);
  assert.equal(new OffloadHeader().put(bytes, AT, bytes.length, unfinished), AT - OFFLOAD_HEADER_BYTES);
  assert.deepEqual(bytes.subarray(AT), frame);
  return { bytes, header: headerAt(bytes) };
}

function headerAt(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = AT - OFFLOAD_HEADER_BYTES;
  return [view.getUint8(at), view.getUint8(at + 1), ...[2, 4, 6, 8].map((word) => view.getUint16(at + word, true))];
}

describe('the offload header before a frame', () => {
  test('requests nothing for a frame with a complete checksum, with none, or too short for one', () => {
    const whole = tcpFrame(noise(100, 1));
    const none = ethernet(udpIp(4, 80, noise(10, 2), 0), EtherType.Ipv4);
    for (const frame of [FRAME, whole, none, whole.subarray(0, 13), new Uint8Array(0)]) {
      assert.deepEqual(put(frame).header, [0, 0, 0, 0, 0, 0]);
    }
  });

  test('requests nothing for any frame if checksums are never partial', () => {
    assert.deepEqual(put(tcpFrame(noise(100, 1), { partial: true }), false).header, [0, 0, 0, 0, 0, 0]);
  });

  for (const family of [4, 6] as const) {
    test(`requests TCP’s checksum over IPv${family} if the field contains just the pseudo-header’s sum`, () => {
      const partial = tcpFrame(noise(333, 3), { family, partial: true });
      const { bytes, header } = put(partial);
      assert.deepEqual(header, [1, 0, 0, 0, transportOf(family), 16]);
      // The kernel then does what a sender without the offload would have done.
      assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), true);
      assert.deepEqual(bytes.subarray(AT), tcpFrame(noise(333, 3), { family }));
    });
  }

  test('requests UDP’s checksum', () => {
    const payload = noise(51, 4);
    const packet = udpIp(4, 80, payload, 0);
    const pseudo = pseudoHeaderSum(4, packet, 12, 17, 8 + payload.length);
    const { bytes, header } = put(ethernet(udpIp(4, 80, payload, pseudo), EtherType.Ipv4));
    assert.deepEqual(header, [1, 0, 0, 0, 34, 6]);
    assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), true);
    assert.deepEqual(bytes.subarray(AT), ethernet(udpIp(4, 80, payload), EtherType.Ipv4));
  });

  test('requests segmentation of coalesced segments', () => {
    const bytes = join(
      new Uint8Array(AT),
      tcpFrame(noise(1000, 5), { family: 6, options: [1, 1, 1, 1] }),
      tcpFrame(noise(1000, 6), { family: 6, options: [1, 1, 1, 1], sequence: 1001 }),
    );
    const merger = new TcpCoalescer();
    const length = (bytes.length - AT) / 2;
    assert.ok(merger.offer(bytes, AT, AT + length));
    assert.ok(merger.offer(bytes, AT + length, bytes.length));
    merger.finish();
    const at = new OffloadHeader().putMerged(bytes, merger);
    assert.deepEqual(headerAt(bytes), [1, 4, 78, 1000, 54, 16]);
    assert.equal(segmentSizeIn(bytes, at), 1000);
  });
});

describe('a partial checksum from a TAP device', () => {
  test('is refused if its offsets lie outside the frame, and nothing is written', () => {
    const frame = tcpFrame(noise(10, 7), { partial: true });
    for (const [start, field] of [
      [frame.length, 0],
      [34, frame.length - 35],
      [65_535, 65_535],
      [frame.length - 1, 0],
    ]) {
      const { bytes } = put(frame);
      const view = new DataView(bytes.buffer);
      view.setUint16(AT - 4, start, true);
      view.setUint16(AT - 2, field, true);
      const before = bytes.slice();
      assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), false);
      assert.deepEqual(bytes, before);
    }
  });

  test('nothing is written if the header requests no checksum', () => {
    const { bytes } = put(tcpFrame(noise(10, 8)));
    const before = bytes.slice();
    assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), true);
    assert.deepEqual(bytes, before);
    assert.equal(segmentSizeIn(bytes, AT - OFFLOAD_HEADER_BYTES), 0);
  });
});
