/** Keys in files are read without ever creating a string of their digits. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseConfig, parseKeyRing, parseKeys, extractKeys } from '../../../src/overlay/files.js';
import type { KeyRing } from '../../../src/overlay/index.js';
import { ROOT } from '../../repository.js';

const KEYS = [
  '4c6f72656d20697073756d20646f6c6f',
  '000102030405060708090a0b0c0d0e0f1011121314151617',
  'FFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0',
];
const PLACES: readonly (readonly [name: string, entry: (tag: number, key: string) => string])[] = [
  ['single quotes', (tag, key) => `  - { tag: ${tag}, key: '${key}' }\n`],
  ['double quotes and a prefix', (tag, key) => `  - { tag: ${tag}, key: "0x${key}" }\n`],
  ['no quotes, in a block', (tag, key) => `  - tag: ${tag}\n    key: ${key}\n`],
  ['a separate line', (tag, key) => `  - tag: ${tag}\n    "key":\n      '${key}'\n`],
];

function hexOf(ring: KeyRing | undefined): string[] {
  assert.ok(ring !== undefined);
  return ring.keys.map((key) => key.use((bytes) => Buffer.from(bytes).toString('hex')));
}

const WANTED = KEYS.map((key) => key.toLowerCase());

describe('extractKeys', () => {
  for (const [name, entry] of PLACES) {
    test(`extracts the keys of a ring and of a config in ${name}, which parse as before`, () => {
      const ring = `keys:\n${KEYS.map((key, i) => entry(i + 1, key)).join('')}`;
      const config = `nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: {}\n${ring}`;
      for (const [text, read] of [
        [ring, (file: string | ReturnType<typeof extractKeys>) => parseKeyRing(file).ring],
        [config, (file: string | ReturnType<typeof extractKeys>) => parseConfig(file).ring],
      ] as const) {
        assert.deepEqual(hexOf(read(text)), WANTED);
        const bytes = Buffer.from(text);
        const file = extractKeys(bytes);
        for (const key of KEYS) {
          assert.ok(!file.text.includes(key), 'a key is in the text');
          assert.ok(!bytes.includes(key), 'a key is in the bytes');
        }
        assert.equal(file.text.split('\n').length, text.split('\n').length);
        const taken = read(file);
        file.wipe();
        assert.deepEqual(hexOf(taken), WANTED, 'the ring has its own copy');
      }
    });
  }

  test("extracts keys of JSON and of Swarm's lines", () => {
    const json = JSON.stringify({ keys: KEYS.map((key, i) => ({ tag: i + 1, key })) });
    const lines = KEYS.map((key, i) => `networking:ipsec lamport ${i + 1} key ${key}\n`).join('');
    for (const text of [json, lines]) {
      const file = extractKeys(Buffer.from(text));
      assert.ok(KEYS.every((key) => !file.text.includes(key)));
      const keys = parseKeys(file);
      assert.ok(keys.kind === 'ring');
      assert.deepEqual(hexOf(keys.ring), WANTED);
    }
  });

  test('leaves everything else unchanged: names, other lengths, and what YAML parses as a number', () => {
    for (const text of [
      `networks: { ${'ab'.repeat(32)}: { vni: 1 } }`,
      `key: '${'ab'.repeat(15)}'`,
      `key: '${'ab'.repeat(17)}'`,
      `key: ${'12'.repeat(16)}`,
      `key: 0x${'ab'.repeat(16)}`,
      `monkey business`,
      'key',
      'key: ',
      `key: '${'ab'.repeat(16)}`.slice(0, -1),
      '',
    ]) {
      assert.equal(extractKeys(Buffer.from(text)).text, text);
    }
  });

  const unreadable = existsSync('/proc/self/mem') ? false : 'the memory of a process can only be read on Linux';
  test('reading a config or a ring leaves no digits of keys in memory', { skip: unreadable }, () => {
    const script = join(ROOT, 'dist/test/overlay/key-text-child.js');
    const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8', timeout: 300_000 });
    assert.equal(child.status, 0, child.stderr);
    const { asText, taken } = JSON.parse(child.stdout) as { asText: number; taken: number };
    assert.ok(asText > 0, 'the search finds the digits of keys that were read as text');
    assert.equal(taken, 0, 'number of digits of extracted keys found');
  });
});
