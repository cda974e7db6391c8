/** The command line as a process in a namespace. */
import { MAIN } from '../../cli/run.js';
import { type Ended, type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';

/** A running `vtep`. */
export class VtepProcess {
  readonly #process: NamespaceProcess;

  constructor(process: NamespaceProcess) {
    this.#process = process;
  }

  /** Its standard output so far. */
  get stdout(): string {
    return this.#process.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#process.stderr;
  }

  /** Its pid. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it is still running. */
  get running(): boolean {
    return this.#process.running;
  }

  /**
   * Waits for a line on standard error, and returns it.
   *
   * @throws {Error} with all of its output, if it exits without such a line or takes too long
   */
  async ready(pattern: RegExp, milliseconds?: number): Promise<string> {
    return this.#process.line('stderr', pattern, milliseconds);
  }

  /**
   * Waits until its output meets a condition.
   *
   * @param what description of the condition
   * @throws {Error} with all of its output, if it exits before that or takes too long
   */
  async saying(wished: () => boolean, what: string, milliseconds?: number): Promise<void> {
    return this.#process.until(wished, what, milliseconds);
  }

  /** Sends a signal that it should survive. */
  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** Waits for it to exit. */
  async end(milliseconds?: number): Promise<Ended> {
    return this.#process.end(milliseconds);
  }

  /**
   * Sends a signal and waits for it to exit.
   *
   * @throws {Error} with all of its output, if it runs on; it is killed then
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', milliseconds?: number): Promise<Ended> {
    return this.#process.stop(signal, milliseconds);
  }
}

/** Starts `vtep` with arguments in a namespace, whose removal kills it. */
export function spawnVtep(namespace: NetworkNamespace, words: readonly string[]): VtepProcess {
  return new VtepProcess(namespace.start([process.execPath, MAIN, ...words]));
}
