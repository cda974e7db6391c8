/** Answers of a recorded load balancer, turned back into what the tasks had sent. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecordedAnswers } from '../../src/replay/recorded-answers.js';
import { type Pair, pairsOf } from '../service/balance/recording.js';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** Answers after the balancer has seen the requests of these pairs. */
function answersAfter(requests: readonly Pair[]): RecordedAnswers {
  const answers = new RecordedAnswers();
  for (const { before_hex, after_hex } of requests) {
    const frame = bytesOf(before_hex);
    const connection = answers.noteRequest(frame, 0, frame.length);
    assert.ok(connection >= 0);
    answers.noteTranslated(connection, bytesOf(after_hex), 0);
  }
  return answers;
}

describe('an answer of a load balancer, turned back', () => {
  for (const [file, forward, reply, count] of [
    ['nat-vip', 'vip-forward', 'vip-reply', 80],
    ['nat-ingress', 'ingress-sbox-forward-node2', 'ingress-sbox-reply-node2', 95],
  ] as const) {
    test(`is the frame that the task had sent, byte for byte: ${file}, ${count} of ${count}`, () => {
      const answers = answersAfter(pairsOf(file, forward));
      const pairs = pairsOf(file, reply);
      for (const { before_hex, after_hex } of pairs) {
        const frame = bytesOf(after_hex);
        assert.ok(answers.undo(frame, 0, frame.length));
        assert.equal(Buffer.from(frame).toString('hex'), before_hex);
      }
      assert.equal(pairs.length, count);
    });
  }

  test('stays as it is without its request, if it is a fragment, or if it is cut off', () => {
    const [pair] = pairsOf('nat-vip', 'vip-reply');
    const answers = answersAfter(pairsOf('nat-vip', 'vip-forward'));
    const whole = bytesOf(pair.after_hex);
    const fragment = whole.slice();
    fragment[20] = 0x20;
    const own = new RecordedAnswers();
    for (const [by, frame] of [
      [own, whole],
      [answers, fragment],
    ] as const) {
      const copy = frame.slice();
      assert.equal(by.undo(copy, 0, copy.length), false);
      assert.deepEqual(copy, frame);
    }
    for (let length = 0; length < whole.length; length++) {
      const copy = whole.slice(0, length);
      assert.equal(answers.undo(copy, 0, copy.length), false);
    }
  });
});
