import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bareText, cutLine, cutText, rendered, styled, wrapped } from '../../src/cli/style.js';

describe('a styled line', () => {
  const line = ['in ', styled('0', 'dim'), ' lost ', styled('7', 'red')];

  test('has escape sequences only where colours are shown', () => {
    assert.equal(rendered(line, false), 'in 0 lost 7');
    assert.equal(rendered(line, true), 'in \x1b[2m0\x1b[22m lost \x1b[31m7\x1b[39m');
  });

  test('lets no control character of an input through', () => {
    assert.equal(rendered([styled('a\x1b[2J', 'red')], true), '\x1b[31ma\\u001b[2J\x1b[39m');
    assert.equal(rendered('\x1b[31mred', true), '\\u001b[31mred');
  });

  test('is cut without losing its styles', () => {
    assert.deepEqual(cutLine(line, 11), line);
    assert.equal(bareText(cutLine(line, 10)), 'in 0 lost…');
    assert.equal(rendered(cutLine(line, 4), true), 'in \x1b[2m…\x1b[22m');
  });
});

test('a text is cut to any width', () => {
  assert.equal(cutText('abcdef', 6), 'abcdef');
  assert.equal(cutText('abcdef', 5), 'abcd…');
  assert.equal(cutText('abcdef', 1), '…');
  assert.equal(cutText('abcdef', 0), '');
});

describe('prose', () => {
  test('is wrapped at spaces, and its continuation lines are indented further', () => {
    assert.deepEqual(wrapped('  one two three', 10), ['  one two', '    three']);
  });

  test('does not part a number from its unit', () => {
    assert.deepEqual(wrapped('it took 12.5 s', 12), ['it took', '  12.5 s']);
    assert.deepEqual(wrapped('it took 12.5 seconds', 12), ['it took 12.5', '  seconds']);
  });

  test('keeps a long word whole', () => {
    assert.deepEqual(wrapped('see /a/very/long/path now', 10), ['see', '  /a/very/long/path', '  now']);
  });

  test('stays as it is where any width is allowed', () => {
    assert.deepEqual(wrapped('one two', Infinity), ['one two']);
  });
});
