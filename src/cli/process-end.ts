/** Exits this process even if one of its threads is stuck in a system call. */
import { constants } from 'node:os';
import { CType, ForeignLibrary } from '../foreign/index.js';

/**
 * Kills this process by SIGTERM, without waiting for its threads. PID 1 of a container survives its own signals, and
 * exits with the status that a shell would report: 128 + 15.
 */
export function endWithoutThreads(): never {
  // A listener would run only in a later turn, and would only do the same.
  process.removeAllListeners('SIGTERM');
  process.kill(process.pid, 'SIGTERM');
  // process.exit would wait for the thread, too.
  try {
    const exit = new ForeignLibrary(null, 'the C library').function('_exit', CType.Void, [CType.Int]);
    exit(128 + constants.signals.SIGTERM);
  } catch {
    // Without koffi, only a crash is left, which no process survives.
  }
  process.abort();
}
