import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FrameReader, grpcFrame } from '../../../src/join/grpc/frame-reader.js';

test('messages survive any division into chunks', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat(60)), (messages, cuts) => {
      const stream = Buffer.concat(messages.map(grpcFrame));
      const reader = new FrameReader();
      const read: Uint8Array[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        const end = Math.min(at + cut, stream.length);
        read.push(...reader.push(stream.subarray(at, end)));
        at = end;
      }
      read.push(...reader.push(stream.subarray(at)));
      assert.deepEqual(
        read.map((message) => [...message]),
        messages.map((message) => [...message]),
      );
      assert.ok(!reader.pending);
    }),
  );
});

test('compressed and huge messages are refused before they arrive', () => {
  assert.throws(() => new FrameReader().push(Buffer.from('0100000000', 'hex')), { code: 'BAD_ANSWER' });
  assert.throws(() => new FrameReader().push(Buffer.from('0001000001', 'hex')), { code: 'BAD_ANSWER' });
  assert.deepEqual(new FrameReader().push(Buffer.from('0001000000', 'hex')), []);
});
