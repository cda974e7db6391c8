import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { hkdfSha256 } from '../../../src/aead/index.js';
import { formatKeyRing, parseKeyRing } from '../../../src/overlay/keys/key-ring-file.js';
import { keyFingerprint, KeyRing, Profile } from '../../../src/overlay/index.js';
import { FileLock } from '../../../src/live/state/file-lock.js';
import { fixture, ROOT } from '../../repository.js';
import { MAIN, scratch, vtep, vtepProcess } from '../run.js';

const folder = scratch();
let files = 0;

function file(text: string): string {
  const path = join(folder, `ring-${files++}.yaml`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Writes a ring with different keys each time. */
function ringFile(count = 3, keyBytes = 16, profile: Profile = Profile.Swarm): string {
  let next = files * 64;
  // Not a repeated byte, which is refused.
  const random = (bytes: Uint8Array): void => {
    bytes.fill(next++);
    bytes[0] ^= 0xff;
  };
  return file(formatKeyRing(KeyRing.generate({ random, count, keyBytes, firstTag: 29_943 }), profile));
}

function ringIn(path: string): KeyRing {
  return parseKeyRing(readFileSync(path, 'utf8')).ring;
}

function keysIn(path: string): string[] {
  return ringIn(path).keys.map((key) => key.use((bytes) => `${key.tag} ${Buffer.from(bytes).toString('hex')}`));
}

/** Unfinished files. */
function parts(): string[] {
  return readdirSync(folder).filter((name) => name.includes('part'));
}

async function rotated(...words: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await vtep(['keys', 'rotate', ...words]);
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

async function refused(words: readonly string[], message: RegExp): Promise<void> {
  const { status, stdout, stderr } = await vtep(['keys', 'rotate', ...words]);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^vtep: [^\n]+\n$/);
  assert.match(stderr, message);
  assert.deepEqual(parts(), []);
}

describe('keys rotate', () => {
  test('drops the oldest key, keeps the others, and adds a new random one with the next tag', async () => {
    const path = ringFile();
    const before = keysIn(path);
    await rotated(path);
    const after = keysIn(path);
    assert.deepEqual(after.slice(0, 2), before.slice(1));
    assert.match(after[2], /^29946 [0-9a-f]{32}$/);
    await rotated(path);
    const last = keysIn(path);
    assert.deepEqual(last.slice(0, 2), after.slice(1));
    assert.match(last[2], /^29947 /);
    assert.equal(new Set([...before, ...after, ...last].map((key) => key.split(' ')[1])).size, 5);
  });

  test('keeps the number of keys, their length and the profile', async () => {
    for (const [count, keyBytes] of [
      [5, 32],
      [3, 24],
    ] as const) {
      const path = ringFile(count, keyBytes, Profile.Strict);
      await rotated(path);
      assert.equal(parseKeyRing(readFileSync(path, 'utf8')).profile, 'strict');
      assert.deepEqual(
        ringIn(path).keys.map((key) => key.use(({ length }) => length)),
        Array<number>(count).fill(keyBytes),
      );
    }
  });

  test('prints the dropped key and the ring with tags, roles and fingerprints, but no key', async () => {
    const path = ringFile();
    const before = ringIn(path);
    const { stdout, stderr } = await rotated(path);
    const after = ringIn(path);
    const rows = [before.keys[0], ...after.keys].map((key, i) => {
      const role = ['dropped', 'oldest', 'current', 'next'][i];
      return `${key.tag} ${role} ${keyFingerprint(key, hkdfSha256)}`;
    });
    const [heading, ...lines] = stdout.trimEnd().split('\n');
    assert.match(heading, /^ {2}tag +role +fingerprint$/);
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/ +/g, ' ')),
      rows,
    );
    assert.equal(stderr, '');
    for (const key of keysIn(path)) assert.ok(!stdout.includes(key.split(' ')[1].slice(0, 8)));
  });

  test('--json prints the same as one object, and no key', async () => {
    const path = ringFile();
    const [dropped] = ringIn(path).keys;
    const { stdout } = await rotated(path, '--json');
    assert.deepEqual(JSON.parse(stdout), {
      file: path,
      profile: 'swarm',
      keys: ringIn(path).keys.map((key, i) => {
        return { tag: key.tag, role: ['oldest', 'current', 'next'][i], fingerprint: keyFingerprint(key, hkdfSha256) };
      }),
      dropped: { tag: 29_943, fingerprint: keyFingerprint(dropped, hkdfSha256) },
    });
    for (const key of keysIn(path)) assert.ok(!stdout.includes(key.split(' ')[1].slice(0, 8)));
  });

  test('rotates the output of keys generate', async () => {
    const path = join(folder, 'made.yaml');
    assert.equal((await vtep(['keys', 'generate', '-o', path, '--profile', 'strict'])).status, 0);
    const before = keysIn(path);
    await rotated(path);
    assert.deepEqual(keysIn(path).slice(0, 2), before.slice(1));
  });

  test('replaces a world-readable file by one that only its owner can read, and leaves no other file', async () => {
    const path = ringFile();
    chmodSync(path, 0o644);
    const { ino } = statSync(path);
    await rotated(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    // A new file under its name: no reader sees a partial one.
    assert.notEqual(statSync(path).ino, ino);
    assert.deepEqual(parts(), []);
  });

  test(
    'keeps a daemon as the owner of its ring if root rotates it',
    { skip: process.getuid?.() === 0 ? false : 'only root gives files away' },
    async () => {
      const path = ringFile();
      chownSync(path, 12_345, 12_346);
      await rotated(path);
      const { uid, gid, mode } = statSync(path);
      assert.deepEqual([uid, gid, mode & 0o777], [12_345, 12_346, 0o600]);
    },
  );

  test('rotates the target of a link, and keeps the link', async () => {
    const path = ringFile();
    const before = keysIn(path);
    const link = join(folder, 'link.yaml');
    symlinkSync(path, link);
    await rotated(link);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.deepEqual(keysIn(path).slice(0, 2), before.slice(1));
  });

  test('-o writes the new ring to another file and leaves the old one unchanged, whatever its format', async () => {
    const config = `nodes: { a: { vtep: 10.0.0.1 } }\nnetworks: { n: { vni: 1 } }\n${readFileSync(ringFile(), 'utf8')}`;
    const path = file(config);
    const out = join(folder, 'out.yaml');
    await rotated(path, '-o', out);
    assert.equal(readFileSync(path, 'utf8'), config);
    assert.deepEqual(keysIn(out).slice(0, 2), keysIn(path).slice(1));
    assert.equal(statSync(out).mode & 0o777, 0o600);
    const once = readFileSync(out, 'utf8');
    await refused([path, '-o', out], /out\.yaml: already exists; --force overwrites it/);
    assert.equal(readFileSync(out, 'utf8'), once);
    await rotated(fixture('docker/swarm-keys.txt'), '-o', out, '--force');
    assert.deepEqual(
      ringIn(out).keys.map(({ tag }) => tag),
      [29_944, 29_945, 29_946],
    );
  });

  test('-o - prints the file and nothing else', async () => {
    const path = ringFile();
    const before = readFileSync(path, 'utf8');
    const { stdout, stderr } = await rotated(path, '-o', '-');
    assert.equal(stderr, '');
    assert.deepEqual(
      parseKeyRing(stdout).ring.keys.map(({ tag }) => tag),
      [29_944, 29_945, 29_946],
    );
    assert.equal(readFileSync(path, 'utf8'), before);
  });

  test('warns that packets are lost if a ring has fewer than three keys', async () => {
    for (const count of [1, 2]) {
      const { stderr } = await rotated(ringFile(count));
      assert.match(
        stderr,
        /^vtep: [^\n]*with fewer than 3 keys, nodes drop packets until all of them have the new ring\n$/,
      );
    }
  });

  test('works as a process, for cron jobs: exit 0 and the ring on disk', () => {
    const path = ringFile();
    const before = keysIn(path);
    assert.equal(vtepProcess(['keys', 'rotate', path]).status, 0);
    assert.deepEqual(keysIn(path).slice(0, 2), before.slice(1));
  });

  test('removes what a killed rotation left, since it contains keys', async () => {
    const path = ringFile();
    spawnSync(process.execPath, [join(ROOT, 'dist/test/capture/unfinished-child.js'), 'kill', path]);
    assert.equal(parts().length, 1);
    await rotated(path);
    assert.deepEqual(parts(), []);
  });

  test(
    'killed at any time, leaves a complete ring, and the next rotation removes leftovers',
    { timeout: 120_000 },
    async () => {
      const path = ringFile();
      for (let i = 0; i < 8; i++) {
        const child = spawn(process.execPath, [MAIN, 'keys', 'rotate', path], { stdio: 'ignore' });
        const ended = once(child, 'exit');
        setTimeout(() => child.kill('SIGKILL'), 60 + 30 * i);
        await ended;
        assert.equal(keysIn(path).length, 3);
      }
      await rotated(path);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.`)),
        [],
      );
    },
  );

  test('refuses while another process rewrites the ring', async () => {
    const path = ringFile();
    const before = readFileSync(path, 'utf8');
    const lock = new FileLock(path);
    try {
      await refused([path], /in use by this process/);
      assert.equal(readFileSync(path, 'utf8'), before);
    } finally {
      lock.release();
    }
    await rotated(path);
    assert.notEqual(readFileSync(path, 'utf8'), before);
  });

  test('each of several concurrent rotations either takes effect or is refused', { timeout: 120_000 }, async () => {
    const path = ringFile();
    const newest = (): number => Math.max(...ringIn(path).keys.map(({ tag }) => tag));
    const before = newest();
    const codes = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const child = spawn(process.execPath, [MAIN, 'keys', 'rotate', path], { stdio: 'ignore' });
        const [code] = (await once(child, 'exit')) as [number];
        return code;
      }),
    );
    assert.ok(codes.every((code) => code === 0 || code === 2));
    assert.equal(newest() - before, codes.filter((code) => code === 0).length);
  });

  const key = '43821b91e82886d2f3c6bfe1afcd9bdc';
  const CONTENTS: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    [
      'a config',
      `nodes: {}\nkeys:\n  - { tag: 1, key: '${key}' }\n`,
      /not just a ring in YAML; the rest would be lost/,
    ],
    ['JSON', JSON.stringify({ keys: [{ tag: 1, key }] }), /not just a ring in YAML/],
    ["lines of Swarm's store", `networking:ipsec lamport 1 key ${key}\n`, /not just a ring in YAML/],
    ['a ring with fields of its own', `- { tag: 1, key: '${key}', made: today }\n`, /not just a ring in YAML/],
    ['SAs', readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8'), /contains SAs, not a key ring/],
    ['nothing', '', /not output of .* or a key ring/],
    ['garbage', '\0\u{1f600}[', /not output of .* or a key ring/],
    ['no key', 'keys: []\n', /a key ring holds at least one key/],
    [
      'the highest possible tag',
      `- { tag: ${Number.MAX_SAFE_INTEGER}, key: '${key}' }\n`,
      /a key's tag must be a whole number/,
    ],
  ];
  for (const [what, text, message] of CONTENTS) {
    test(`refuses a file that contains ${what}, and leaves it unchanged`, async () => {
      const path = file(text);
      await refused([path], message);
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }

  const ring = ringFile();
  const CASES: readonly (readonly [words: readonly string[], message: RegExp])[] = [
    [[], /keys rotate needs a key ring/],
    [[ring, ring], /takes one key ring, not 2/],
    [[join(folder, 'nowhere.yaml')], /no such file/],
    [[folder], /can't be read \(EISDIR\)/],
    [[ring, '-o', ''], /--output takes a file/],
    [[ring, '-o', '-', '--json'], /both use standard output/],
    [[ring, '--force'], /--force needs -o FILE/],
    [[ring, '-o', join(folder, 'nowhere', 'ring.yaml')], /no such directory/],
    [[ring, '--count', '4'], /unknown option "--count"/],
  ];
  for (const [words, message] of CASES) {
    test(`refuses the arguments ${words.map((word) => word.replaceAll(folder, '')).join(' ')}`, async () => {
      const before = readFileSync(ring, 'utf8');
      await refused(words, message);
      assert.equal(readFileSync(ring, 'utf8'), before);
    });
  }

  test('-o does not replace a directory, not even with --force', async () => {
    const path = join(folder, 'folder');
    mkdirSync(path);
    await refused([ringFile(), '-o', path, '--force'], /not a regular file/);
    assert.ok(existsSync(path));
  });
});
