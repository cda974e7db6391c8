import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentence } from '../../../src/cli/extcap/sentences.js';

test('a sentence has its members in braces, and leaves out undefined ones', () => {
  assert.equal(
    sentence('arg', { number: 0, call: '--keys', range: undefined, mustexist: true }),
    'arg {number=0}{call=--keys}{mustexist=true}',
  );
});

test('a value can end neither its braces nor its line', () => {
  assert.equal(
    sentence('interface', { value: 'a}{b', display: 'n1\u001b[2J\n' }),
    String.raw`interface {value=a)(b}{display=n1\u001b[2J\u000a}`,
  );
});
