import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SequenceRecord } from '../../../src/ipsec/index.js';
import { LiveError } from '../../../src/live/index.js';
import {
  formatSequences,
  MAX_RECORDS,
  MAX_STATE_BYTES,
  parseSequences,
} from '../../../src/live/state/sequence-state.js';
import { RECORD } from '../record.js';
import { records } from '../records.js';
import { refused } from '../refused.js';

const SEED = 20261121;

/** Bytes with a valid digest of arbitrary content. */
function sealed(body: string): Buffer {
  return Buffer.from(`${body}sha256 ${createHash('sha256').update(body).digest('hex')}\n`);
}

const bytes = formatSequences([RECORD, { ...RECORD, spi: 5, source: 'fd50::1', destination: 'fd50::2' }]);
const [title, line] = Buffer.from(bytes).toString().split('\n');

describe('the format of sequence numbers', () => {
  test('round-trips arbitrary records', () => {
    fc.assert(
      fc.property(records, (kept) => assert.deepEqual(parseSequences(formatSequences(kept)), kept)),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('stores signed mask words as unsigned', () => {
    const [{ ivMask }] = parseSequences(formatSequences([{ ...RECORD, ivMask: { high: -1, low: -(2 ** 31) } }]));
    assert.deepEqual(ivMask, { high: 0xffffffff, low: 0x80000000 });
  });

  test('detects truncation anywhere', () => {
    for (let length = 0; length < bytes.length; length++) {
      refused(
        () => parseSequences(bytes.subarray(0, length)),
        'TORN_STATE',
        /delete the file, and the next start draws/,
      );
    }
  });

  test('detects a change of any bit', () => {
    const changed = Uint8Array.from(bytes);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      changed[bit >> 3] ^= 1 << (bit & 7);
      assert.throws(() => parseSequences(changed), LiveError, `bit ${bit}`);
      changed[bit >> 3] = bytes[bit >> 3];
    }
  });

  test('detects a change of a byte to any value', () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), by: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, ({ at, by }) => {
        const changed = Uint8Array.from(bytes);
        changed[at] ^= by;
        refused(() => parseSequences(changed), 'TORN_STATE');
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('detects appended bytes and other content', () => {
    refused(() => parseSequences(Buffer.concat([bytes, Buffer.from('\n')])), 'TORN_STATE');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (any) => refused(() => parseSequences(any), 'TORN_STATE')),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('distinguishes another version from corruption', () => {
    for (const other of [
      'vtep sequence numbers, version 2',
      'vtep sequence numbers, version 10',
      'something else',
      '',
    ]) {
      refused(() => parseSequences(sealed(`${other}\n${line}\n`)), 'STATE_VERSION', /another version of vtep/);
    }
    refused(() => parseSequences(sealed('')), 'STATE_VERSION');
    assert.equal(parseSequences(sealed(`${title}\n${line}\n`)).length, 1);
  });

  const BAD: [what: string, change: object, message: RegExp][] = [
    ['an SPI of 0', { spi: 0 }, /its SPI is not from 1/],
    ['an SPI of 33 bits', { spi: 2 ** 32 }, /its SPI/],
    ['half an SPI', { spi: 1.5 }, /its SPI/],
    ['no address', { source: 'node1' }, /its addresses/],
    ['an address that is no text', { source: 7 }, /its addresses/],
    ['addresses of two IP versions', { destination: 'fd50::1' }, /its addresses/],
    ['a key in hexadecimal for its name', { key: '4c6f72656d20697073756d20646f6c6f' }, /the name of its key/],
    ['no name of its key', { key: '' }, /the name of its key/],
    ['a name of two lines', { key: 'a\nb' }, /the name of its key/],
  ];
  for (const [what, change, message] of BAD) {
    test(`rejects a record with ${what} when writing and reading`, () => {
      refused(() => formatSequences([RECORD, { ...RECORD, ...change }]), 'BAD_STATE', /^record 2 /);
      const text = JSON.stringify({ ...(JSON.parse(line) as object), ...change });
      refused(() => parseSequences(sealed(`${title}\n${line}\n${text}\n`)), 'BAD_STATE', message);
    });
  }

  test('rejects words of more than 32 bits', () => {
    for (const bad of [2 ** 32, -(2 ** 31) - 1, 0.5, Number.NaN]) {
      refused(() => formatSequences([{ ...RECORD, ivMask: { high: bad, low: 0 } }]), 'BAD_STATE', /its mask/);
      refused(() => formatSequences([{ ...RECORD, sequence: { high: 0, low: bad } }]), 'BAD_STATE', /its sequence/);
    }
    refused(() => formatSequences([{ ...RECORD, sequence: { high: -1, low: 0 } }]), 'BAD_STATE', /its sequence/);
    for (const field of ['ivMask', 'sequence']) {
      for (const bad of ['0', '00000000000000000', 'xxxxxxxxxxxxxxxx', 5, null]) {
        const text = JSON.stringify({ ...(JSON.parse(line) as object), [field]: bad });
        refused(() => parseSequences(sealed(`${title}\n${text}\n`)), 'BAD_STATE');
      }
    }
  });

  test('rejects a line that is not a record', () => {
    for (const text of ['', 'null', '7', '[]', '{}', '{', '"text"', `${line} ${line}`]) {
      refused(() => parseSequences(sealed(`${title}\n${text}\n`)), 'BAD_STATE', /^record 1 /);
    }
  });

  test('accepts up to 262,144 records, which fit in the maximum size', () => {
    const widest: SequenceRecord = {
      ...RECORD,
      key: 'k'.repeat(31),
      spi: 0xffffffff,
      source: 'abcd:abcd:abcd:abcd:abcd:abcd:255.255.255.255',
      destination: 'abcd:abcd:abcd:abcd:abcd:abcd:255.255.255.255',
    };
    const one = formatSequences([widest]).length;
    const two = formatSequences([widest, widest]).length;
    assert.ok(one + (MAX_RECORDS - 1) * (two - one) <= MAX_STATE_BYTES);
    const many = new Array<SequenceRecord>(MAX_RECORDS + 1).fill(RECORD);
    refused(() => formatSequences(many), 'BAD_STATE', /more than 262144 records/);
    const body = `${title}\n${`${line}\n`.repeat(MAX_RECORDS + 1)}`;
    refused(() => parseSequences(sealed(body)), 'BAD_STATE', /more than 262144 records/);
  });
});
