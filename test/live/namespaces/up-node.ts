/** A node with `vtep up`. */
import assert from 'node:assert/strict';
import { type NetworkNamespace } from './network-namespace.js';
import { spawnVtep, type VtepProcess } from './vtep-process.js';

/** One direction, as `--json` gives it. */
export interface UpDirection {
  readonly in: number;
  readonly made: number;
  readonly out: number;
  readonly held: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly balanced: boolean;
}

/** What `vtep up --json` prints at its end. */
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
  readonly endpoints: Readonly<Record<string, { received: number; sent: number; refused: number }>>;
}

/** How many there may be of each reason: so many, or from and to. */
export type Expected = Readonly<Record<string, number | readonly [least: number, most: number]>>;

/** How a node is called. */
export interface UpOptions {
  /** Path of its config. */
  readonly config: string;
  /** What the config calls it. */
  readonly node: string;
  /** Further words: `--ring FILE`. */
  readonly words?: readonly string[];
}

const TAKEN_OVER = /configuration reloaded/g;

/** `vtep up` in a node's namespace: started, told to read its config anew, killed and started again. */
export class UpNode {
  readonly #namespace: NetworkNamespace;
  readonly #words: readonly string[];
  #process: VtepProcess | undefined;

  constructor(namespace: NetworkNamespace, { config, node, words = [] }: UpOptions) {
    this.#namespace = namespace;
    this.#words = ['up', '--config', config, '--node', node, '--json', ...words];
  }

  /**
   * Starts, and waits until its sockets and devices are there.
   *
   * @throws {Error} with all of its output, if it can't
   */
  async start(): Promise<void> {
    const process = spawnVtep(this.#namespace, this.#words);
    this.#process = process;
    await process.ready(/ is up on /);
  }

  /** What it said until now. */
  get said(): string {
    return this.#running.stderr;
  }

  /**
   * Has the config and the ring read anew, and waits until they are taken over.
   *
   * @throws {Error} with all of its output, if they are not
   */
  async reload(): Promise<void> {
    const process = this.#running;
    const times = (process.stderr.match(TAKEN_OVER) ?? []).length + 1;
    process.signal('SIGHUP');
    await process.saying(() => (process.stderr.match(TAKEN_OVER) ?? []).length >= times, 'a reload');
  }

  /** Kills it in the midst of what it does. */
  async kill(): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  /**
   * Has it end, and gives what it did: each direction's sums add up, or that is an error.
   *
   * @throws {Error} with all of its output, if it does not end as it should
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

/** A container's kernel looks for routers and reports its groups (MLD), which goes nowhere in a network without flooding. */
const UNASKED: Expected = { NO_TX_TARGET: [0, 1_000] };

/** Nothing was dropped but what is named, no interface refused a frame, and the system sent every packet. */
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
