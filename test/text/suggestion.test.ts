/** Did-you-mean suggestions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, similar } from '../../src/text/suggestion.js';

const NAMES = ['--packets', '--port', '--keys', '--key-file', '--no-checksums', '--reorder', '--reserved', '--vni'];

test('finds typos: a missing, extra, wrong or swapped letter', () => {
  for (const word of ['--pakets', '--paackets', '--pockets', '--packest']) {
    assert.deepEqual(similar(word, NAMES), ['--packets'], word);
  }
  assert.deepEqual(similar('--vin', NAMES), ['--vni']);
});

test('finds all names that a word abbreviates', () => {
  assert.deepEqual(similar('--re', NAMES), ['--reorder', '--reserved']);
  assert.deepEqual(similar('--pack', NAMES), ['--packets']);
});

test('ignores case and dashes', () => {
  assert.deepEqual(similar('--noChecksums', NAMES), ['--no-checksums']);
  assert.deepEqual(similar('--KEYS', NAMES), ['--keys']);
});

test('suggests nothing for words that resemble no name, or are too long for one', () => {
  for (const word of ['', '-', '--nonsense', '--x', 'f'.repeat(41), '43821b91e82886d2f3c6bfe1afcd9bdc']) {
    assert.deepEqual(similar(word, NAMES), [], word);
  }
});

test('suggests the names, never the word itself', () => {
  assert.equal(didYouMean('--prot', NAMES), '; did you mean --port?');
  assert.equal(didYouMean('--key', NAMES), '; did you mean --keys or --key-file?');
  assert.equal(didYouMean('--nonsense', NAMES), '');
});
