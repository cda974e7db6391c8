import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { SequenceFile } from '../../src/live/index.js';
import { scratch } from '../cli/run.js';
import { ROOT } from '../repository.js';
import { RECORD } from './record.js';
import { records } from './records.js';
import { refused } from './refused.js';

const SEED = 20261121;
const CHILD = join(ROOT, 'dist/test/live/lock-child.js');
const UNFINISHED = join(ROOT, 'dist/test/capture/unfinished-child.js');
const folder = scratch();
let count = 0;

/** A process that takes hold of a file when it is written to, and keeps it until it is killed. */
function holder(path: string): ChildProcessByStdio<Writable, Readable, null> {
  return spawn(process.execPath, [CHILD, path], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** The calls that write, sync and rename files while `run` runs, in their order, each with the path that it is about. */
function durabilityCalls(run: () => void): string[] {
  const calls: string[] = [];
  const paths = new Map<number, string>();
  const { openSync, writeFileSync: write, writeSync, fsyncSync, renameSync } = fs;
  const original = { openSync, writeFileSync: write, writeSync, fsyncSync, renameSync };
  const pathOf = (file: unknown): string => (typeof file === 'number' ? (paths.get(file) ?? '?') : String(file));
  const noted = <A extends unknown[], R>(name: string, call: (...words: A) => R) => {
    return (...words: A): R => {
      calls.push(`${name} ${pathOf(words[0])}`);
      return call(...words);
    };
  };
  Object.assign(fs, {
    openSync: (...words: Parameters<typeof openSync>) => {
      const file = openSync(...words);
      paths.set(file, String(words[0]));
      return file;
    },
    writeFileSync: noted('write', write),
    writeSync: noted('write', writeSync as (...words: unknown[]) => number),
    fsyncSync: noted('fsync', fsyncSync),
    renameSync: (from: string, to: string) => {
      calls.push(`rename ${from} ${to}`);
      renameSync(from, to);
    },
  });
  // Named imports of other modules change with it.
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    Object.assign(fs, original);
    syncBuiltinESMExports();
  }
  return calls;
}

/** A path in a folder of its own. */
function fresh(): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  return join(own, 'sequences');
}

/** A file system that can be filled. */
function requiresTmpfs(): string | false {
  return spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'only root mounts a file system';
}

function filesBeside(path: string): string[] {
  return readdirSync(join(path, '..')).sort();
}

