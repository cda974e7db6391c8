/** Continuous pings during a test. */
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';
import { answered, parsePing, type PingSums } from './ping-output.js';
import { type PingOptions, pingWords } from './ping.js';

/** Time before the stop within which a ping may still be in flight, in seconds, if no further ones are answered. */
const ON_ITS_WAY = 0.2;
/** How long further answers may take, in milliseconds. */
const ENDING_MS = 5000;
/** Time limit in seconds, so that none outlives a killed test. */
const LONGEST = 120;

/** The totals of stopped pings. */
export interface RunningPingSums extends PingSums {
  /** Indexes of the lost ones, from 1, which show the gaps. */
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
   * Starts pinging, and waits for the first answer.
   *
   * @throws {Error} with the message of `ping`, if there is none
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

  /** Number of answers so far. */
  get received(): number {
    return answered(this.#process.stdout).size;
  }

  /**
   * Waits for so many more answers.
   *
   * @throws {Error} with all of its output, if that takes too long
   */
  async answers(count: number, milliseconds?: number): Promise<void> {
    const last = this.received + count;
    await this.#process.until(() => this.received >= last, `${count} more answers`, milliseconds);
  }

  /**
   * Stops after a few more answers, and returns the totals up to the last one: earlier pings without one are lost, since
   * packets keep their order, and later ones may be on their way. Where nothing is answered any more, only those sent just
   * before the end don't count.
   */
  async stop(): Promise<RunningPingSums> {
    const arrives = await this.answers(this.#onTheirWay, ENDING_MS).then(
      () => true,
      () => false,
    );
    const { stdout, stderr } = await this.#process.stop('SIGINT');
    const totals = parsePing(stdout, stderr);
    const numbers = answered(stdout);
    const last = Math.max(0, ...numbers);
    const sent = arrives ? last : Math.max(last, totals.sent - this.#onTheirWay);
    const missing = Array.from({ length: sent }, (_, i) => i + 1).filter((number) => !numbers.has(number));
    return { ...totals, sent, lost: missing.length, missing };
  }
}
