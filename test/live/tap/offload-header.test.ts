import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressOf } from '../../../src/foreign/index.js';
import {
  completeChecksum,
  OFFLOAD_HEADER_BYTES,
  OffloadHeader,
  Segmentation,
  segmentSizeIn,
} from '../../../src/live/tap/offload-header.js';
import { FRAME, join } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { tcpFrame, transportOf } from '../../fragment/tcp-frame.js';

const AT = 100;

/** A header's flags and type, then its four words. */
function fieldsOf(header: OffloadHeader): readonly number[] {
  const view = new DataView(header.bytes.buffer, header.bytes.byteOffset);
  return [view.getUint8(0), view.getUint8(1), ...[2, 4, 6, 8].map((word) => view.getUint16(word, true))];
}

/** A frame with a header before it, as the kernel writes them. */
function after(header: OffloadHeader, frame: Uint8Array): Uint8Array {
  return join(new Uint8Array(AT - OFFLOAD_HEADER_BYTES).fill(0xee), header.bytes, frame);
}

function noHeader(): OffloadHeader {
  const header = new OffloadHeader();
  header.putNone();
  return header;
}

function checksumHeader(): OffloadHeader {
  const header = new OffloadHeader();
  header.putChecksum(34, 16);
  return header;
}

describe('the offload header before a frame', () => {
  test('lies where its address says', () => {
    assert.equal(new OffloadHeader().bytes.length, OFFLOAD_HEADER_BYTES);
    const header = new OffloadHeader();
    assert.equal(header.address, addressOf(header.bytes));
  });

  for (const family of [4, 6] as const) {
    test(`requests TCP’s checksum over IPv${family}, which completes a frame as its sender would have`, () => {
      const header = new OffloadHeader();
      header.putSegments(Segmentation.Udp, 1, 2, 3, 4);
      header.putChecksum(transportOf(family), 16);
      assert.deepEqual(fieldsOf(header), [1, 0, 0, 0, transportOf(family), 16]);
      const bytes = after(header, tcpFrame(noise(333, 3), { family, partial: true }));
      assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), true);
      assert.deepEqual(bytes.subarray(AT), tcpFrame(noise(333, 3), { family }));
      header.putNone();
      assert.deepEqual(fieldsOf(header), [0, 0, 0, 0, 0, 0]);
    });
  }

  test('requests segmentation', () => {
    const header = new OffloadHeader();
    header.putSegments(Segmentation.Tcp6, 78, 1000, 54, 16);
    assert.deepEqual(fieldsOf(header), [1, 4, 78, 1000, 54, 16]);
    assert.equal(segmentSizeIn(after(header, FRAME), AT - OFFLOAD_HEADER_BYTES), 1000);
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
      const bytes = after(checksumHeader(), frame);
      const view = new DataView(bytes.buffer);
      view.setUint16(AT - 4, start, true);
      view.setUint16(AT - 2, field, true);
      const before = bytes.slice();
      assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), false);
      assert.deepEqual(bytes, before);
    }
  });

  test('nothing is written if the header requests no checksum', () => {
    const bytes = after(noHeader(), tcpFrame(noise(10, 8)));
    const before = bytes.slice();
    assert.equal(completeChecksum(bytes, AT - OFFLOAD_HEADER_BYTES, bytes.length), true);
    assert.deepEqual(bytes, before);
    assert.equal(segmentSizeIn(bytes, AT - OFFLOAD_HEADER_BYTES), 0);
  });
});
