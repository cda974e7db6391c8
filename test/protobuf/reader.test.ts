import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ProtobufFault, ProtobufReader, ProtobufWriter } from '../../src/protobuf/internal.js';

type Read = (reader: ProtobufReader) => unknown;

const uint: Read = (reader) => reader.uint();
const int: Read = (reader) => reader.int();
const bool: Read = (reader) => reader.bool();
const text: Read = (reader) => reader.text();
const view: Read = (reader) => reader.view();
const skip: Read = (reader) => reader.skip();

/** Reads every field the same way. Returns the values, the fault and its offset. */
function readAll(hex: string, read: Read): [unknown[], ProtobufFault | undefined, number] {
  const reader = new ProtobufReader(Buffer.from(hex, 'hex'));
  const values: unknown[] = [];
  while (reader.next()) values.push(read(reader));
  return [values, reader.fault, reader.faultAt];
}

const FAULTS: readonly (readonly [string, string, Read, ProtobufFault, number])[] = [
  ['no value', '08', uint, 'truncated', 1],
  ['a truncated varint', '08010880', uint, 'truncated', 3],
  ['a truncated varint that is skipped', '0880', skip, 'truncated', 1],
  ['a truncated tag', '08018080', uint, 'truncated', 2],
  ['a varint of 11 bytes', '088080808080808080808001', skip, 'bad-protobuf', 1],
  ['a varint of 65 bits', '0880808080808080808002', uint, 'bad-protobuf', 1],
  ['a varint of 70 bits', '08ffffffffffffffffff7f', bool, 'bad-protobuf', 1],
  ['field 0', '0001', skip, 'bad-protobuf', 0],
  ['a field number of 30 bits', '8080808010', skip, 'bad-protobuf', 0],
  ['the start of a group', '0801' + '0b', skip, 'bad-protobuf', 2],
  ['the end of a group', '0c', skip, 'bad-protobuf', 0],
  ['wire type 6', '0e', skip, 'bad-protobuf', 0],
  ['wire type 7', '0f', skip, 'bad-protobuf', 0],
  ['bytes instead of an integer', '0a00', uint, 'bad-protobuf', 1],
  ['an integer instead of bytes', '0800', view, 'bad-protobuf', 1],
  ['a fixed64 instead of an integer', '090102030405060708', int, 'bad-protobuf', 1],
  ['a length beyond the end', '0a05', view, 'truncated', 1],
  ['a length beyond the end that is skipped', '0a05', skip, 'truncated', 1],
  ['a length of 2^64 - 1', '0affffffffffffffffff01', view, 'truncated', 1],
  ['a truncated fixed64', '09010203', skip, 'truncated', 1],
  ['a truncated fixed32', '0d010203', skip, 'truncated', 1],
  ['text that is not UTF-8', '0a026161' + '0a02c0af', text, 'bad-text', 5],
  ['a surrogate in UTF-8', '0a03eda080', text, 'bad-text', 1],
  ['an unsigned integer of 2^53', '088080808080808010', uint, 'bad-number', 1],
  ['a negative number as an unsigned one', '08ffffffffffffffffff01', uint, 'bad-number', 1],
  ['a signed integer of -2^53', '0880808080808080f0ff01', int, 'bad-number', 1],
  ['a number above its limit', '0806', (reader) => reader.uint(5), 'bad-number', 1],
  ['a text above its limit', '0a0161' + '0a026161', (reader) => reader.text(1), 'too-large', 4],
  ['bytes above their limit', '0a0161' + '0a026161', (reader) => reader.bytes(1), 'too-large', 4],
  ['a message above its limit', '0a026161', (reader) => reader.message(1).next(), 'too-large', 1],
];
for (const [name, hex, read, fault, at] of FAULTS) {
  test(`${name}: ${fault}`, () => assert.deepEqual(readAll(hex, read).slice(1), [fault, at]));
}

