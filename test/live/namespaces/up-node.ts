/** A node with `vtep up`. */
import assert from 'node:assert/strict';
import { type NetworkNamespace } from './network-namespace.js';
import { spawnVtep, type VtepProcess } from './vtep-process.js';

/** One direction in the `--json` report. */
export interface UpDirection {
  readonly in: number;
  readonly made: number;
  readonly out: number;
  readonly held: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly balanced: boolean;
}

/** The final report of `vtep up --json`. */
export interface UpReport {
  readonly egress: UpDirection;
  readonly ingress: UpDirection;
  readonly sealed: number;
  readonly opened: number;
  readonly framesWithoutPort: number;
  readonly underlay: {
    readonly received: number;
    readonly sent: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly overrun: number;
  };
  /** By worker, if there are several. */
  readonly workers?: readonly {
    readonly egress: number;
    readonly ingress: number;
    readonly sealed: number;
    readonly opened: number;
    readonly given: number;
    readonly taken: number;
  }[];
  readonly endpoints: Readonly<Record<string, { received: number; sent: number; refused: number }>>;
}

/** Expected drops by reason: a number, or a range. */
export type Expected = Readonly<Record<string, number | readonly [least: number, most: number]>>;

/** The arguments of a node. */
export interface UpOptions {
  /** Path of its config; undefined if `words` say where it has the others from. */
  readonly config?: string;
  /** Its name in the config. */
  readonly node: string;
  /** Further arguments: `--ring FILE`. */
  readonly words?: readonly string[];
}

const TAKEN_OVER = /configuration reloaded/g;

/** `vtep up` in a node's namespace: start, reload, kill and restart. */
export class UpNode {
  readonly #namespace: NetworkNamespace;
  readonly #words: readonly string[];
  #process: VtepProcess | undefined;

  constructor(namespace: NetworkNamespace, { config, node, words = [] }: UpOptions) {
    this.#namespace = namespace;
    this.#words = ['up', ...(config === undefined ? [] : ['--config', config]), '--node', node, '--json', ...words];
  }

  /**
   * Starts, and waits until its sockets and devices are ready.
   *
   * @throws {Error} with all of its output, if it can't
   */
  async start(milliseconds?: number): Promise<void> {
    const process = spawnVtep(this.#namespace, this.#words);
    this.#process = process;
    await process.ready(/ is up on /, milliseconds);
  }

  /** Its messages so far. */
  get said(): string {
    return this.#running.stderr;
  }

  /**
   * Reloads the config and the ring, and waits until it is done.
   *
   * @throws {Error} with all of its output, if the reload fails
   */
  async reload(): Promise<void> {
    const process = this.#running;
    const times = (process.stderr.match(TAKEN_OVER) ?? []).length + 1;
    process.signal('SIGHUP');
    await process.saying(() => (process.stderr.match(TAKEN_OVER) ?? []).length >= times, 'a reload');
  }

  /** Sends it a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#running.signal(signal);
  }

  /** Kills it at an arbitrary moment. */
  async kill(): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  /**
   * Stops it, and returns its report. Asserts that both directions balance.
   *
   * @throws {Error} with all of its output, if it does not exit normally
   */
  async stop(): Promise<UpReport> {
    const { status, stdout, stderr } = await this.#running.stop('SIGTERM');
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as UpReport;
    assert.deepEqual([report.egress.balanced, report.ingress.balanced], [true, true], stdout);
    return report;
  }

  get #running(): VtepProcess {
    assert.ok(this.#process, 'the node was not started');
    return this.#process;
  }
}

/** A container's kernel solicits routers and reports groups (MLD), which a network without flooding drops. */
const UNASKED: Expected = { NO_TX_TARGET: [0, 1_000] };

/** Asserts that only the expected drops occurred, no interface refused a frame, and the system sent every packet. */
export function assertDropped(report: UpReport, egress: Expected, ingress: Expected): void {
  const text = JSON.stringify(report);
  for (const [{ dropped }, expected] of [
    [report.egress, { ...UNASKED, ...egress }],
    [report.ingress, ingress],
  ] as const) {
    for (const reason of new Set([...Object.keys(dropped), ...Object.keys(expected)])) {
      const count = dropped[reason] ?? 0;
      const range = expected[reason] ?? 0;
      const [least, most] = typeof range === 'number' ? [range, range] : range;
      assert.ok(count >= least && count <= most, `${count} dropped by ${reason}: ${text}`);
    }
  }
  assert.deepEqual(report.underlay.refused, {}, text);
  assert.equal(report.framesWithoutPort, 0, text);
  for (const { refused } of Object.values(report.endpoints)) assert.equal(refused, 0, text);
}
