/** What a host has to do with the store, as `FleetVtep` does it, without the tables and packets of a node. */
import {
  Leader,
  LEADER,
  type LeaderEvent,
  NodeWithdrawal,
  RECORD_VERSION,
  StoreCompaction,
  type StoreChange,
  type StoreSnapshot,
  TOKEN_LENGTH,
} from '../../../src/fleet/index.js';
import { WATCHED } from '../../../src/fleet/node/followed-record.js';
import { Job } from '../../../src/fleet/node/job.js';
import { Registration } from '../../../src/fleet/node/registration.js';
import { readStore } from '../../../src/fleet/store/store-reader.js';
import { SimulatedLink } from './link.js';
import { type SimulatedServer } from './server.js';

/** As in `FleetVtep`, in milliseconds. */
const OPEN_RETRY_MS = 250;
const LEADER_MS = 1000;
const LEADER_TURNS = 5;

export interface SimulatedHostOptions {
  readonly index: number;
  /** Milliseconds. */
  readonly lease: number;
  readonly onLeader: (event: LeaderEvent) => void;
}

/** A host. */
export class SimulatedHost {
  readonly name: string;
  readonly link: SimulatedLink;
  readonly #server: SimulatedServer;
  readonly #registration: Registration;
  readonly #job: Job;
  readonly #leader: Leader;
  readonly #leaderInterval: number;
  #leaderAt = 0;
  readonly #ending = new AbortController();
  #isReady = false;
  #isKilled = false;
  #snapshots = 0;
  /** What ended its work, which isn't an error of vtep. */
  #defect: Error | undefined;

  constructor(server: SimulatedServer, { index, lease: duration, onLeader }: SimulatedHostOptions) {
    const { clock } = server.time;
    this.name = `host-${index}`;
    this.#server = server;
    this.link = new SimulatedLink(server);
    const token = server.time.randomBytes(TOKEN_LENGTH);
    const vtep = `10.1.${index >> 8}.${index & 255}`;
    const node = { version: RECORD_VERSION, name: this.name, vtep, mtu: 1500 } as const;
    this.#registration = new Registration(this.link, { node, duration, token, clock, tell: () => undefined });
    this.#job = new Job(
      () => this.#registration.turn(),
      () => undefined,
    );
    this.#leader = new Leader(this.link, {
      ...{ node: this.name, token, duration, clock },
      duties: [new NodeWithdrawal(this.link, { clock, duration }), new StoreCompaction(this.link, { clock })],
      onEvent: onLeader,
    });
    this.#leaderInterval = Math.min(LEADER_MS, duration / LEADER_TURNS);
  }

  /** Whether it has its lease and all records. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** How often it read everything. */
  get snapshots(): number {
    return this.#snapshots;
  }

  get leads(): boolean {
    return this.#leader.leads;
  }

  get isRegistered(): boolean {
    return this.#registration.held;
  }

  /** Takes its lease, and reads the store. Resolves when it has all records. */
  async start(): Promise<void> {
    while (!(await this.#registration.begin())) await this.#server.time.sleep(OPEN_RETRY_MS);
    await new Promise<void>((resolve) => {
      const listener = {
        snapshot: (snapshot: StoreSnapshot): void => {
          this.#replace(snapshot);
          resolve();
        },
        change: (change: StoreChange): void => {
          this.#registration.observe(change);
          this.#leader.observe(change);
        },
        failed: (): void => undefined,
      };
      const { time } = this.#server;
      const retry = { pause: (milliseconds: number) => time.sleep(milliseconds), random: () => time.random() };
      readStore(this.link, WATCHED, listener, this.#ending.signal, retry).catch((error: unknown) => {
        this.#defect = error as Error;
      });
    });
    this.#isReady = true;
  }

  /** What a node's timer does every 50 ms. */
  check(): void {
    if (this.#defect !== undefined) throw this.#defect;
    if (!this.#isReady || this.#isKilled) return;
    this.#job.start();
    const now = this.#server.time.clock();
    if (now < this.#leaderAt) return;
    this.#leaderAt = now + this.#leaderInterval;
    this.#leader.turn().catch((error: unknown) => {
      this.#defect = error as Error;
    });
  }

  /** The host is gone, as after kill -9: it gives nothing up. */
  kill(): void {
    this.#isKilled = true;
    this.#ending.abort();
    void this.link.close();
  }

  #replace({ records, revision }: StoreSnapshot): void {
    this.#snapshots++;
    this.#registration.start(records);
    for (const { key, value, revision: at } of records) this.#leader.observe({ kind: 'put', key, value, revision: at });
    if (!records.some(({ key }) => key === LEADER)) this.#leader.observe({ kind: 'delete', key: LEADER, revision });
  }
}
