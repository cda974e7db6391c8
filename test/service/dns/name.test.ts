import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelsOf, NameReader, reverseLabels } from '../../../src/service/dns/name.js';
import { parseIp } from '../../../src/overlay/index.js';
import { wireName, words } from './messages.js';

const reader = new NameReader();

/** The name in a message that begins with it, or undefined if it is malformed. */
function read(bytes: Buffer, at = 0): { name: string; next: number } | undefined {
  if (!reader.read(bytes, 0, at, bytes.length)) return undefined;
  return { name: Buffer.from(reader.bytes.subarray(0, reader.length)).toString('latin1'), next: reader.next };
}

describe('reading', () => {
  test('pointers are followed, and the name ends after the first', () => {
    const bytes = Buffer.concat([wireName('b.c'), Buffer.from('\x01a', 'latin1'), words(0xc000, 0xffff)]);
    assert.deepEqual(read(bytes, 5), { name: '\x01a\x01b\x01c\0', next: 9 });
  });

  test('loops, pointers out of the message and reserved label types are malformed', () => {
    for (const bytes of [words(0xc000), words(0xc002), Buffer.of(0xc0), Buffer.of(0x40, 0), Buffer.of(0x80, 0)]) {
      assert.equal(read(bytes), undefined);
    }
    const ring = Buffer.concat([Buffer.from('\x01a', 'latin1'), words(0xc000)]);
    assert.equal(read(ring), undefined);
  });

  test('126 pointers are followed, 127 are not', () => {
    const chain = (count: number): Buffer =>
      Buffer.concat([Buffer.of(0), ...Array.from({ length: count }, (_, i) => words(0xc000 | Math.max(0, 2 * i - 1)))]);
    assert.equal(read(chain(126), 251)?.name, '\0');
    assert.equal(read(chain(127), 253), undefined);
  });

  test('255 bytes are a name, 256 are not; labels have up to 63', () => {
    const label = (size: number): string => 'x'.repeat(size);
    const of = (...sizes: number[]): Buffer => wireName(sizes.map(label).join('.'));
    assert.equal(read(of(63, 63, 63, 61))?.next, 255);
    assert.equal(read(of(63, 63, 63, 62)), undefined);
    assert.equal(read(of(64)), undefined);
  });

  test('every prefix of a name is malformed', () => {
    const whole = wireName('tasks.my-web');
    for (let length = 0; length < whole.length; length++) assert.equal(read(whole.subarray(0, length)), undefined);
  });
});

describe('writing', () => {
  test('labels of a dotted name, with or without a trailing dot', () => {
    for (const text of ['my-web.my-network', 'my-web.my-network.']) {
      assert.equal(Buffer.from(labelsOf(text) ?? []).toString('latin1'), '\x06my-web\x0amy-network');
    }
    assert.equal(labelsOf('x'.repeat(63))?.length, 64);
    const long = `${'x'.repeat(63)}.`.repeat(3);
    assert.equal(labelsOf(long + 'x'.repeat(61))?.length, 254);
    assert.equal(labelsOf(long + 'x'.repeat(62)), undefined);
  });

  test('empty labels, long ones and characters that would be escaped give none', () => {
    for (const text of ['', '.', 'a..b', '.a', 'x'.repeat(64), 'a b', 'a@b', 'a\\b', 'ä', 'a\u0000', '(a)']) {
      assert.equal(labelsOf(text), undefined, text);
    }
  });

  test('addresses reversed', () => {
    assert.equal(Buffer.from(reverseLabels(parseIp('10.0.9.3'))).toString('latin1'), '\x013\x019\x010\x0210');
    const six = Buffer.from(reverseLabels(parseIp('fd00::ab'))).toString('latin1');
    assert.equal(six, `ba${'0'.repeat(28)}df`.replace(/./g, '\x01$&'));
  });
});
