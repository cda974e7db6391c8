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
import { LinkType, OutputFile, RotatingFiles } from '../../src/capture/index.js';
import { writeWhole } from '../../src/capture/output-file.js';
import { scratch } from '../cli/run.js';
import { ROOT } from '../repository.js';

const CHILD = join(ROOT, 'dist/test/capture/unfinished-child.js');
const NOT_ROOT = process.getuid?.() === 0 ? false : 'only root gives files away';
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

/** Files in the making in a folder. */
function parts(where: string): string[] {
  return readdirSync(where).filter((name) => name.includes('.part-'));
}

/** Ends a process that has begun outputs. */
function unfinished(how: 'exit' | 'kill', ...paths: readonly string[]): void {
  const { signal, stderr } = spawnSync(process.execPath, [CHILD, how, ...paths], { encoding: 'utf8' });
  assert.deepEqual([signal, stderr], [how === 'kill' ? 'SIGKILL' : null, '']);
}

/** Why there can't be a mount namespace, or false. */
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
  test('appears whole at commit, and leaves what had its name until then', () => {
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

  test('is gone when it is abandoned', () => {
    const where = folder();
    const file = new OutputFile(join(where, 'out'));
    file.write(bytes('x'));
    file.abandon();
    file.commit();
    assert.deepEqual(readdirSync(where), []);
  });

  test('is begun under another name each time, which no link that was put there can guess', () => {
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

  test('a link of the name that older versions used is not followed', () => {
    const where = folder();
    const victim = join(where, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(where, `out.part-${process.pid}`));
    writeWhole(join(where, 'out'), 'mine');
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.ok(lstatSync(join(where, 'out')).isFile());
  });

  test('takes the place of a link, not of the file behind it', () => {
    const where = folder();
    const victim = join(where, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(where, 'out'));
    writeWhole(join(where, 'out'), 'mine');
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.ok(lstatSync(join(where, 'out')).isFile());
  });

  test('has the mode that the umask leaves, or 0600 where it is for its owner alone', () => {
    const where = folder();
    const before = process.umask(0o027);
    try {
      writeWhole(join(where, 'plain'), 'x');
      writeWhole(join(where, 'secret'), 'x', { ownerOnly: true });
      writeFileSync(join(where, 'open'), 'x');
      chmodSync(join(where, 'open'), 0o666);
      const { ino } = statSync(join(where, 'open'));
      writeWhole(join(where, 'open'), 'y', { ownerOnly: true });
      // Another file: who had the old one open reads nothing of the new one.
      assert.notEqual(statSync(join(where, 'open')).ino, ino);
    } finally {
      process.umask(before);
    }
    assert.deepEqual([modeOf(join(where, 'plain')), modeOf(join(where, 'secret'))], [0o640, 0o600]);
    assert.equal(modeOf(join(where, 'open')), 0o600);
  });

  test('a process that forgets to abandon it leaves nothing behind', () => {
    const where = folder();
    unfinished('exit', join(where, 'out'), join(where, 'other'));
    assert.deepEqual(readdirSync(where), []);
  });

  test('removes what a killed process left of it, and nothing of another output', () => {
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

  test('leaves what a running process is writing', async () => {
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

  test('names what a process elsewhere may be writing, and leaves it', () => {
    const where = folder();
    const path = join(where, 'out');
    unfinished('kill', path);
    const [left] = parts(where);
    // Of another boot, container or machine, where its pid says nothing here.
    const place = /-([0-9a-f]{8})-[0-9a-f]{16}$/.exec(left)?.[1] ?? '';
    const foreign = join(where, left.replace(place, place === '00000000' ? '11111111' : '00000000'));
    writeFileSync(foreign, 'half');
    const file = new OutputFile(path);
    file.commit();
    assert.deepEqual(file.leftovers, [foreign]);
    assert.equal(readFileSync(foreign, 'utf8'), 'half');
    assert.deepEqual(parts(where), [basename(foreign)]);
  });

  test('removes no link, no file that has another name too, and no name that is not of its kind', () => {
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

  test('has a name of up to 255 bytes, and what is left of it is found', () => {
    const where = folder();
    const path = join(where, 'ü'.repeat(127));
    unfinished('kill', path);
    assert.equal(parts(where).length, 1);
    writeWhole(path, 'x');
    assert.deepEqual(readdirSync(where), ['ü'.repeat(127)]);
  });

  test(
    'that finds no room says so, and leaves nothing',
    { skip: existsSync('/dev/full') ? false : 'no /dev/full' },
    () => {
      const file = new OutputFile('/dev/full');
      assert.throws(() => file.write(bytes('x')), { code: 'FILE_UNUSABLE', message: /no space left on the device/ });
      file.abandon();
    },
  );

  test('is written to a device or pipe by itself', () => {
    writeWhole('/dev/null', 'x');
    assert.ok(!lstatSync('/dev/null').isFile());
    const { stdout } = spawnSync('sh', ['-c', `"${process.execPath}" -e "$1" | cat`, 'sh', WRITES_STDOUT], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(stdout, 'through a link to a pipe');
  });

  describe('of a name that stands for a descriptor', () => {
    /** Writes to a name, with descriptors 1 and 3 redirected to a file that has bytes in it already. */
    const redirected = (name: string): { readonly content: string; readonly stderr: string } => {
      const file = join(folder(), 'redirected');
      const script = '{ echo before; "$1" "$2" finish "$3"; echo after; } >"$4" 3>&1';
      const { stderr } = spawnSync('sh', ['-c', script, 'sh', process.execPath, CHILD, name, file], {
        encoding: 'utf8',
      });
      return { content: readFileSync(file, 'utf8'), stderr };
    };
    const whole = { content: 'before\nhalf a keyafter\n', stderr: '' };

    test('is written to the descriptor, and leaves the links that lead to it', () => {
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

    test('is refused where nothing is open, or another process has it open', () => {
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

  test('takes the place of no link among the devices', { skip: noNamespaces() }, () => {
    const where = folder();
    const file = join(where, 'behind');
    writeFileSync(file, 'precious');
    // A /dev of its own, where a link may be broken.
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
      /^.*\/dev\/link: it is a link among the devices.*\n.*\/dev\/dangling: it is a link among.*\ndangling\nlink\nstdout\n$/,
      stderr,
    );
    assert.equal(readFileSync(join(where, 'out'), 'utf8'), 'half a key');
    assert.equal(readFileSync(file, 'utf8'), 'precious');
  });

  test(
    "is not written to somebody else's pipe or link in a folder that everybody can write",
    { skip: NOT_ROOT },
    () => {
      const where = folder();
      chmodSync(where, 0o777);
      spawnSync('mkfifo', [join(where, 'pipe')]);
      chownSync(join(where, 'pipe'), NOBODY, NOBODY);
      symlinkSync('/dev/null', join(where, 'link'));
      spawnSync('chown', ['-h', `${NOBODY}:${NOBODY}`, join(where, 'link')]);
      for (const name of ['pipe', 'link']) {
        assert.throws(() => new OutputFile(join(where, name)), { code: 'FILE_UNUSABLE', message: /somebody else put/ });
      }
      chmodSync(where, 0o755);
      writeWhole(join(where, 'link'), 'x');
    },
  );

  test('that cannot take its name says so, and leaves nothing', () => {
    const where = folder();
    const path = join(where, 'out');
    const file = new OutputFile(path);
    mkdirSync(path);
    assert.throws(() => file.commit(), { code: 'FILE_UNUSABLE' });
    assert.deepEqual(readdirSync(where), ['out']);
  });
});

const WRITES_STDOUT = `import('./dist/src/capture/output-file.js').then(({ writeWhole }) =>
  writeWhole('/dev/stdout', 'through a link to a pipe'))`;

describe('RotatingFiles', () => {
  const options = { format: 'pcap', linkType: LinkType.Ethernet, name: 'eth0', size: 1 } as const;
  const packet = bytes('a frame');

  test('removes what a killed capture of the same name left, whatever its number and time', () => {
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

  test('deletes no file that somebody put in the place of an old one', () => {
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

  test('are for their owner alone where that is said', () => {
    const where = folder();
    const files = new RotatingFiles(join(where, 'wire.pcap'), 0, { ...options, ownerOnly: true });
    files.write(packet, 0, 7, 7, 1, 0);
    assert.deepEqual(
      readdirSync(where).map((name) => modeOf(join(where, name))),
      [0o600],
    );
  });
});
