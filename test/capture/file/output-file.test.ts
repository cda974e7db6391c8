import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { LinkType, OutputFile, RotatingFiles } from '../../../src/capture/index.js';
import { writeWhole } from '../../../src/capture/file/output-file.js';
import { scratch } from '../../cli/run.js';
import { ROOT } from '../../repository.js';

const CHILD = join(ROOT, 'dist/test/capture/unfinished-child.js');
const NOT_ROOT = process.getuid?.() === 0 ? false : 'only root can change file owners';
const NOBODY = 65_534;
const root = scratch();
let count = 0;

function folder(): string {
  const made = join(root, String(count++));
  mkdirSync(made);
  return made;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Part files in a folder. */
function parts(where: string): string[] {
  return readdirSync(where).filter((name) => name.includes('.part-'));
}

/** Ends a process that has started outputs. */
function unfinished(how: 'exit' | 'kill', ...paths: readonly string[]): void {
  const { signal, stderr } = spawnSync(process.execPath, [CHILD, how, ...paths], { encoding: 'utf8' });
  assert.deepEqual([signal, stderr], [how === 'kill' ? 'SIGKILL' : null, '']);
}

/** Why mount namespaces are unavailable, or false. */
function noNamespaces(): string | false {
  const { status } = spawnSync('unshare', [
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    'mount -t tmpfs none /dev',
  ]);
  return status === 0 ? false : 'no mount namespaces';
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

describe('OutputFile', () => {
  test('appears complete at commit; the previous target stays until then', () => {
    const where = folder();
    const path = join(where, 'out');
    writeFileSync(path, 'before');
    const file = new OutputFile(path);
    file.write(bytes('af'));
    file.write(bytes('ter'));
    assert.equal(readFileSync(path, 'utf8'), 'before');
    file.commit();
    file.abandon();
    assert.equal(readFileSync(path, 'utf8'), 'after');
    assert.deepEqual(readdirSync(where), ['out']);
  });

  test('is removed by abandon', () => {
    const where = folder();
    const file = new OutputFile(join(where, 'out'));
    file.write(bytes('x'));
    file.abandon();
    file.commit();
    assert.deepEqual(readdirSync(where), []);
  });

  test("uses a new temporary name each time, which a planted link can't anticipate", () => {
    const where = folder();
    const path = join(where, 'out');
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const file = new OutputFile(path);
      const [name, ...others] = parts(where);
      assert.deepEqual(others, []);
      // 64 random bits.
      names.add(name.slice(-16));
      assert.match(name, /-[0-9a-f]{16}$/);
      file.abandon();
    }
    assert.equal(names.size, 20);
  });

  test("doesn't follow a link with the temporary name of older versions", () => {
    const where = folder();
    const victim = join(where, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(where, `out.part-${process.pid}`));
    writeWhole(join(where, 'out'), 'mine');
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.ok(lstatSync(join(where, 'out')).isFile());
  });

  test('replaces a link, not the file it points to', () => {
    const where = folder();
    const victim = join(where, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(where, 'out'));
    writeWhole(join(where, 'out'), 'mine');
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.ok(lstatSync(join(where, 'out')).isFile());
  });

  test('has the mode that the umask leaves, or 0600 with ownerOnly', () => {
    const where = folder();
    const before = process.umask(0o027);
    try {
      writeWhole(join(where, 'plain'), 'x');
      writeWhole(join(where, 'secret'), 'x', { ownerOnly: true });
      writeFileSync(join(where, 'open'), 'x');
      chmodSync(join(where, 'open'), 0o666);
      const { ino } = statSync(join(where, 'open'));
      writeWhole(join(where, 'open'), 'y', { ownerOnly: true });
      // A new file: a process that has the old one open can't read the new content.
      assert.notEqual(statSync(join(where, 'open')).ino, ino);
    } finally {
      process.umask(before);
    }
    assert.deepEqual([modeOf(join(where, 'plain')), modeOf(join(where, 'secret'))], [0o640, 0o600]);
    assert.equal(modeOf(join(where, 'open')), 0o600);
  });

  test('leaves nothing if a process exits without abandon', () => {
    const where = folder();
    unfinished('exit', join(where, 'out'), join(where, 'other'));
    assert.deepEqual(readdirSync(where), []);
  });

  test('removes the leftovers of a killed process, and nothing of another output', () => {
    const where = folder();
    const path = join(where, 'out');
    unfinished('kill', path, join(where, 'out.part'), join(where, 'other'));
    assert.equal(parts(where).length, 3);
    writeWhole(path, 'x');
    assert.deepEqual(
      parts(where).map((name) => name.replace(/-[^.]*$/, '')),
      ['other.part', 'out.part.part'],
    );
  });

  test('leaves a file that a running process is writing', async () => {
    const where = folder();
    const path = join(where, 'out');
    const child = spawn(process.execPath, [CHILD, 'wait', path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const before = parts(where);
    assert.equal(before.length, 1);
    const file = new OutputFile(path);
    file.commit();
    assert.deepEqual([parts(where), file.leftovers], [before, []]);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    writeWhole(path, 'x');
    assert.deepEqual(parts(where), []);
  });

  test('reports and leaves a file that a process elsewhere may be writing', () => {
    const where = folder();
    const path = join(where, 'out');
    unfinished('kill', path);
    const [left] = parts(where);
    // Of another boot, container or machine, where its pid is meaningless here.
    const scope = /-([0-9a-f]{8})-[0-9a-f]{16}$/.exec(left)?.[1] ?? '';
    const foreign = join(where, left.replace(scope, scope === '00000000' ? '11111111' : '00000000'));
    writeFileSync(foreign, 'half');
    const file = new OutputFile(path);
    file.commit();
    assert.deepEqual(file.leftovers, [foreign]);
    assert.equal(readFileSync(foreign, 'utf8'), 'half');
    assert.deepEqual(parts(where), [basename(foreign)]);
  });

  test('removes no link, no file with a second link, and no file with another name pattern', () => {
    const where = folder();
    const path = join(where, 'out');
    unfinished('kill', path, path, path);
    const [first, second, third] = parts(where);
    linkSync(join(where, first), join(where, 'kept'));
    symlinkSync('kept', join(where, `${second.slice(0, -16)}${'0'.repeat(16)}`));
    mkdirSync(join(where, `${third.slice(0, -16)}${'1'.repeat(16)}`));
    const others = ['out.part', 'out.part-1', `out.part-${process.pid}`, 'out.part-a-b-0123456789abcdef'];
    for (const name of others) writeFileSync(join(where, name), 'not ours');
    writeWhole(path, 'x');
    const left = new Set(readdirSync(where));
    for (const name of [...others, first, 'kept']) assert.ok(left.has(name), name);
    assert.ok(!left.has(second) && !left.has(third));
    assert.equal(left.size, others.length + 5);
  });

  test('supports names of up to 255 bytes, and finds their leftovers', () => {
    const where = folder();
    const path = join(where, 'ü'.repeat(127));
    unfinished('kill', path);
    assert.equal(parts(where).length, 1);
    writeWhole(path, 'x');
    assert.deepEqual(readdirSync(where), ['ü'.repeat(127)]);
  });

  test('reports a full device, and leaves nothing', { skip: existsSync('/dev/full') ? false : 'no /dev/full' }, () => {
    const file = new OutputFile('/dev/full');
    assert.throws(() => file.write(bytes('x')), { code: 'FILE_UNUSABLE', message: /no space left on the device/ });
    file.abandon();
  });

  test('writes directly to a device or pipe', () => {
    writeWhole('/dev/null', 'x');
    assert.ok(!lstatSync('/dev/null').isFile());
    const { stdout } = spawnSync('sh', ['-c', `"${process.execPath}" -e "$1" | cat`, 'sh', WRITES_STDOUT], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(stdout, 'through a link to a pipe');
  });

  describe('with the name of a descriptor', () => {
    /** Writes to a name, with descriptors 1 and 3 redirected to a non-empty file. */
    const redirected = (name: string): { readonly content: string; readonly stderr: string } => {
      const file = join(folder(), 'redirected');
      const script = '{ echo before; "$1" "$2" finish "$3"; echo after; } >"$4" 3>&1';
      const { stderr } = spawnSync('sh', ['-c', script, 'sh', process.execPath, CHILD, name, file], {
        encoding: 'utf8',
      });
      return { content: readFileSync(file, 'utf8'), stderr };
    };
    const whole = { content: 'before\nhalf a keyafter\n', stderr: '' };

    test('writes to the descriptor, and keeps the links to it', () => {
      const where = folder();
      symlinkSync('/proc/self/fd/1', join(where, 'stdout'));
      symlinkSync('stdout', join(where, 'further'));
      symlinkSync('/proc/self/fd', join(where, 'fd'));
      for (const name of ['stdout', 'further', 'fd/1', 'fd/3']) {
        assert.deepEqual(redirected(join(where, name)), whole, name);
      }
      assert.deepEqual(readdirSync(where).sort(), ['fd', 'further', 'stdout']);
      for (const name of readdirSync(where)) assert.ok(lstatSync(join(where, name)).isSymbolicLink(), name);
      assert.deepEqual(redirected('/proc/self/fd/1'), whole);
      assert.deepEqual(redirected('/proc/thread-self/fd/3'), whole);
    });

    test('rejects a closed descriptor, and one of another process', () => {
      const where = folder();
      symlinkSync('/proc/self/fd/999', join(where, 'closed'));
      assert.throws(() => new OutputFile(join(where, 'closed')), { code: 'FILE_UNUSABLE', message: /EBADF/ });
      const descriptor = openSync(join(where, 'held'), 'w');
      try {
        const { content, stderr } = redirected(`/proc/${process.pid}/fd/${descriptor}`);
        assert.match(stderr, /it is a file that another process has open; name the file/);
        assert.equal(content, 'before\nafter\n');
      } finally {
        closeSync(descriptor);
      }
      assert.deepEqual(readdirSync(where).sort(), ['closed', 'held']);
    });
  });

  test('replaces no link in /dev', { skip: noNamespaces() }, () => {
    const where = folder();
    const file = join(where, 'behind');
    writeFileSync(file, 'precious');
    // A separate /dev, where links may be broken.
    const script =
      'mount -t tmpfs none /dev && ln -s "$1" /dev/link && ln -s nowhere /dev/dangling && ln -s /proc/self/fd/1 /dev/stdout &&' +
      ' for name in link dangling stdout; do "$2" "$3" finish /dev/$name 2>&1 >"$4" | grep ^CaptureError; done;' +
      ' test -L /dev/link && test -L /dev/dangling && test -L /dev/stdout && ls /dev';
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        script,
        'sh',
        file,
        process.execPath,
        CHILD,
        join(where, 'out'),
      ],
      { encoding: 'utf8' },
    );
    assert.match(
      stdout,
      /^.*\/dev\/link: it is a link in \/dev.*\n.*\/dev\/dangling: it is a link in \/dev.*\ndangling\nlink\nstdout\n$/,
      stderr,
    );
    assert.equal(readFileSync(join(where, 'out'), 'utf8'), 'half a key');
    assert.equal(readFileSync(file, 'utf8'), 'precious');
  });

  test("is not written to another user's pipe or link in a world-writable directory", { skip: NOT_ROOT }, () => {
    const where = folder();
    chmodSync(where, 0o777);
    spawnSync('mkfifo', [join(where, 'pipe')]);
    chownSync(join(where, 'pipe'), NOBODY, NOBODY);
    symlinkSync('/dev/null', join(where, 'link'));
    spawnSync('chown', ['-h', `${NOBODY}:${NOBODY}`, join(where, 'link')]);
    for (const name of ['pipe', 'link']) {
      assert.throws(() => new OutputFile(join(where, name)), { code: 'FILE_UNUSABLE', message: /another user put/ });
    }
    chmodSync(where, 0o755);
    writeWhole(join(where, 'link'), 'x');
  });

  test('reports a failed rename, and leaves nothing', () => {
    const where = folder();
    const path = join(where, 'out');
    const file = new OutputFile(path);
    mkdirSync(path);
    assert.throws(() => file.commit(), { code: 'FILE_UNUSABLE' });
    assert.deepEqual(readdirSync(where), ['out']);
  });
});

const WRITES_STDOUT = `import('./dist/src/capture/file/output-file.js').then(({ writeWhole }) =>
  writeWhole('/dev/stdout', 'through a link to a pipe'))`;

describe('RotatingFiles', () => {
  const options = { format: 'pcap', linkType: LinkType.Ethernet, name: 'eth0', size: 1 } as const;
  const packet = bytes('a frame');

  test('removes the leftovers of a killed capture of the same name, whatever their number and time', () => {
    const where = folder();
    unfinished('kill', `rotating:${join(where, 'wire.pcap')}`, `rotating:${join(where, 'wired.pcap')}`);
    assert.equal(parts(where).length, 2);
    const files = new RotatingFiles(join(where, 'wire.pcap'), 1_800_000_000, options);
    files.abandon();
    assert.deepEqual(
      parts(where).map((name) => name.slice(0, 6)),
      ['wired_'],
    );
  });

  test('deletes no file that has replaced an old one', () => {
    const where = folder();
    const files = new RotatingFiles(join(where, 'wire.pcap'), 0, { ...options, files: 1 });
    files.write(packet, 0, 7, 7, 1, 0);
    const [first] = readdirSync(where);
    writeWhole(join(where, first), 'somebody else’s');
    files.write(packet, 0, 7, 7, 2, 0);
    files.write(packet, 0, 7, 7, 3, 0);
    assert.equal(readFileSync(join(where, first), 'utf8'), 'somebody else’s');
    assert.deepEqual(files.files.deleted, 2);
    assert.equal(readdirSync(where).length, 2);
  });

  test('are readable by their owner only with ownerOnly', () => {
    const where = folder();
    const files = new RotatingFiles(join(where, 'wire.pcap'), 0, { ...options, ownerOnly: true });
    files.write(packet, 0, 7, 7, 1, 0);
    assert.deepEqual(
      readdirSync(where).map((name) => modeOf(join(where, name))),
      [0o600],
    );
  });
});
