/** `vtep join` in a network namespace, and a manager there. */
import assert from 'node:assert/strict';
import { FakeManager } from '../../join/fake-manager.js';
import type { FakeSwarm } from '../../join/fake-swarm.js';
import { inNamespace } from '../../live/namespaces/in-namespace.js';
import type { NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { spawnVtep, VtepProcess } from '../../live/namespaces/vtep-process.js';
import { MAIN } from '../run.js';

const MANAGER_PORT = 2377;
/** Upper bound of a start: certificate, session, attachment and device on a loaded machine. */
const START_MS = 60_000;

/** Starts a manager in a namespace, at one of its addresses. */
export function managerIn(swarm: FakeSwarm, { name }: NetworkNamespace, address: string): Promise<FakeManager> {
  return FakeManager.start(swarm, undefined, MANAGER_PORT, address, (listen) => inNamespace(name, listen));
}

/** The report of `vtep join --json`. */
export interface JoinReport {
  readonly nodeId: string;
  readonly sealed: number;
  readonly opened: number;
  readonly egress: { readonly dropped: Readonly<Record<string, number>>; readonly balanced: boolean };
  readonly ingress: { readonly dropped: Readonly<Record<string, number>>; readonly balanced: boolean };
}

/** A node with `vtep join`: start, kill and restart. */
export class JoinedProcess {
  readonly #namespace: NetworkNamespace;
  readonly #words: readonly string[];
  readonly #before: readonly string[];
  #process: VtepProcess | undefined;

  /** @param before a program that starts it: `setpriv`, with arguments */
  constructor(namespace: NetworkNamespace, words: readonly string[], before: readonly string[] = []) {
    this.#namespace = namespace;
    this.#before = before;
    this.#words = ['join', '--json', ...words];
  }

  get pid(): number {
    return this.#running.pid ?? 0;
  }

  /** What it has said. */
  get said(): string {
    return this.#running.stderr;
  }

  /**
   * Starts, and waits until it is attached to so many networks.
   *
   * @throws {Error} with all of its output, if it isn't
   */
  async start(attachments = 1): Promise<void> {
    this.#process =
      this.#before.length === 0
        ? spawnVtep(this.#namespace, this.#words)
        : new VtepProcess(this.#namespace.start([...this.#before, process.execPath, MAIN, ...this.#words]));
    await this.says(/vtep: attached /, attachments);
    await this.says(/ is up on /);
  }

  /**
   * Waits until it has said something so many times.
   *
   * @throws {Error} with all of its output, if it exits before that or takes too long
   */
  async says(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, 'g');
    const wished = (): boolean => (this.said.match(all) ?? []).length >= times;
    await this.#running.saying(wished, `${String(pattern)} ${times} times`, START_MS);
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
  async stop(): Promise<JoinReport> {
    const { status, stdout, stderr } = await this.#running.stop('SIGTERM');
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as JoinReport;
    assert.deepEqual([report.egress.balanced, report.ingress.balanced], [true, true], stdout);
    return report;
  }

  /** Waits for it to exit by itself. */
  async ends(): Promise<{ readonly status: number | null; readonly stderr: string }> {
    return this.#running.end();
  }

  get #running(): VtepProcess {
    assert.ok(this.#process, 'the node was not started');
    return this.#process;
  }
}
