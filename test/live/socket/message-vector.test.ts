import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MessageVector } from '../../../src/live/socket/message-vector.js';
import { withoutSockets } from '../loopback.js';
import { refused } from '../refused.js';

describe('a message vector', { skip: withoutSockets() }, () => {
  test('has 1 to 1024 messages', () => {
    for (const count of [0, -1, 1025, 1.5, Number.NaN]) refused(() => new MessageVector(count), 'SYSTEM_CALL', /1024/);
    assert.equal(new MessageVector(1024).count, 1024);
  });

  test('has consecutive mmsghdr structures of 64 bytes', () => {
    const vector = new MessageVector(3);
    assert.equal(vector.addressOf(2) - vector.addressOf(0), 128);
    assert.equal(vector.addressOf(0) % 8, 0);
    vector.setControl(1, 2 ** 40 + 8, 64);
    assert.deepEqual([vector.controlLength(0), vector.controlLength(1), vector.controlLength(2)], [0, 64, 0]);
    assert.deepEqual([vector.flags(1), vector.length(1)], [0, 0]);
  });
});
