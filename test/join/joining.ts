/** A node that joins a fake swarm. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { JoinedNode, type JoinedNodeOptions, type JoinEvent } from '../../src/join/index.js';
import { FakeManager } from './fake-manager.js';
import { FakeSwarm } from './fake-swarm.js';

type Kind = JoinEvent['kind'];
type EventOf<K extends Kind> = Extract<JoinEvent, { kind: K }>;

const PATIENCE_MS = 60_000;

/** Short pauses, and timeouts that a manager on the same machine keeps however busy that is. */
export const SHORT = {
  connectMs: 20_000,
  callMs: 20_000,
  issueMs: 3_000,
  attachMs: 500,
  attachRetryMs: 300,
  renewRetryMs: 300,
  backoffMs: 200,
  closeMs: 5_000,
};

/** A temporary directory, removed after the test. */
export function stateDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vtep-join-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A manager, which is stopped after the test. */
export async function managerOf(
  t: TestContext,
  swarm = new FakeSwarm(),
  certificate?: { key: string; cert: string },
): Promise<FakeManager> {
  const manager = await FakeManager.start(swarm, certificate);
  t.after(() => manager.stop());
  return manager;
}

/** The node and its events. */
export class Joining {
  readonly node: JoinedNode;
  readonly events: JoinEvent[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(t: TestContext, options: JoinedNodeOptions) {
    this.node = new JoinedNode({
      hostname: 'vtep-test',
      ...options,
      times: { ...SHORT, ...options.times },
      onEvent: (event) => {
        this.events.push(event);
        for (const watch of this.#watchers) watch();
      },
    });
    t.after(() => this.node.close());
  }

  /** Starts a node with a directory of its own, and the managers' token. */
  static async start(t: TestContext, manager: FakeManager, options: Partial<JoinedNodeOptions> = {}): Promise<Joining> {
    const joining = new Joining(t, {
      managers: [manager.address],
      token: manager.swarm.token,
      stateDirectory: options.stateDirectory ?? stateDirectory(t),
      ...options,
    });
    await joining.node.start();
    return joining;
  }

  /** The events of a kind. */
  of<K extends Kind>(kind: K): EventOf<K>[] {
    return this.events.filter((event): event is EventOf<K> => event.kind === kind);
  }

  /** Waits for an event of a kind that meets a condition, also an earlier one. */
  async event<K extends Kind>(kind: K, wished: (event: EventOf<K>) => boolean = () => true): Promise<EventOf<K>> {
    await this.until(() => this.of(kind).some(wished), kind);
    const found = this.of(kind).find(wished);
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Waits until a condition holds; looked at with each event, and every 10 ms. */
  async until(wished: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#watchers.delete(look);
        clearInterval(interval);
        clearTimeout(timer);
        act();
      };
      const look = (): void => {
        if (wished()) settle(resolve);
      };
      const interval = setInterval(look, 10);
      const timer = setTimeout(() => {
        const seen = this.events.map((event) => `${event.kind} ${'error' in event ? event.error.code : ''}`);
        settle(() => reject(new Error(`no ${what} within ${PATIENCE_MS} ms; events: ${seen.join(', ')}`)));
      }, PATIENCE_MS);
      this.#watchers.add(look);
      look();
    });
  }
}
