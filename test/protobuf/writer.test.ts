import assert from 'node:assert/strict';
import test from 'node:test';
import { ProtobufWriter } from '../../src/protobuf/internal.js';

function hexOf(write: (writer: ProtobufWriter) => unknown): string {
  const writer = new ProtobufWriter();
  write(writer);
  return Buffer.from(writer.finish()).toString('hex');
}

test('defaults are not written', () => {
  const empty = new Uint8Array(0);
  assert.equal(
    hexOf((writer) => writer.int(1, 0).bool(2, false).text(3, '').bytes(4, empty)),
    '',
  );
});

test('empty elements of repeated fields, and empty messages, are written', () => {
  assert.equal(
    hexOf((writer) => writer.element(1, '').element(2, new Uint8Array(0))),
    '0a001200',
  );
});

test('integers take the bytes they need, and negative ones ten', () => {
  assert.equal(
    hexOf((writer) => writer.int(1, 127).int(1, 128)),
    '087f' + '088001',
  );
  assert.equal(
    hexOf((writer) => writer.int(1, 2 ** 32)),
    '088080808010',
  );
  assert.equal(
    hexOf((writer) => writer.int(1, 2 ** 53 - 1)),
    '08ffffffffffffff0f',
  );
  assert.equal(
    hexOf((writer) => writer.int(1, -1)),
    '08ffffffffffffffffff01',
  );
  assert.equal(
    hexOf((writer) => writer.int(1, -(2 ** 53 - 1))),
    '0881808080808080f0ff01',
  );
});

test('texts are written as UTF-8', () => {
  assert.equal(
    hexOf((writer) => writer.text(1, 'aé').element(2, '€')),
    '0a0361c3a9' + '1203e282ac',
  );
});

test('a message of any size is written whole', () => {
  const large = Buffer.alloc(300_000, 7);
  const written = new ProtobufWriter().bytes(1, large).int(2, 5).finish();
  assert.equal(written.length, 1 + 3 + large.length + 2);
  assert.ok(large.equals(written.subarray(4, -2)));
});

test('writers that are in use at the same time do not mix', () => {
  const [one, other] = [new ProtobufWriter(), new ProtobufWriter()];
  one.int(1, 1);
  other.int(2, 2);
  one.int(3, 3);
  assert.equal(Buffer.from(other.finish()).toString('hex'), '1002');
  const third = new ProtobufWriter().int(4, 4);
  assert.equal(Buffer.from(one.finish()).toString('hex'), '08011803');
  assert.equal(Buffer.from(third.finish()).toString('hex'), '2004');
});