/** What one object reads after another. */
function withFile<T>(path: string, use: (file: SequenceFile) => T): T {
  const file = new SequenceFile(path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

describe('SequenceFile', () => {
  test('is empty where there is no file, and makes none until something is saved', () => {
    const path = fresh();
    assert.deepEqual(
      withFile(path, (file) => file.load()),
      [],
    );
    assert.deepEqual(filesBeside(path), []);
  });

  test('gives what was saved last, also to the next that opens it', () => {
    const path = fresh();
    fc.assert(
      fc.property(records, records, (before, after) => {
        withFile(path, (file) => {
          file.save(before);
          file.save(after);
          assert.deepEqual(file.load(), after);
        });
        assert.deepEqual(
          withFile(path, (file) => file.load()),
          after,
        );
      }),
      { seed: SEED, numRuns: 30 },
    );
    assert.deepEqual(filesBeside(path), ['sequences']);
  });

  test('is on the disk before it takes the old one’s name, and its name before save returns', () => {
    const path = fresh();
    withFile(path, (file) => {
      for (const records of [[RECORD], []]) {
        const calls = durabilityCalls(() => file.save(records));
        const [, part] = /^write (.*)$/.exec(calls[0]) ?? [];
        assert.notEqual(part, path);
        assert.deepEqual(
          // What is written by several calls is written before it is synced all the same.
          calls.filter((call, i) => call !== calls[i - 1]),
          [`write ${part}`, `fsync ${part}`, `rename ${part} ${path}`, `fsync ${dirname(path)}`],
        );
        assert.deepEqual(file.load(), records);
      }
    });
  });

  test('is for its owner alone', () => {
    const path = fresh();
    withFile(path, (file) => file.save([RECORD]));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('that was cut off or changed is refused by its name, left as it is, and the lock is let go by close', () => {
    const path = fresh();
    withFile(path, (file) => file.save([RECORD]));
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[40] ^= 1;
    for (const torn of [whole.subarray(0, 0), whole.subarray(0, 50), changed]) {
      writeFileSync(path, torn);
      withFile(path, (file) => refused(() => file.load(), 'TORN_STATE', /sequences: .*delete it: the next start/));
      assert.deepEqual(readFileSync(path), Buffer.from(torn));
    }
    rmSync(path);
    assert.deepEqual(
      withFile(path, (file) => file.load()),
      [],
    );
  });

  test('takes a record that is out of its bounds for what it is, and keeps what it had', () => {
    const path = fresh();
    withFile(path, (file) => {
      file.save([RECORD]);
      refused(() => file.save([{ ...RECORD, spi: 0 }]), 'BAD_STATE');
      assert.deepEqual(file.load(), [RECORD]);
    });
  });

  test('removes what a process left that was killed while it wrote, and no file of anybody else', () => {
    const path = fresh();
    withFile(path, (file) => file.save([RECORD]));
    spawnSync(process.execPath, [UNFINISHED, 'kill', path]);
    writeFileSync(`${path}.part`, 'somebody else’s');
    assert.equal(filesBeside(path).length, 3);
    withFile(path, (file) => {
      assert.deepEqual(file.load(), [RECORD]);
      file.save([]);
      assert.deepEqual(file.load(), []);
    });
    assert.deepEqual(filesBeside(path), ['sequences', 'sequences.part']);
    assert.equal(readFileSync(`${path}.part`, 'utf8'), 'somebody else’s');
  });

  test('leaves nothing unfinished where there is no room', { skip: requiresTmpfs() }, () => {
    const path = fresh();
    const where = join(path, '..');
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', where]).status, 0);
    try {
      withFile(path, (file) => {
        file.save([RECORD]);
        writeFileSync(join(where, 'ballast'), new Uint8Array(4096));
        refused(() => file.save([RECORD, { ...RECORD, spi: RECORD.spi + 1 }]), 'STATE_UNUSABLE');
        assert.deepEqual(file.load(), [RECORD]);
      });
      assert.deepEqual(filesBeside(path), ['ballast', 'sequences']);
    } finally {
      spawnSync('umount', [where]);
    }
  });

  test('is no folder, no link, no file of more than 64 MiB, and in no folder that is not there', () => {
    const path = fresh();
    mkdirSync(path);
    withFile(path, (file) => {
      refused(() => file.load(), 'STATE_UNUSABLE', /it is no file/);
      refused(() => file.save([]), 'STATE_UNUSABLE', /can't write/);
    });
    rmSync(path, { recursive: true });
    symlinkSync('/dev/zero', path);
    withFile(path, (file) => refused(() => file.load(), 'STATE_UNUSABLE', /it is no file/));
    rmSync(path);
    writeFileSync(path, '');
    truncateSync(path, 2 ** 26 + 1);
    withFile(path, (file) => refused(() => file.load(), 'STATE_UNUSABLE', /too large/));
    refused(
      () => new SequenceFile(join(path, '..', 'nowhere', 'sequences')),
      'STATE_UNUSABLE',
      /no such file or folder/,
    );
  });

  test('does nothing any more once it is closed', () => {
    const path = fresh();
    const file = new SequenceFile(path);
    file.close();
    withFile(path, () => {
      refused(() => file.save([RECORD]), 'STATE_UNUSABLE', /it was let go/);
      refused(() => file.load(), 'STATE_UNUSABLE', /it was let go/);
      // A second close doesn't take the lock away from the other.
      file.close();
      refused(() => new SequenceFile(path), 'STATE_IN_USE');
    });
  });
});

describe('the lock of a SequenceFile', () => {
  test('keeps a second object of one process out until the first is closed', () => {
    const path = fresh();
    withFile(path, () => refused(() => new SequenceFile(path), 'STATE_IN_USE', /sequences: this process has it/));
    withFile(path, () => undefined);
  });

  test('keeps another process out that lives, and names it', async () => {
    const path = fresh();
    const child = holder(path);
    for (const word of ['ready', 'held']) {
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      assert.equal(said.toString(), word);
      child.stdin.write('go');
    }
    refused(
      () => new SequenceFile(path),
      'STATE_IN_USE',
      new RegExp(`process ${child.pid ?? 0} has it; end that first`),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
    assert.deepEqual(filesBeside(path), []);
  });

  test('of a process that ended without letting go is taken over', () => {
    const path = fresh();
    const { stdout } = spawnSync(process.execPath, [CHILD, path], { encoding: 'utf8', input: 'go' });
    assert.equal(stdout, 'readyheld');
    assert.equal(filesBeside(path).length, 1);
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
    assert.deepEqual(filesBeside(path), []);
  });

  const noProc = existsSync('/proc/self/stat') ? false : 'there is no /proc here';

  test('of an earlier process with the pid of one that lives is taken over', { skip: noProc }, () => {
    const path = fresh();
    writeFileSync(`${path}.lock-${process.ppid}-1`, '');
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
  });

  test('that does not say when its process began holds as long as one has its pid', () => {
    const path = fresh();
    writeFileSync(`${path}.lock-${process.ppid}-0`, '');
    refused(() => new SequenceFile(path), 'STATE_IN_USE', new RegExp(`process ${process.ppid} has it`));
    assert.deepEqual(filesBeside(path), [`sequences.lock-${process.ppid}-0`]);
  });

  test('of a process that ended and was not waited for is taken over', { skip: noProc }, async () => {
    const path = fresh();
    // The shell becomes a sleep, which never waits for the child that the shell had.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    try {
      while (readFileSync(`/proc/${parent.pid ?? 0}/comm`, 'utf8') !== 'sleep\n') await sleep(5);
      process.kill(pid, 'SIGKILL');
      const fields = (): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      while (fields()[0] !== 'Z') await sleep(5);
      writeFileSync(`${path}.lock-${pid}-${fields()[19]}`, '');
      withFile(path, () => assert.equal(filesBeside(path).length, 1));
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('is not taken for one by files that are named alike', () => {
    const path = fresh();
    const alike = [
      'sequences.lock-',
      'sequences.lock-x',
      'sequences.lock-0-5',
      'sequences.lock-4294967295-0',
      'sequences2.lock-1-0',
    ];
    for (const name of alike) writeFileSync(join(path, '..', name), '');
    withFile(path, () => undefined);
    assert.deepEqual(filesBeside(path), [...alike].sort());
  });

  test('is had by one at the most of those that take over at the same moment', async () => {
    for (let round = 0; round < 2; round++) {
      const path = fresh();
      writeFileSync(`${path}.lock-${process.ppid}-1`, '');
      const children = Array.from({ length: 4 }, () => holder(path));
      const next = ({ stdout }: (typeof children)[0]): Promise<string> =>
        once(stdout, 'data').then(([bytes]) => String(bytes));
      assert.deepEqual(await Promise.all(children.map(next)), new Array(4).fill('ready'));
      const outcomes = Promise.all(children.map(next));
      for (const { stdin } of children) stdin.write('go');
      const said = await outcomes;
      assert.ok(said.filter((word) => word === 'held').length <= 1, said.join());
      assert.ok(
        said.every((word) => word === 'held' || word === 'STATE_IN_USE'),
        said.join(),
      );
      for (const child of children) child.kill('SIGKILL');
      for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      withFile(path, () => assert.equal(filesBeside(path).length, 1));
    }
  });
});
