/**
 * Locks a file against other processes. Node has no flock, so each process creates a claim file next to it, named after
 * its pid and start time, since pids are reused. A process first creates its claim, then looks for others: if two race,
 * the later one sees the earlier one's claim, so that at most one continues. A claim whose process is gone is removed;
 * since no other process can have a claim of that name, no race can remove a valid one.
 */
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isGone, ownStart } from '../../capture/file/process-mark.js';
import { systemReason } from '../../capture/file/standard-stream.js';
import { LiveError } from '../error.js';

const OWNER_ONLY = 0o600;
const MAX_PID = 2 ** 31 - 1;

/** A process's lock on a file. */
export class FileLock {
  readonly #claim: string;

  /**
   * Acquires the lock. If two processes try at the same time, both may be refused.
   * @param path the file, which need not exist
   * @throws LiveError `STATE_IN_USE`, `STATE_UNUSABLE`
   */
  constructor(path: string) {
    const prefix = `${basename(path)}.lock-`;
    const folder = dirname(path);
    const own = `${prefix}${process.pid}-${ownStart()}`;
    this.#claim = join(folder, own);
    try {
      closeSync(openSync(this.#claim, 'wx', OWNER_ONLY));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(path, process.pid, this.#claim);
      throw new LiveError('STATE_UNUSABLE', `can't lock ${systemReason(path, error)}`, { cause: error });
    }
    try {
      for (const name of readdirSync(folder)) {
        const match = name.startsWith(prefix) ? /^(\d{1,10})-(\d{1,20})$/.exec(name.slice(prefix.length)) : null;
        if (match === null || name === own) continue;
        const pid = Number(match[1]);
        if (pid < 1 || pid > MAX_PID) continue;
        const other = join(folder, name);
        if (!isGone(pid, match[2])) throw inUse(path, pid, other);
        rmSync(other, { force: true });
      }
    } catch (error) {
      this.release();
      if (error instanceof LiveError) throw error;
      throw new LiveError('STATE_UNUSABLE', `can't lock ${systemReason(path, error)}`, { cause: error });
    }
  }

  /** Releases the lock. */
  release(): void {
    rmSync(this.#claim, { force: true });
  }
}

function inUse(path: string, pid: number, claim: string): LiveError {
  const who = pid === process.pid ? 'this process' : `process ${pid}`;
  return new LiveError(
    'STATE_IN_USE',
    `${path}: in use by ${who}; stop it first, or name another file (if that is not vtep, delete ${claim})`,
  );
}
