/** Pings that go on beside what a test does. */
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';
import { answered, parsePing, type PingSums } from './ping-output.js';
import { type PingOptions, pingWords } from './ping.js';

/** Seconds before the stop within which a ping may still be on its way. */
const ON_ITS_WAY = 0.2;
/** Seconds after which it ends by itself, so that none outlives a test that was killed. */
const LONGEST = 120;

/** The sums of pings that were stopped. */
export interface RunningPingSums extends PingSums {
  /** Which were lost, counted from 1: how long a gap was, and when. */
  readonly missing: readonly number[];
}

/** A `ping` that runs until it is stopped. */
export class RunningPing {
  readonly #process: NamespaceProcess;
  readonly #onTheirWay: number;

  private constructor(process: NamespaceProcess, interval: number) {
    this.#process = process;
    this.#onTheirWay = Math.ceil(ON_ITS_WAY / interval);
  }

  /**
   * Starts to ping, and waits for the first answer.
   *
   * @throws {Error} with the words of `ping`, if there is none
   */
  static async start(
    from: NetworkNamespace,
    address: string,
    options: Omit<PingOptions, 'count' | 'flood'> = {},
  ): Promise<RunningPing> {
    const { interval = 0.01 } = options;
    const process = from.start(pingWords(address, options, ['-i', String(interval), '-w', String(LONGEST)]));
    await process.line('stdout', / bytes from /);
    return new RunningPing(process, interval);
  }

  /** How many were answered until now. */
  get received(): number {
    return answered(this.#process.stdout).size;
  }

  /**
   * Waits until so many more were answered.
   *
   * @throws {Error} with all of its output, if that takes too long
   */
  async answers(count: number, milliseconds?: number): Promise<void> {
    const last = this.received + count;
    await this.#process.until(() => this.received >= last, `${count} more answers`, milliseconds);
  }

  /** Stops, and gives the sums. The last ones, if they were sent just now and not answered, count neither as sent nor lost. */
  async stop(): Promise<RunningPingSums> {
    const { stdout, stderr } = await this.#process.stop('SIGINT');
    const sums = parsePing(stdout, stderr);
    const numbers = answered(stdout);
    const last = Math.max(0, ...numbers);
    const sent = Math.max(last, sums.sent - this.#onTheirWay);
    const missing = Array.from({ length: sent }, (_, i) => i + 1).filter((number) => !numbers.has(number));
    return { ...sums, sent, lost: missing.length, missing };
  }
}
