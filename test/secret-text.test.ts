/** What may be a key is not repeated; what can't be one is, so that a mistake is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoted, withoutKeys } from '../src/secret-text.js';

const KEY = '4c6f72656d20697073756d20646f6c6f';
const PAIRS = (KEY.match(/../g) ?? []).join(':');

test('addresses and words with a mistake in them are quoted', () => {
  for (const text of ['', '10.0.0', '10.0.0.1000', 'fd50::12345', '02:42:0a:00:09:03:05', 'node1', 'cbc(aes)', '"\n']) {
    assert.equal(quoted(text), JSON.stringify(text));
  }
  const longest = '0000:0000:0000:0000:0000:ffff:255.255.255.255';
  assert.equal(quoted(longest), `"${longest}"`);
});

test('keys, parts of them, and what is longer than any address are not quoted', () => {
  for (const text of [KEY, KEY.toUpperCase(), `0x${KEY}`, KEY.slice(0, 8), `x ${KEY}`, PAIRS, 'x'.repeat(46)]) {
    assert.equal(quoted(text), `a text of ${text.length} characters`);
  }
});

test('of a message that alone is hidden which may be a key', () => {
  assert.equal(withoutKeys(`nodes.${KEY}.vtep: no "0x${PAIRS}"`), 'nodes.[hidden].vtep: no "0x[hidden]"');
  for (const text of ['SPI 0x00001000', 'the tags 4 and 4294967300', '02:42:0a:00:09:03', 'fd50::1', '16777215']) {
    assert.equal(withoutKeys(text), text);
  }
});
