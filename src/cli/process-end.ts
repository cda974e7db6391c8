/** The end of this process where a thread of it doesn't come back from a system call. */
import { constants } from 'node:os';
import { CType, ForeignLibrary } from '../foreign/index.js';

/**
 * Ends this process by SIGTERM, without waiting for its threads. The first process of a container doesn't die of a signal of
 * its own, and leaves as a shell would say it: by 128 + 15.
 */
export function endWithoutThreads(): never {
  // A listener would be called in a later turn, and does no more than this.
  process.removeAllListeners('SIGTERM');
  process.kill(process.pid, 'SIGTERM');
  // process.exit would wait for the thread, too.
  try {
    const exit = new ForeignLibrary(null, 'the C library').function('_exit', CType.Void, [CType.Int]);
    exit(128 + constants.signals.SIGTERM);
  } catch {
    // Without koffi there is only a crash, which the kernel lets no process survive.
  }
  process.abort();
}
