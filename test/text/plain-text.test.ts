/** Text in messages and on terminals: one line, in which a name is only a name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VtepError } from '../../src/error.js';
import { inQuotes, plain, plainJson, printable, quoted } from '../../src/text/plain-text.js';

const KEY = '4c6f72656d20697073756d20646f6c6f';

test('escapes every control character, line end and direction change', () => {
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

test('a name cannot forge a line or move the cursor in any error', () => {
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

test('JSON stays JSON: keys are hidden in strings and names, numbers are unchanged', () => {
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

test('JSON keeps every member whose name holds a key, under distinct names', () => {
  const hex = (digit: string): string => digit + KEY + KEY;
  const value = {
    [`ep-${hex('0')}`]: 1,
    'ep-[hidden]#2': 2,
    [`ep-${hex('1')}`]: 3,
    c1: 4,
    [`ep-${hex('2')}`]: { [hex('3')]: 5, [hex('4')]: 6 },
  };
  assert.deepEqual(JSON.parse(plainJson(value)), {
    'ep-[hidden]': 1,
    'ep-[hidden]#2': 2,
    'ep-[hidden]#3': 3,
    c1: 4,
    'ep-[hidden]#4': { '[hidden]': 5, '[hidden]#2': 6 },
  });
});

test('JSON keeps file names from the command line, unless one is a key', () => {
  const names = [
    '20261129T053012Z-Capture-NodeA1B2C3-Vxlan.pcap',
    'Capture-NodeA1B2C3-20261129T053012Z-Vxlan9',
    `/var/lib/${KEY}${KEY}/wire\u001b.pcap`,
    `${KEY}.pcap`,
  ];
  for (const name of names) {
    const value = { file: name, output: name, files: { last: name } };
    const text = plainJson(value);
    assert.deepEqual(JSON.parse(text), value);
    assert.ok(!text.includes('\u001b'));
    if (name.startsWith('2')) assert.equal((JSON.parse(plainJson({ name })) as { name: string }).name, '[hidden].pcap');
  }
  const base64 = Buffer.from(KEY, 'hex').toString('base64');
  const pairs = (KEY.match(/../g) ?? []).join(':');
  for (const name of [KEY, `0x${KEY}`, pairs, base64, base64.slice(0, 22), `/srv/${KEY}`]) {
    assert.doesNotMatch(plainJson({ file: name, output: name }), /4c6f72|4c:6f|TG9y/, name);
  }
});

test('plain text is unchanged', () => {
  const text = 'vtep: wire.pcap: 1,234 packets of 192.168.50.1, SPI 0x3d1f9a01, tag 29944, 2026-11-21T01:45:39.678476Z';
  assert.equal(plain(text), text);
});
