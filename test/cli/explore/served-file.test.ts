import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rangeOf } from '../../../src/cli/explore/served-file.js';

describe('rangeOf (RFC 9110 section 14.1.2)', () => {
  const CASES = [
    ['bytes=0-9', { from: 0, to: 9 }],
    ['bytes=90-', { from: 90, to: 99 }],
    ['bytes=90-1000', { from: 90, to: 99 }],
    ['bytes=-10', { from: 90, to: 99 }],
    ['bytes=-1000', { from: 0, to: 99 }],
    ['bytes=-0', null],
    ['bytes=100-', null],
    // Not satisfiable as a set, or none at all: the whole file.
    ['bytes=9-0', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,5-6', undefined],
    ['lines=1-2', undefined],
    ['bytes=99999999999999999999-', undefined],
    [undefined, undefined],
  ] as const;
  for (const [header, range] of CASES) {
    it(`${header ?? 'no header'} of 100 bytes is ${JSON.stringify(range) ?? 'the whole file'}`, () =>
      assert.deepEqual(rangeOf(header, 100), range));
  }
  it('an empty file has no range', () => assert.equal(rangeOf('bytes=0-', 0), null));
});
