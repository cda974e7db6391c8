import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  bool,
  bytes,
  int,
  message,
  nested,
  nestedList,
  ProtobufError,
  ProtobufWriter,
  text,
  textList,
  textMap,
  uint,
} from '../../src/protobuf/internal.js';

const Inner = message({ a: int(1) });
const Outer = message({
  count: uint(1),
  signed: int(2),
  yes: bool(3),
  raw: bytes(4),
  name: text(5),
  inner: nested(6, Inner),
  list: nestedList(7, Inner),
  names: textList(8),
  labels: textMap(150),
});

test('the examples of the encoding guide give its bytes', () => {
  // protobuf.dev/programming-guides/encoding: 08 96 01; 12 07 "testing"; 1a 03 08 96 01; -2 in ten bytes.
  assert.equal(Buffer.from(Inner.encode({ a: 150 })).toString('hex'), '089601');
  const Two = message({ b: text(2) });
  assert.equal(Buffer.from(Two.encode({ b: 'testing' })).toString('hex'), '120774657374696e67');
  const Three = message({ c: nested(3, Inner) });
  assert.equal(Buffer.from(Three.encode({ c: { a: 150 } })).toString('hex'), '1a03089601');
  assert.equal(Buffer.from(Inner.encode({ a: -2 })).toString('hex'), '08feffffffffffffffff01');
  assert.deepEqual(Inner.decode(Buffer.from('08feffffffffffffffff01', 'hex')), { a: -2 });
});

test('decoding what was encoded gives the same message', () => {
  const safe = fc.maxSafeInteger();
  const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
    fc.record(model, { noNullPrototype: true });
  const value = plain({
    count: fc.maxSafeNat(),
    signed: safe,
    yes: fc.boolean(),
    raw: fc.uint8Array(),
    name: fc.string(),
    inner: plain({ a: safe }),
    list: fc.array(plain({ a: safe })),
    names: fc.array(fc.string()),
    labels: fc.array(fc.tuple(fc.string(), fc.string())).map((entries) => new Map(entries)),
  });
  fc.assert(fc.property(value, (v) => assert.deepEqual(Outer.decode(Outer.encode(v)), v)));
});

test('absent fields have defaults, and defaults take no bytes', () => {
  const empty = Outer.decode(new Uint8Array(0));
  assert.equal(empty.inner, undefined);
  assert.deepEqual(empty.labels, new Map());
  assert.equal(Outer.encode({ count: 0, name: '', yes: false, raw: new Uint8Array(0), list: [] }).length, 0);
});

test('unknown fields of every wire type are skipped', () => {
  const writer = new ProtobufWriter();
  writer
    .int(100, 2 ** 53 - 1)
    .int(99, -1)
    .text(101, 'later');
  const fixed = Buffer.from('b10601020304050607080d01020304', 'hex'); // fields 102 (8 bytes) and 1 (4 bytes)
  const Other = message({ a: int(9) });
  const bytesOf = Buffer.concat([writer.finish(), fixed, Other.encode({ a: 7 })]);
  assert.deepEqual(Other.decode(bytesOf), { a: 7 });
});

test('integers keep all 53 bits, and larger ones are rejected', () => {
  assert.equal(Outer.decode(Outer.encode({ count: 2 ** 53 - 1 })).count, 2 ** 53 - 1);
  const large = Buffer.from('0880808080808080c001', 'hex');
  assert.throws(() => Outer.decode(large), { code: 'BAD_PROTOBUF' });
});

test('a fault is an error that says what is wrong, and where in the whole message', () => {
  assert.throws(() => Outer.decode(Buffer.from('0801320308ff', 'hex')), {
    code: 'BAD_PROTOBUF',
    message: 'not a protobuf message: it ends inside a field, at byte 3',
  });
  // A map whose value isn't UTF-8.
  assert.throws(() => Outer.decode(Buffer.from('b209070a01611202ffff', 'hex')), {
    message: 'not a protobuf message: it has text that is not UTF-8, at byte 7',
  });
});

test('a malformed message within a message is rejected', () => {
  assert.throws(() => Outer.decode(Buffer.from('32020880', 'hex')), ProtobufError);
  assert.throws(() => Outer.decode(Buffer.from('3a020880', 'hex')), ProtobufError);
});

test('any bytes either decode or are rejected with BAD_PROTOBUF', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
      try {
        Outer.decode(input);
      } catch (error) {
        assert.ok(error instanceof ProtobufError);
      }
    }),
    { numRuns: 2000 },
  );
});
