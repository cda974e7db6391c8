import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hkdfSha256 } from '../../../src/aead/index.js';
import { type KeyRingFile, parseConfig, parseKeyRing, parseKeys } from '../../../src/overlay/files.js';
import { keyFingerprint } from '../../../src/overlay/index.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
let count = 0;

/** Generates a ring in a new file. */
async function made(
  ...words: readonly string[]
): Promise<KeyRingFile & { readonly path: string; readonly stdout: string }> {
  const path = join(folder, `ring-${count++}.yaml`);
  const { status, stdout, stderr } = await vtep(['keys', 'generate', '-o', path, ...words]);
  assert.deepEqual([status, stderr], [0, '']);
  return { ...parseKeyRing(readFileSync(path, 'utf8')), path, stdout };
}

function bytesOf({ ring }: KeyRingFile): string[] {
  return ring.keys.map((key) => key.use((bytes) => Buffer.from(bytes).toString('hex')));
}

async function refused(words: readonly string[], message: RegExp): Promise<void> {
  const { status, stdout, stderr } = await vtep(['keys', 'generate', ...words]);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^vtep: [^\n]+\n$/);
  assert.match(stderr, message);
}

describe('keys generate', () => {
  test('generates three AES-128 keys with consecutive tags from 1 to 65536 on, for the swarm profile', async () => {
    const file = await made();
    const tags = file.ring.keys.map(({ tag }) => tag);
    assert.deepEqual(tags, [tags[0], tags[0] + 1, tags[0] + 2]);
    assert.ok(tags[0] >= 1 && tags[0] <= 65_536);
    assert.deepEqual(
      bytesOf(file).map(({ length }) => length),
      [32, 32, 32],
    );
    assert.equal(file.profile, 'swarm');
  });

  test('generates different keys each time', async () => {
    const all = [...bytesOf(await made()), ...bytesOf(await made())];
    assert.equal(new Set(all).size, 6);
  });

  test('follows --count, --bits, --first-tag and --profile', async () => {
    const file = await made('--count', '5', '--bits', '256', '--first-tag', '29943', '--profile', 'strict');
    assert.deepEqual(
      file.ring.keys.map(({ tag }) => tag),
      [29_943, 29_944, 29_945, 29_946, 29_947],
    );
    assert.ok(bytesOf(file).every(({ length }) => length === 64));
    assert.equal(file.profile, 'strict');
    assert.deepEqual(
      file.stdout
        .split('\n')
        .slice(1, -1)
        .map((line) => line.trim().split(/ +/)[1]),
      ['oldest', 'older', 'current', 'next', 'next+1'],
    );
  });

  test('prints tags, roles and fingerprints, and no key', async () => {
    const file = await made();
    const rows = file.ring.keys.map((key, i) => {
      return `  ${key.tag}  ${['oldest ', 'current', 'next   '][i]}  ${keyFingerprint(key, hkdfSha256)}`;
    });
    const printed = file.stdout.trimEnd().split('\n');
    assert.match(printed[0], /^ {2}tag +role +fingerprint$/);
    assert.deepEqual(
      printed.slice(1).map((line) => line.replace(/(\d) +/, '$1  ')),
      rows,
    );
    for (const key of bytesOf(file)) assert.ok(!file.stdout.includes(key.slice(0, 8)));
  });

  test('--json prints the same as one object, and no key', async () => {
    const file = await made('--json', '--count', '2');
    assert.deepEqual(JSON.parse(file.stdout), {
      file: file.path,
      profile: 'swarm',
      keys: file.ring.keys.map((key, i) => {
        return { tag: key.tag, role: ['current', 'next'][i], fingerprint: keyFingerprint(key, hkdfSha256) };
      }),
    });
    for (const key of bytesOf(file)) assert.ok(!file.stdout.includes(key.slice(0, 8)));
  });

  test('writes a file that --keys and a config accept', async () => {
    const text = readFileSync((await made('--profile', 'strict')).path, 'utf8');
    const read = parseKeys(text);
    assert.deepEqual([read.kind, read.kind === 'ring' && read.profile], ['ring', 'strict']);
    const { ring, profile } = parseConfig(`nodes: { a: { vtep: 10.0.0.1 } }\nnetworks: { n: { vni: 1 } }\n${text}`);
    assert.deepEqual([ring?.keys.length, profile], [3, 'strict']);
  });

  test('writes a file that only its owner can read, also over a world-readable one', async () => {
    const { path } = await made();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    chmodSync(path, 0o644);
    const before = readFileSync(path, 'utf8');
    assert.equal((await vtep(['keys', 'generate', '-o', path, '--force'])).status, 0);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.notEqual(readFileSync(path, 'utf8'), before);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('part')),
      [],
    );
  });

  test('does not overwrite a file without --force', async () => {
    const path = join(folder, 'there.yaml');
    writeFileSync(path, 'mine');
    await refused(['-o', path], /there\.yaml: already exists; --force overwrites it/);
    assert.equal(readFileSync(path, 'utf8'), 'mine');
  });

  test('-o - prints the file and nothing else', async () => {
    const { status, stdout, stderr } = await vtep(['keys', 'generate', '-o', '-', '--first-tag', '7']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(
      parseKeyRing(stdout).ring.keys.map(({ tag }) => tag),
      [7, 8, 9],
    );
  });

  const CASES: [words: string[], message: RegExp][] = [
    [[], /needs -o OUT \(output file/],
    [['-o', ''], /--output takes a file/],
    [['ring.yaml'], /takes only options, not "ring.yaml"/],
    [['-o', '-', '--json'], /both use standard output/],
    [['-o', join(folder, 'nowhere', 'ring.yaml')], /no such directory/],
    [['-o', join(folder, 'never'), '--bits', '64'], /--bits takes 128, 192 or 256/],
    [['-o', join(folder, 'never'), '--count', '65'], /--count takes/],
    [['-o', join(folder, 'never'), '--first-tag', '9007199254740990'], /--first-tag takes/],
    [['-o', join(folder, 'never'), '--profile', 'lax'], /--profile takes swarm or strict/],
  ];
  for (const [words, message] of CASES) {
    test(`refuses the arguments ${words.map((word) => word.replace(folder, '')).join(' ')}`, async () => {
      await refused(words, message);
      assert.equal(existsSync(join(folder, 'never')), false);
    });
  }

  test('--force does not replace a directory', async () => {
    const path = join(folder, 'folder');
    mkdirSync(path);
    await refused(['-o', path, '--force'], /not a regular file/);
  });
});