test('values are zero after a fault, and nothing more is read', () => {
  const reader = new ProtobufReader(Buffer.from('0b' + '0807' + '0a0161', 'hex'));
  assert.equal(reader.next(), false);
  const values = [uint, int, bool, text, view].map((read) => read(reader));
  assert.deepEqual(values, [0, 0, false, '', new Uint8Array(0)]);
  assert.equal(reader.next(), false);
  assert.deepEqual([reader.fault, reader.faultAt], ['bad-protobuf', 0]);
});

test('of several faults the first stays', () => {
  const reader = new ProtobufReader<'mine'>(Buffer.from('08ff', 'hex'));
  reader.next();
  reader.fail('mine');
  reader.uint();
  assert.equal(reader.fault, 'mine');
});

test("a limit's fault can be the caller's", () => {
  const reader = new ProtobufReader<'long' | 'high'>(Buffer.from('0a026161', 'hex'));
  reader.next();
  reader.text(1, 'long');
  assert.equal(reader.fault, 'long');
});

test('signed integers take all 64 bits of their sign', () => {
  assert.deepEqual(readAll('08feffffffffffffffff01', int)[0], [-2]);
  assert.deepEqual(readAll('08ffffffff0f', int)[0], [2 ** 32 - 1]);
  assert.deepEqual(readAll('0881808080808080f0ff01', int)[0], [-Number.MAX_SAFE_INTEGER]);
  assert.deepEqual(readAll('08ffffffffffffff0f', int)[0], [Number.MAX_SAFE_INTEGER]);
});

test('an integer may have more bytes than it needs, as in other decoders', () => {
  assert.deepEqual(readAll('08818080808080808000', uint)[0], [1]);
});

test('booleans are true for any number of 64 bits but 0', () => {
  assert.deepEqual(readAll('08000801080208808080808080808080' + '01', bool)[0], [false, true, true, true]);
});

test('text keeps a byte order mark', () => {
  assert.deepEqual(readAll('0a04efbbbf61', text)[0], ['\ufeffa']);
});

test('a view refers to the bytes, and a copy does not', () => {
  const input = new ProtobufWriter().bytes(1, Uint8Array.of(1, 2)).bytes(2, Uint8Array.of(3)).finish();
  const reader = new ProtobufReader(input);
  assert.ok(reader.next());
  assert.equal(reader.view().buffer, input.buffer);
  assert.ok(reader.next());
  assert.notEqual(reader.bytes().buffer, input.buffer);
});

test('a message within a message ends where it ends, and its fault is also that of the outer one', () => {
  const reader = new ProtobufReader(Buffer.from('0a020807' + '0803', 'hex'));
  assert.ok(reader.next());
  const inner = reader.message();
  assert.ok(inner.next());
  assert.equal(inner.uint(), 7);
  assert.equal(inner.next(), false);
  assert.ok(reader.next());
  assert.equal(reader.uint(), 3);
  const broken = new ProtobufReader(Buffer.from('0a040a020880' + '0803', 'hex'));
  assert.ok(broken.next());
  const middle = broken.message();
  assert.ok(middle.next());
  const innermost = middle.message();
  assert.ok(innermost.next());
  innermost.uint();
  for (const each of [innermost, middle, broken]) assert.deepEqual([each.fault, each.faultAt], ['truncated', 5]);
  assert.equal(broken.next(), false);
});

test('no bytes make it throw or run on, however they are read', () => {
  const reads = [uint, int, bool, text, view, skip];
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(fc.nat(6), { minLength: 70, maxLength: 70 }),
      (input, how) => {
        const walk = (reader: ProtobufReader, depth: number): void => {
          let fields = 0;
          for (; reader.next(); fields++) {
            const read = how[fields + depth];
            if (read === reads.length) walk(reader.message(), depth + 1);
            else reads[read](reader);
          }
          assert.ok(fields <= input.length);
        };
        walk(new ProtobufReader(input), 0);
      },
    ),
    { numRuns: 2000 },
  );
});
