/** What stands in messages and on terminals: one line, in which a name is no more than a name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VtepError } from '../src/error.js';
import { inQuotes, plain, plainJson, printable, quoted } from '../src/plain-text.js';

const KEY = '4c6f72656d20697073756d20646f6c6f';

test('every control character, line end and turn of direction is shown as an escape', () => {
  const codes = [
    ...Array.from({ length: 0x20 }, (_, code) => code),
    ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i),
    ...[0x061c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff],
  ];
  for (const code of codes) {
    assert.equal(printable(`a${String.fromCharCode(code)}b`), `a\\u${code.toString(16).padStart(4, '0')}b`);
  }
  assert.equal(printable('größer 日本 🙂 ~ \\n'), 'größer 日本 🙂 ~ \\n');
  assert.equal(printable(printable('\u001b[31m')), printable('\u001b[31m'));
});

test('a name cannot forge a line or move the cursor in an error of any kind', () => {
  const error = new VtepError('X', `there is no node n\u001b]0;PWNED\u0007\nvtep: forged, nor ${KEY}`);
  assert.equal(error.message, 'there is no node n\\u001b]0;PWNED\\u0007\\u000avtep: forged, nor [hidden]');
  assert.ok(!(error.stack ?? '').includes(KEY));
});

test('a quoted text is in quotes, without keys, and of bounded length', () => {
  assert.equal(quoted('"\n'), '"\\"\\n"');
  assert.equal(inQuotes('node "1"\u009b'), '"node \\"1\\"\\u009b"');
  assert.equal(quoted(`x ${KEY.slice(0, 8)}`), '"x [hidden]"');
  assert.equal(inQuotes(`x ${KEY.slice(0, 8)}`), `"x ${KEY.slice(0, 8)}"`);
  assert.equal(inQuotes(`x ${KEY}`), '"x [hidden]"');
  for (const text of ['x'.repeat(1 << 20), `${'x '.repeat(39)}${KEY.repeat(50)}`]) {
    assert.ok(quoted(text).length < 100);
    assert.ok(!quoted(text).includes(KEY.slice(0, 8)));
  }
});

test('JSON stays JSON: keys are hidden in texts and names, numbers are left', () => {
  const value = {
    [`c ${KEY}`]: 1,
    list: [KEY, 'plain', { 'a\u009b\u202e': null }],
    large: 1795225545741550000,
    small: 1.234567890123456e-7,
    mac: '02:42:0a:00:09:03',
    line: 'a\nb\u2028\u007f',
  };
  const text = plainJson(value);
  assert.doesNotMatch(text, /[\u007f-\u009f\u2028\u202e]/);
  assert.deepEqual(JSON.parse(text), {
    'c [hidden]': 1,
    list: ['[hidden]', 'plain', { 'a\u009b\u202e': null }],
    large: 1795225545741550000,
    small: 1.234567890123456e-7,
    mac: '02:42:0a:00:09:03',
    line: 'a\nb\u2028\u007f',
  });
});

test('what is plain is as it was', () => {
  const text = 'vtep: wire.pcap: 1,234 packets of 192.168.50.1, SPI 0x3d1f9a01, tag 29944, 2026-11-21T01:45:39.678476Z';
  assert.equal(plain(text), text);
});
