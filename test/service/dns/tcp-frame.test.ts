import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { tcpFrame, TcpMessages } from '../../../src/service/index.js';
import { Asker, answerIn, recordedNames } from './swarm.js';
import { queryOf } from './messages.js';

describe('TCP', () => {
  test('messages come out as they went in, however the connection cuts them', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 700, size: 'max' }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(tcpFrame));
        const reader = new TcpMessages();
        const received: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; at += cuts[i++ % cuts.length]) {
          reader.push(stream.subarray(at, at + cuts[i % cuts.length]), (message) =>
            received.push(Buffer.from(message)),
          );
        }
        assert.deepEqual(
          received,
          sent.map((message) => Buffer.from(message)),
        );
        assert.equal(reader.held, 0);
      }),
      { seed: 20261129, numRuns: 100 },
    );
  });

  test('at most one message is held', () => {
    const reader = new TcpMessages();
    const count = { messages: 0 };
    for (let i = 0; i < 3000; i++) reader.push(Buffer.alloc(1000, 0xff), () => count.messages++);
    assert.ok(reader.held <= 65_537);
    assert.equal(count.messages, Math.floor(3_000_000 / 65_537));
  });

  test('the same answer as over UDP, with its length before it', () => {
    const answer = answerIn(new Asker(recordedNames()).send(queryOf('my-web'), 'tcp'));
    const frame = Buffer.from(tcpFrame(answer));
    assert.equal(frame.readUInt16BE(0), frame.length - 2);
    assert.equal(frame.length, 48);
  });
});
