/** Members on loopback addresses, in this thread or one of their own, and what they reported. */
import { randomFillSync } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { GossipEndpoint, TableChange } from '../../../src/gossip/index.js';
import { KeyRing } from '../../../src/overlay/index.js';
import {
  type GossipMember,
  type GossipReport,
  openGossip,
  startGossipThread,
  type SwarmGossip,
  type SwarmGossipOptions,
  type SwarmGossipSettings,
} from '../../../src/swarm/index.js';

/** How long something may take on a busy machine, in milliseconds. */
const PATIENCE = 60_000;
const PAUSE = 20;

export const NETWORK = 'r0yqus78gwe90z4dmog6y22cv';
export const TABLE = 'endpoint_table';

/** Both ways to run a member. */
export const WAYS = { 'in this thread': openGossip, 'in a thread of its own': startGossipThread } as const;
export type Way = (typeof WAYS)[keyof typeof WAYS];

/** Faster than Docker's, and slow enough for a busy machine. */
const SETTINGS: SwarmGossipSettings = {
  member: { gossipInterval: 50, probeInterval: 400, probeTimeout: 200, pushPullInterval: 2000 },
  networkDb: { gossipInterval: 50, bulkSyncInterval: 2000 },
};

export function newKeys(): KeyRing {
  return KeyRing.generate({ random: (bytes) => void randomFillSync(bytes) });
}

/** `127.0.0.INDEX`, any free port. */
export function at(index: number): GossipEndpoint {
  return { addr: Uint8Array.of(127, 0, 0, index), port: 0 };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Waits until a condition holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

/** A member, its changes and troubles. */
export class Running {
  readonly changes: TableChange[] = [];
  readonly troubles: string[] = [];
  readonly ends: Error[] = [];
  /** The entries of others and its own, from the changes alone. */
  readonly entries = new Map<string, string>();
  #gossip: SwarmGossip | undefined;

  static async start(
    t: TestContext,
    way: Way,
    options: SwarmGossipOptions,
    settings: SwarmGossipSettings = {},
  ): Promise<Running> {
    const running = new Running();
    running.#gossip = await way(
      options,
      {
        changed: (changes) => running.#take(changes),
        trouble: (text) => running.troubles.push(text),
        ended: (error) => running.ends.push(error),
      },
      { ...SETTINGS, ...settings },
    );
    t.after(() => running.gossip.close(false));
    return running;
  }

  get gossip(): SwarmGossip {
    if (this.#gossip === undefined) throw new Error('not started');
    return this.#gossip;
  }

  report(): Promise<GossipReport> {
    return this.gossip.report();
  }

  /** What it thinks of another member. */
  async member(name: string): Promise<GossipMember | undefined> {
    const { members } = await this.report();
    return members.find((member) => member.name === name);
  }

  async state(name: string): Promise<GossipMember['state'] | undefined> {
    return (await this.member(name))?.state;
  }

  async dropped(reason: string): Promise<number> {
    const { counters } = await this.report();
    return (counters.dropped as Readonly<Record<string, number | undefined>>)[reason] ?? 0;
  }

  #take(changes: readonly TableChange[]): void {
    this.changes.push(...changes);
    for (const { kind, key, value } of changes) {
      if (kind === 'deleted') this.entries.delete(key);
      else this.entries.set(key, new TextDecoder().decode(value));
    }
  }
}

/** Members that have joined the first one, and know each other. */
export async function cluster(t: TestContext, way: Way, keys: KeyRing | undefined, count = 2): Promise<Running[]> {
  const first = await Running.start(t, way, { name: 'node-1', endpoint: at(2), keys });
  const all = [first];
  for (let index = 1; index < count; index += 1) {
    const seeds = [first.gossip.endpoint];
    all.push(await Running.start(t, way, { name: `node-${index + 1}`, endpoint: at(index + 2), keys, seeds }));
  }
  for (const { gossip } of all) gossip.joinNetwork(NETWORK);
  for (const running of all) {
    await until('all know each other', async () => {
      const { networks } = await running.report();
      return networks.at(0)?.nodes.length === count;
    });
  }
  return all;
}
