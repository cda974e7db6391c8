import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Recoder } from '../../../src/service/dns/recode.js';
import { answerTo, queryOf, readMessage, recordOf, TYPES, wireName, words } from './messages.js';

const QUERY = queryOf('www.example.test');
const recoder = new Recoder();
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const pointer = (at: number): Buffer => words(0xc000 | at);

describe('names', () => {
  test('each points to the longest suffix written before', () => {
    const mail = wireName('mail.example.test');
    const message = answerTo(QUERY, 0x8180, [
      recordOf(wireName('www.example.test'), TYPES.CNAME, mail),
      recordOf(mail, TYPES.A, Buffer.of(192, 0, 2, 1)),
      recordOf(wireName('example.test'), TYPES.MX, Buffer.concat([words(10), mail])),
    ]);
    const compressed = answerTo(QUERY, 0x8180, [
      recordOf(pointer(12), TYPES.CNAME, Buffer.concat([Buffer.from('\x04mail', 'latin1'), pointer(16)])),
      recordOf(pointer(46), TYPES.A, Buffer.of(192, 0, 2, 1)),
      recordOf(pointer(16), TYPES.MX, Buffer.concat([words(10), pointer(46)])),
    ]);
    assert.equal(hex(recoder.recode(message, true)), hex(compressed));
    assert.equal(hex(recoder.recode(compressed, true)), hex(compressed));
    assert.equal(hex(recoder.recode(compressed, false)), hex(message));
  });

  test('suffixes of another case are different', () => {
    const record = recordOf(wireName('WWW.example.test'), TYPES.A, Buffer.of(192, 0, 2, 1));
    const owner = Buffer.concat([Buffer.from('\x03WWW', 'latin1'), pointer(16)]);
    const expected = answerTo(QUERY, 0x8180, [recordOf(owner, TYPES.A, Buffer.of(192, 0, 2, 1))]);
    assert.equal(hex(recoder.recode(answerTo(QUERY, 0x8180, [record]), true)), hex(expected));
  });

  test('in SRV they are expanded and never compressed, but later names may point to them', () => {
    const target = Buffer.concat([words(1, 2, 80), pointer(16)]);
    const message = answerTo(QUERY, 0x8180, [
      recordOf(pointer(12), TYPES.SRV, target),
      recordOf(wireName('x.test'), TYPES.A, Buffer.of(192, 0, 2, 1)),
    ]);
    const [srv, last] = readMessage(recoder.recode(message, true) ?? Buffer.of()).records;
    assert.equal(srv.rdata.toString('hex', 6), wireName('example.test').toString('hex'));
    // "test" is in the question already.
    assert.equal(last.bytes.slice(0, 8), '0178' + pointer(24).toString('hex'));
  });

  test('the root is never compressed', () => {
    const message = answerTo(queryOf(''), 0x8180, [recordOf(Buffer.of(0), TYPES.NS, Buffer.of(0))]);
    assert.equal(hex(recoder.recode(message, true)), hex(message));
  });
});

describe('messages', () => {
  test('counts are those of the records present, and bytes after the message are dropped', () => {
    const message = answerTo(QUERY, 0x8180, [recordOf(pointer(12), TYPES.A, Buffer.of(192, 0, 2, 1))]);
    const more = Buffer.from(message);
    more.writeUInt16BE(9, 6);
    more.writeUInt16BE(9, 10);
    assert.equal(hex(recoder.recode(more, true)), hex(message));
    assert.ok(recoder.complete);
    assert.equal(hex(recoder.recode(Buffer.concat([message, Buffer.from('xyz')]), true)), hex(message));
  });

  test('a question that ends after its name or type is completed with zeros', () => {
    const query = queryOf('a');
    const expected = Buffer.concat([query.subarray(0, 15), words(0, 0)]);
    assert.equal(hex(recoder.recode(query.subarray(0, 15), false)), hex(expected));
    expected.writeUInt16BE(1, 15);
    assert.equal(hex(recoder.recode(query.subarray(0, 17), false)), hex(expected));
    assert.equal(recoder.recode(query.subarray(0, 16), false), undefined);
  });

  test('records whose RDATA is not what the type says end the message, without their section', () => {
    const bad = [
      recordOf(pointer(12), TYPES.A, Buffer.of(192, 0, 2)),
      recordOf(pointer(12), TYPES.AAAA, Buffer.alloc(17)),
      recordOf(pointer(12), TYPES.NS, Buffer.from('\x03abc', 'latin1')),
      recordOf(pointer(12), TYPES.MX, Buffer.of(0)),
      recordOf(pointer(12), TYPES.NS, Buffer.of(0, 0)),
      recordOf(pointer(12), 35, Buffer.of(0, 1, 0, 1, 200)),
      recordOf(Buffer.of(0), 41, Buffer.of(0, 10, 0, 9)),
    ];
    for (const record of bad) {
      assert.equal(hex(recoder.recode(answerTo(QUERY, 0x8180, [record]), true)), hex(answerTo(QUERY, 0x8180)));
      assert.equal(recoder.complete, false);
      const good = recordOf(pointer(12), TYPES.A, Buffer.of(192, 0, 2, 1));
      const after = recoder.recode(answerTo(QUERY, 0x8180, [good, record]), true);
      assert.equal(hex(after), hex(answerTo(QUERY, 0x8180)));
    }
    assert.equal(recoder.recode(QUERY.subarray(0, 11), true), undefined);
  });

  test('a message that would be longer than 65,535 bytes is not written', () => {
    const long = wireName(`${'x'.repeat(63)}.`.repeat(3) + 'y'.repeat(50));
    const [first, ...others] = Array.from({ length: 300 }, () => recordOf(pointer(12), TYPES.NS, pointer(12)));
    const query = Buffer.concat([words(1, 0x8180, 1, 0, 0, 0), long, words(1, 1)]);
    const message = answerTo(query, 0x8180, [first, ...others]);
    assert.equal(recoder.recode(message, false), undefined);
    assert.equal(hex(recoder.recode(message, true)), hex(message));
  });
});
