/** System calls of a running process, counted by strace. */
import { VtepError } from '../../src/error.js';
import type { NamespaceProcess } from '../../test/live/namespaces/namespace-process.js';
import type { NetworkNamespace } from '../../test/live/namespaces/network-namespace.js';

/** strace could not count. */
export class StraceError extends VtepError<'STRACE_FAILED'> {}

const HEADING = /^% time\s+seconds\s+usecs\/call\s+calls/m;
const TOTAL = /^\s*100\.00\s.*\stotal\s*$/m;

/**
 * Reads the number of calls from the table of `strace -c`.
 * @throws StraceError if there is no such table
 */
export function parseStrace(output: string): number {
  const heading = HEADING.exec(output);
  const total = TOTAL.exec(output);
  if (heading === null || total === null) {
    const why = output.trim().split('\n').at(-1);
    throw new StraceError('STRACE_FAILED', `strace: ${why || 'it reported nothing'}`);
  }
  // By position: older versions leave the time per call empty in this line, and all leave out the errors if there are none.
  const line = total[0].replace(/^\n*/, '');
  return Number(line.slice(0, heading[0].length).trim().split(/\s+/).at(-1));
}

/** strace, attached to a process and its threads. */
export class CallCounter {
  readonly #strace: NamespaceProcess;

  private constructor(strace: NamespaceProcess) {
    this.#strace = strace;
  }

  /**
   * Attaches to a process.
   * @throws Error with the output of strace if it can't
   */
  static async attach(namespace: NetworkNamespace, pid: number): Promise<CallCounter> {
    const strace = namespace.start(['strace', '-c', '-f', '-p', `${pid}`]);
    await strace.line('stderr', /attached/);
    return new CallCounter(strace);
  }

  /**
   * Detaches, and returns the number of calls. A second call returns the same.
   * @throws StraceError
   */
  async detach(): Promise<number> {
    return parseStrace((await this.#strace.stop('SIGINT')).stderr);
  }
}
