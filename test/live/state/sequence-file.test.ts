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
import { SequenceFile } from '../../../src/live/index.js';
import { scratch } from '../../cli/run.js';
import { ROOT } from '../../repository.js';
import { RECORD } from '../record.js';
import { records } from '../records.js';
import { refused } from '../refused.js';

const SEED = 20261121;
const CHILD = join(ROOT, 'dist/test/live/state/lock-child.js');
const UNFINISHED = join(ROOT, 'dist/test/capture/unfinished-child.js');
const folder = scratch();
let count = 0;

/** A process that locks a file when it receives input, and holds it until killed. */
function holder(path: string): ChildProcessByStdio<Writable, Readable, null> {
  return spawn(process.execPath, [CHILD, path], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** The calls that write, sync and rename files during `run`, in order, each with its path. */
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
  // This also updates the named imports of other modules.
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    Object.assign(fs, original);
    syncBuiltinESMExports();
  }
  return calls;
}

/** A path in a new directory. */
function fresh(): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  return join(own, 'sequences');
}

/** A file system small enough to fill. */
function requiresTmpfs(): string | false {
  return spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'only root mounts a file system';
}

function filesBeside(path: string): string[] {
  return readdirSync(join(path, '..')).sort();
}

/** The records that a new object loads. */
function withFile<T>(path: string, use: (file: SequenceFile) => T): T {
  const file = new SequenceFile(path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

describe('SequenceFile', () => {
  test('is empty without a file, and creates none until something is saved', () => {
    const path = fresh();
    assert.deepEqual(
      withFile(path, (file) => file.load()),
      [],
    );
    assert.deepEqual(filesBeside(path), []);
  });

  test('returns the last save, also after reopening', () => {
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

  test('syncs the data before the rename, and the directory before save returns', () => {
    const path = fresh();
    withFile(path, (file) => {
      for (const records of [[RECORD], []]) {
        const calls = durabilityCalls(() => file.save(records));
        const [, part] = /^write (.*)$/.exec(calls[0]) ?? [];
        assert.notEqual(part, path);
        assert.deepEqual(
          // Data may be written by several calls, but always before the sync.
          calls.filter((call, i) => call !== calls[i - 1]),
          [`write ${part}`, `fsync ${part}`, `rename ${part} ${path}`, `fsync ${dirname(path)}`],
        );
        assert.deepEqual(file.load(), records);
      }
    });
  });

  test('is readable only by its owner', () => {
    const path = fresh();
    withFile(path, (file) => file.save([RECORD]));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('refuses a truncated or changed file by name, leaves it unchanged, and unlocks it on close', () => {
    const path = fresh();
    withFile(path, (file) => file.save([RECORD]));
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[40] ^= 1;
    for (const torn of [whole.subarray(0, 0), whole.subarray(0, 50), changed]) {
      writeFileSync(path, torn);
      withFile(path, (file) =>
        refused(() => file.load(), 'TORN_STATE', /sequences: .*delete the file, and the next start/),
      );
      assert.deepEqual(readFileSync(path), Buffer.from(torn));
    }
    rmSync(path);
    assert.deepEqual(
      withFile(path, (file) => file.load()),
      [],
    );
  });

  test('refuses a record out of range, and keeps the previous save', () => {
    const path = fresh();
    withFile(path, (file) => {
      file.save([RECORD]);
      refused(() => file.save([{ ...RECORD, spi: 0 }]), 'BAD_STATE');
      assert.deepEqual(file.load(), [RECORD]);
    });
  });

  test('removes what a process killed while writing left, and no other file', () => {
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

  test('leaves no partial file on a full file system', { skip: requiresTmpfs() }, () => {
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

  test('refuses a directory, a link, a file larger than 64 MiB, and a missing directory', () => {
    const path = fresh();
    mkdirSync(path);
    withFile(path, (file) => {
      refused(() => file.load(), 'STATE_UNUSABLE', /not a regular file/);
      refused(() => file.save([]), 'STATE_UNUSABLE', /can't write/);
    });
    rmSync(path, { recursive: true });
    symlinkSync('/dev/zero', path);
    withFile(path, (file) => refused(() => file.load(), 'STATE_UNUSABLE', /not a regular file/));
    rmSync(path);
    writeFileSync(path, '');
    truncateSync(path, 2 ** 26 + 1);
    withFile(path, (file) => refused(() => file.load(), 'STATE_UNUSABLE', /too large/));
    refused(
      () => new SequenceFile(join(path, '..', 'nowhere', 'sequences')),
      'STATE_UNUSABLE',
      /no such file or directory/,
    );
  });

  test('refuses everything once closed', () => {
    const path = fresh();
    const file = new SequenceFile(path);
    file.close();
    withFile(path, () => {
      refused(() => file.save([RECORD]), 'STATE_UNUSABLE', /closed; open it again/);
      refused(() => file.load(), 'STATE_UNUSABLE', /closed; open it again/);
      // A second close doesn't release the other's lock.
      file.close();
      refused(() => new SequenceFile(path), 'STATE_IN_USE');
    });
  });
});

describe('the lock of a SequenceFile', () => {
  test('excludes a second object in the same process until the first is closed', () => {
    const path = fresh();
    withFile(path, () => refused(() => new SequenceFile(path), 'STATE_IN_USE', /sequences: in use by this process/));
    withFile(path, () => undefined);
  });

  test('excludes another process while the holder lives, and names it', async () => {
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
      new RegExp(`in use by process ${child.pid ?? 0}; stop it first`),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
    assert.deepEqual(filesBeside(path), []);
  });

  test('of a process that exited without unlocking is taken over', () => {
    const path = fresh();
    const { stdout } = spawnSync(process.execPath, [CHILD, path], { encoding: 'utf8', input: 'go' });
    assert.equal(stdout, 'readyheld');
    assert.equal(filesBeside(path).length, 1);
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
    assert.deepEqual(filesBeside(path), []);
  });

  const noProc = existsSync('/proc/self/stat') ? false : 'there is no /proc here';

  test('of an earlier process whose pid was reused is taken over', { skip: noProc }, () => {
    const path = fresh();
    writeFileSync(`${path}.lock-${process.ppid}-1`, '');
    withFile(path, () => assert.equal(filesBeside(path).length, 1));
  });

  test('without a start time holds while any process has its pid', () => {
    const path = fresh();
    writeFileSync(`${path}.lock-${process.ppid}-0`, '');
    refused(() => new SequenceFile(path), 'STATE_IN_USE', new RegExp(`in use by process ${process.ppid};`));
    assert.deepEqual(filesBeside(path), [`sequences.lock-${process.ppid}-0`]);
  });

  test('of a zombie process is taken over', { skip: noProc }, async () => {
    const path = fresh();
    // The shell becomes a sleep, which never reaps the shell's child.
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

  test('is not confused with similarly named files', () => {
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

  test('is acquired by at most one of several processes that take over concurrently', async () => {
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
