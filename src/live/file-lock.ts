/**
 * Keeps two processes from one file. Node has no flock, so each process lays a claim beside the file, whose name says who
 * it is: its pid, and when it was started, since pids come again. First it makes its claim, then it looks for others: of
 * two that race, the later sees the earlier's, and never do both go on. A claim whose process is gone is removed, and
 * since no other process can have a claim of that name, no race can remove one that holds.
 */
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isGone, ownStart } from '../capture/process-mark.js';
import { systemReason } from '../capture/standard-stream.js';
import { LiveError } from './error.js';

const OWNER_ONLY = 0o600;
const MAX_PID = 2 ** 31 - 1;

/** A process's hold on a file. */
export class FileLock {
  readonly #claim: string;

  /**
   * Takes hold. Of two processes that try at the same moment both may be refused.
   * @param path the file, which needn't exist
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

  /** Lets go. */
  release(): void {
    rmSync(this.#claim, { force: true });
  }
}

function inUse(path: string, pid: number, claim: string): LiveError {
  const who = pid === process.pid ? 'this process' : `process ${pid}`;
  return new LiveError(
    'STATE_IN_USE',
    `${path}: ${who} has it; end that first, or name another file (if that is no vtep, delete ${claim})`,
  );
}
