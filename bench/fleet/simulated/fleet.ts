/** Many hosts of one store, and what happens to them. Repeats by its seed. */
import { encodeRecord, NODES, recordKey } from '../../../src/fleet/index.js';
import { endpointRecord } from '../endpoint-record.js';
import { SimulatedHost } from './host.js';
import { SimulatedLink } from './link.js';
import { SimulatedServer } from './server.js';
import { Traffic } from './traffic.js';
import { VirtualTime } from './virtual-time.js';

/** A node looks at what is to be done so often, in milliseconds, as in `FleetVtep`. */
const CHECK_MS = 50;
const CHECKED_TOGETHER = 20;
/** A client of NATS tries again after so many milliseconds, as in the adapter. */
const RECONNECT_MS = 250;
/** When all records were made. */
const CREATED = new Date('2026-01-01T00:00:00Z');
const SECOND = 1000;

export interface SimulatedFleetOptions {
  readonly hosts: number;
  readonly endpoints: number;
  /** Changes of endpoints a second. */
  readonly rate: number;
  /** Milliseconds. @default 10000 */
  readonly lease?: number;
  readonly seed: number;
}

/** A fleet. */
export class SimulatedFleet {
  readonly time: VirtualTime;
  readonly server: SimulatedServer;
  readonly hosts: readonly SimulatedHost[];
  readonly options: SimulatedFleetOptions;
  /** When each node was elected, in its order. */
  readonly elections: { readonly host: string; readonly at: number }[] = [];
  /** Milliseconds of a host's lease. */
  readonly lease: number;
  /** Changes of endpoints that were written. */
  changes = 0;
  #isChanging = false;
  /** Whoever writes endpoints, which is none of the hosts. */
  readonly #writer: SimulatedLink;
  readonly #dead = new Set<SimulatedHost>();

  private constructor(options: SimulatedFleetOptions) {
    const { hosts, seed, lease = 10 * SECOND } = options;
    this.options = options;
    this.lease = lease;
    this.time = new VirtualTime(seed);
    this.server = new SimulatedServer(this.time);
    this.#writer = new SimulatedLink(this.server);
    this.hosts = Array.from({ length: hosts }, (_, index) => {
      const name = `host-${index}`;
      const onLeader = ({ kind }: { readonly kind: string }): void => {
        if (kind === 'elected') this.elections.push({ host: name, at: this.time.clock() });
      };
      return new SimulatedHost(this.server, { index, lease, onLeader });
    });
  }

  /** A store with all endpoints, and hosts that are yet to start. */
  static async create(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
    const fleet = new SimulatedFleet(options);
    for (let i = 0; i < options.endpoints; i++) {
      const record = endpointRecord(i, options.hosts, CREATED);
      await fleet.server.put(recordKey(record), encodeRecord(record), {});
    }
    return fleet;
  }

  get alive(): readonly SimulatedHost[] {
    return this.hosts.filter((host) => !this.#dead.has(host));
  }

  get leader(): SimulatedHost | undefined {
    return this.alive.find(({ leads }) => leads);
  }

  /**
   * Starts all hosts, so many at once; the next ones when those are ready and a pause is over.
   * @param pause milliseconds
   * @returns milliseconds until all are ready
   */
  async start(atOnce: number, pause: number): Promise<number> {
    this.#check();
    let ready = 0;
    const run = async (): Promise<void> => {
      for (let first = 0; first < this.hosts.length; first += atOnce) {
        const group = this.hosts.slice(first, first + atOnce);
        await Promise.all(group.map((host) => host.start()));
        ready += group.length;
        if (ready < this.hosts.length) await this.time.sleep(pause);
      }
    };
    let failure: Error | undefined;
    run().catch((error: unknown) => (failure = error as Error));
    const took = await this.time.passUntil(() => ready === this.hosts.length || failure !== undefined, 3600 * SECOND);
    if (failure !== undefined) throw failure;
    return took;
  }

  /** Begins to change endpoints, or stops. */
  change(isChanging: boolean): void {
    const wasChanging = this.#isChanging;
    this.#isChanging = isChanging;
    if (isChanging && !wasChanging && this.options.rate > 0) this.#changeOne();
  }

  /** Kills a host. @returns milliseconds until its record is withdrawn */
  async kill(host: SimulatedHost): Promise<number> {
    this.#kill(host);
    const key = NODES + host.name;
    return this.time.passUntil(() => this.server.deleted.has(key), 600 * SECOND);
  }

  /** Kills the host that leads. @returns milliseconds until another leads, and until its record is withdrawn */
  async killLeader(): Promise<{ readonly elected: number; readonly withdrawn: number }> {
    const { leader } = this;
    if (leader === undefined) throw new Error('no host leads');
    const before = this.elections.length;
    this.#kill(leader);
    const elected = await this.time.passUntil(() => this.elections.length > before, 600 * SECOND);
    const key = NODES + leader.name;
    const later = await this.time.passUntil(() => this.server.deleted.has(key), 600 * SECOND);
    return { elected, withdrawn: elected + later };
  }

  /** No host reaches the store for a time, in milliseconds; who writes endpoints still does. Then all come back. */
  async cut(milliseconds: number): Promise<void> {
    const { alive } = this;
    for (const { link } of alive) link.lose();
    await this.time.pass(milliseconds);
    for (const { link } of alive) {
      this.time.at(this.time.clock() + this.time.random() * RECONNECT_MS, () => link.reconnect());
    }
  }

  /** What all hosts have sent and got so far. */
  traffic(): Traffic {
    const sum = new Traffic();
    for (const { link } of this.hosts) {
      link.settle();
      sum.addAll(link.traffic);
    }
    return sum;
  }

  #kill(host: SimulatedHost): void {
    this.#dead.add(host);
    host.kill();
  }

  #changeOne(): void {
    if (!this.#isChanging) return;
    const { endpoints, hosts, rate } = this.options;
    const record = endpointRecord(this.changes++ % endpoints, hosts, CREATED);
    void this.#writer.put(recordKey(record), encodeRecord(record));
    this.time.at(this.time.clock() + SECOND / rate, () => this.#changeOne());
  }

  /** Begins what the hosts' timers do: at random times, but those of up to 20 hosts at one, as that takes less time here. */
  #check(): void {
    for (let first = 0; first < this.hosts.length; first += CHECKED_TOGETHER) {
      const hosts = this.hosts.slice(first, first + CHECKED_TOGETHER);
      const tick = (): void => {
        for (const host of hosts) host.check();
        this.time.at(this.time.clock() + CHECK_MS, tick);
      };
      this.time.at(this.time.random() * CHECK_MS, tick);
    }
  }
}
