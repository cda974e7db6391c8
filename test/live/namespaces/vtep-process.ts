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

  /** What it wrote to standard output until now. */
  get stdout(): string {
    return this.#process.stdout;
  }

  /** What it wrote to standard error until now. */
  get stderr(): string {
    return this.#process.stderr;
  }

  /** Its number as a process. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it runs still. */
  get running(): boolean {
    return this.#process.running;
  }

  /**
   * Waits for a line on standard error, and gives it.
   *
   * @throws {Error} with all of its output, if it ends without such a line or takes too long
   */
  async ready(pattern: RegExp, milliseconds?: number): Promise<string> {
    return this.#process.line('stderr', pattern, milliseconds);
  }

  /**
   * Waits until what it wrote is as wished.
   *
   * @param what is waited for, in words
   * @throws {Error} with all of its output, if it ends before or takes too long
   */
  async saying(wished: () => boolean, what: string, milliseconds?: number): Promise<void> {
    return this.#process.until(wished, what, milliseconds);
  }

  /** Sends a signal that it is to survive. */
  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** Waits for its end. */
  async end(milliseconds?: number): Promise<Ended> {
    return this.#process.end(milliseconds);
  }

  /**
   * Sends a signal and waits for its end.
   *
   * @throws {Error} with all of its output, if it runs on; it is killed then
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', milliseconds?: number): Promise<Ended> {
    return this.#process.stop(signal, milliseconds);
  }
}

/** Starts `vtep` with words in a namespace. It is killed with the namespace, if it runs then. */
export function spawnVtep(namespace: NetworkNamespace, words: readonly string[]): VtepProcess {
  return new VtepProcess(namespace.start([process.execPath, MAIN, ...words]));
}
