/** A VTEP whose peers, endpoints and services come from a store, and which keeps its own records there. */
import { randomBytes, randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError } from '../../error.js';
import { LiveVtep } from '../../live/index.js';
import { eventLoopDescriptor, EventLoopPart, runningTables } from '../../live/internal.js';
import { ChangeKind, formatAddress, type KeyRing, Profile } from '../../overlay/index.js';
import { plain } from '../../text/plain-text.js';
import { formatMac, VXLAN_PORT } from '../../wire/index.js';
import { TaskScheduler } from '../control/task-scheduler.js';
import { RingKeeper } from '../keys/ring-keeper.js';
import { Leader, type LeaderDuty, type LeaderEvent } from '../leader/leader.js';
import { NodeWithdrawal } from '../leader/node-withdrawal.js';
import { StoreCompaction } from '../leader/store-compaction.js';
import { LEADER } from '../records/records.js';
import { RECORD_VERSION } from '../records/schemas.js';
import { TOKEN_LENGTH } from '../store/lease-record.js';
import type { Store, StoreChange, StoreSnapshot } from '../store/store.js';
import { readStore } from '../store/store-reader.js';
import { FleetNodeError } from './error.js';
import { DEFAULT_LEASE, type FleetVtepOptions } from './fleet-options.js';
import type { FleetReport } from './fleet-report.js';
import { type FollowedRecord, WATCHED } from './followed-record.js';
import { Following } from './following.js';
import { Job } from './job.js';
import { NodeKeys, profileInStore } from './node-keys.js';
import { OwnBalancers } from './own-balancers.js';
import { OwnEndpoints } from './own-endpoints.js';
import { Keyed, RecordsTable } from './records-table.js';
import { Registration } from './registration.js';
import { StoreState } from './store-state.js';

/** Milliseconds between looks at what is to be written. */
const CHECK_MS = 50;
/** Longest time between the leader's turns in milliseconds, and how many of them its lease has at least. */
const LEADER_MS = 1000;
const LEADER_TURNS = 5;
/** Milliseconds between attempts to open. */
const OPEN_RETRY_MS = 250;
/**
 * Longest idle turn in milliseconds where the event loop can't end it: what the store says waits as long. Shorter ones
 * take more of a core while nothing happens.
 */
const MAX_WAIT = 2;

/**
 * A running node of an overlay whose records are in a store. While the store is out of reach, packets go on with what is
 * known, and changes of this node's own wait.
 */
export class FleetVtep {
  /** The sockets, devices and chains. */
  readonly vtep: LiveVtep;
  readonly #store: Store;
  readonly #overlay: string;
  readonly #tell: (text: string) => void;
  readonly #clock = (): number => performance.now();
  readonly #table: RecordsTable;
  readonly #following: Following;
  readonly #state: StoreState;
  readonly #registration: Registration;
  readonly #endpoints: OwnEndpoints;
  readonly #balancers: OwnBalancers;
  readonly #withdrawal: NodeWithdrawal;
  readonly #keys: NodeKeys | undefined;
  readonly #leader: Leader;
  readonly #jobs: readonly Job[];
  /** Milliseconds between the leader's turns, and when the next one is. */
  readonly #leaderInterval: number;
  #leaderAt = 0;
  readonly #failed = new AbortController();
  /** Ends reading. */
  readonly #ending = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #loop: EventLoopPart | undefined;
  #isScheduled = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #failureReported: string | undefined;

  private constructor(vtep: LiveVtep, options: FleetVtepOptions, profile: Profile) {
    const { store, overlay, here, lease: duration = DEFAULT_LEASE, keks = [] } = options;
    const clock = this.#clock;
    const tell = (text: string): void => options.onTrouble?.(plain(`store: ${text}`));
    const token = new Uint8Array(randomBytes(TOKEN_LENGTH));
    this.vtep = vtep;
    this.#store = store;
    this.#overlay = overlay;
    this.#tell = tell;
    this.#state = new StoreState(clock);
    this.#table = new RecordsTable({ name: here.name, vtep: here.vtep, onTrouble: tell });
    const use = (ring: KeyRing): void => void vtep.apply([{ kind: ChangeKind.SetKeys, ring }]);
    this.#keys = keks.length === 0 ? undefined : new NodeKeys({ overlay, keks, profile, use, tell });
    this.#table.keyed = this.#keys === undefined ? Keyed.Never : Keyed.Waiting;
    this.#following = new Following({
      table: this.#table,
      tables: runningTables(vtep),
      clock,
      onRecord: (_, record) => this.#takeUp(record),
      onApplied: (revision) => this.#state.apply(revision),
      tell,
    });
    this.#registration = new Registration(store, { ...registered(here), duration, token, clock, tell });
    this.#withdrawal = new NodeWithdrawal(store, { clock, duration, onEvent: tell });
    this.#endpoints = new OwnEndpoints(store, this.#table, {
      isThere: (id) => vtep.node.ports.has(id),
      clock,
      onWritten: (revision, sent) => this.#state.wrote(revision, sent),
    });
    this.#balancers = new OwnBalancers(store, this.#table, { node: here.name, clock, now: () => new Date(), tell });
    this.#leaderInterval = Math.min(LEADER_MS, duration / LEADER_TURNS);
    this.#leader = new Leader(store, {
      ...{ node: here.name, token, duration, clock },
      duties: [...(options.duties ?? []), this.#withdrawal, ...dutiesOf(options, clock, tell)],
      onEvent: (event) => this.#tellLeader(event),
    });
    const failed = ({ message }: Error): void => tell(message);
    this.#jobs = [
      new Job(() => this.#registration.turn(), failed),
      new Job(() => this.#endpoints.turn(), failed),
      new Job(() => this.#turnBalancers(), failed),
    ];
  }

  /**
   * Opens sockets, takes this node's lease, and reads the store. Packets flow only once `run` is called. While the store
   * is out of reach, it waits. The lease of an earlier run that was killed is waited for, too.
   * @throws LiveError as `LiveVtep.open`; FleetNodeError `NODE_RUNNING`, `ENDED`; StoreError `NOT_PERMITTED` and others
   * that don't pass by waiting. The store is closed then
   */
  static async open(options: FleetVtepOptions): Promise<FleetVtep> {
    const { here, port = VXLAN_PORT, keks = [], store, signal } = options;
    let vtep: LiveVtep | undefined;
    let node: FleetVtep | undefined;
    const patiently = async <T>(attempt: () => Promise<T>): Promise<T> => waitFor(attempt, options, signal);
    try {
      const profile =
        (keks.length === 0
          ? undefined
          : await patiently(() => profileInStore(store, { overlay: options.overlay, keks }))) ?? Profile.Swarm;
      const topology = { profile, port, nodes: [here], networks: [], endpoints: [], ring: undefined };
      const loop = await eventLoopDescriptor();
      const waiting = loop === undefined ? { maxWait: MAX_WAIT } : {};
      vtep = await LiveVtep.open({ ...waiting, esp: keks.length > 0, ...options, topology, node: here.name });
      node = new FleetVtep(vtep, options, profile);
      if (loop !== undefined) node.#waitFor(new EventLoopPart(loop));
      const registration = node.#registration;
      while (!(await patiently(() => registration.begin()))) await pause(signal);
      await node.#begin(patiently);
      return node;
    } catch (error) {
      if (node !== undefined) await node.close();
      else {
        await vtep?.close();
        await store.close();
      }
      throw error;
    }
  }

  /** What it is doing. */
  get report(): FleetReport {
    const state = this.#state;
    return {
      overlay: this.#overlay,
      connected: state.connected && this.#store.connected,
      lostSeconds: state.lostSeconds,
      losses: state.losses,
      snapshots: state.snapshots,
      revision: state.revision,
      counts: this.#table.counts,
      troubles: this.#table.troubles,
      waiting: this.#following.waiting,
      unwritten: this.#endpoints.waiting + this.#balancers.waiting,
      applied: this.#following.applied,
      resynchronised: this.#following.resynchronised,
      latency: state.latency,
      registered: this.#registration.held,
      withdrawn: this.#withdrawal.withdrawn,
      leads: this.#leader.leads,
      leader: this.#leader.holder,
      hasKeys: this.#keys !== undefined,
      rotations: this.#keys?.rotations ?? -1,
      networks: [...this.#table.carried],
    };
  }

  /** Resolves when this node's endpoints have devices, as `LiveVtep.devicesSettled`. */
  devicesSettled(): Promise<void> {
    return this.vtep.devicesSettled();
  }

  /**
   * Runs until aborted, as `LiveVtep.run`.
   * @throws LiveError if a socket has failed
   */
  async run(signal: AbortSignal): Promise<void> {
    const failed = this.#failed.signal;
    await this.vtep.run(AbortSignal.any([signal, failed]));
    if (failed.aborted && !signal.aborted) throw failed.reason as Error;
  }

  /**
   * Deletes this node's record, so that the others take its endpoints out of their tables at once, gives its lease up, and
   * closes the store, devices and sockets. The records of its endpoints stay.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#ending.abort();
    try {
      await Promise.all(this.#jobs.map((job) => job.ended()));
      await this.#leader.release().catch(ignoreVtepError);
      await this.#registration.release().catch(ignoreVtepError);
      await this.#store.close();
      await this.#reading;
    } finally {
      await this.vtep.close();
    }
  }

  /** What the store says ends an idle turn. */
  #waitFor(loop: EventLoopPart): void {
    this.#loop = loop;
    this.vtep.node.addPart(loop);
  }

  /** Reads everything and applies it before packets flow, then follows. */
  async #begin(patiently: <T>(attempt: () => Promise<T>) => Promise<T>): Promise<void> {
    let begun: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (begun = resolve));
    const listener = {
      snapshot: (snapshot: StoreSnapshot): void => {
        this.#replace(snapshot);
        begun();
      },
      change: (change: StoreChange): void => this.#observe(change),
      failed: (error: Error): void => this.#readingFailed(error),
    };
    this.#reading = readStore(this.#store, WATCHED, listener, this.#ending.signal).catch((error: unknown) => {
      this.#failed.abort(error);
    });
    await patiently(() => first);
    while (this.#following.turn());
    await this.vtep.devicesSettled();
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#check();
  }

  #replace({ records, revision }: StoreSnapshot): void {
    const again = this.#state.snapshots > 0;
    this.#state.begin();
    this.#registration.start(records);
    for (const record of records) this.#leader.observe({ kind: 'put', ...record });
    // A store that lost writes may have lost the lease of a leader that is known.
    if (!records.some(({ key }) => key === LEADER)) this.#leader.observe({ kind: 'delete', key: LEADER, revision });
    this.#following.replace(records, revision);
    this.#resume();
    if (again) this.#tell('all records were read again');
    this.#applySoon();
  }

  #observe(change: StoreChange): void {
    this.#registration.observe(change);
    this.#leader.observe(change);
    if (change.kind === 'lost') {
      if (this.#state.lose()) this.#tell('out of reach; packets go on with what is known, and changes wait');
    } else if (change.kind === 'resumed') this.#resume();
    else {
      this.#following.push(change.key, change.kind === 'put' ? change.value : undefined, change.revision);
      this.#applySoon();
    }
  }

  #resume(): void {
    this.#failureReported = undefined;
    const seconds = this.#state.resume();
    if (seconds !== undefined) this.#tell(`back after ${seconds.toFixed(1)} s`);
  }

  #readingFailed({ message }: Error): void {
    if (message === this.#failureReported) return;
    this.#failureReported = message;
    this.#state.lose();
    this.#tell(`can't be read: ${message}`);
  }

  #takeUp(record: FollowedRecord | undefined): void {
    if (record?.kind !== 'keys' || this.#keys === undefined) return;
    this.#keys.read(record.record);
    if (this.#keys.ready) this.#table.keyed = Keyed.Ready;
  }

  /** Applies what the store says between the turns of packets. */
  #applySoon(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#loop?.stir();
    setImmediate(() => {
      this.#isScheduled = false;
      this.#guard(() => {
        if (!this.#isClosed && this.#following.turn()) this.#applySoon();
      });
    });
  }

  #check(): void {
    this.#guard(() => {
      if (this.#isClosed) return;
      for (const job of this.#jobs) job.start();
      this.#turnLeader();
      // Differences that couldn't be applied are tried again.
      this.#applySoon();
    });
  }

  /** A defect ends `run`, as timers have nobody to tell. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed.abort(error);
    }
  }

  async #turnBalancers(): Promise<void> {
    if (this.#following.isCurrent) await this.#balancers.turn();
  }

  /** A node that can't open the key ring doesn't lead where there is one to rotate. */
  #turnLeader(): void {
    const needsKeys = this.#table.hasEncrypted || this.#table.counts.records.keys > 0;
    if (this.#clock() < this.#leaderAt || (this.#keys === undefined && needsKeys)) return;
    this.#leaderAt = this.#clock() + this.#leaderInterval;
    // Also while an earlier one is busy: it renews the lease.
    this.#leader.turn().catch((error: unknown) => this.#failed.abort(error));
  }

  #tellLeader(event: LeaderEvent): void {
    if (event.kind === 'elected') this.#tell('this node leads');
    else if (event.kind === 'lost') this.#tell('this node no longer leads');
    else if (event.error.code !== 'UNAVAILABLE' && event.error.code !== 'OUTCOME_UNKNOWN') {
      this.#tell(`${event.duty}: ${event.error.message}`);
    }
  }
}

function dutiesOf(
  { store, overlay, keks = [] }: FleetVtepOptions,
  clock: () => number,
  tell: (text: string) => void,
): LeaderDuty[] {
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  const now = (): number => Date.now();
  return [
    ...(keks.length === 0 ? [] : [new RingKeeper(store, { overlay, keks, clock, now, random })]),
    new TaskScheduler(store, { random, now, clock, onEvent: tell }),
    new StoreCompaction(store, { clock }),
  ];
}

function registered({
  name,
  vtep,
  mac,
  mtu,
}: FleetVtepOptions['here']): Pick<ConstructorParameters<typeof Registration>[1], 'node'> {
  const record = { version: RECORD_VERSION, name, vtep: formatAddress(vtep), mtu } as const;
  return { node: mac === undefined ? record : { ...record, mac: formatMac(mac) } };
}

/** Repeats an attempt while the store is out of reach. */
async function waitFor<T>(
  attempt: () => Promise<T>,
  { onTrouble }: Pick<FleetVtepOptions, 'onTrouble'>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let told = false; ;) {
    if (signal?.aborted === true) throw new FleetNodeError('ENDED', 'the node was stopped before it was up');
    try {
      return await untilAborted(attempt(), signal);
    } catch (error) {
      const waits = isVtepError(error) && (error.code === 'UNAVAILABLE' || error.code === 'OUTCOME_UNKNOWN');
      if (!waits) throw error;
      if (!told) onTrouble?.(plain(`store: out of reach, trying again: ${error.message}`));
      told = true;
      await pause(signal);
    }
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(new FleetNodeError('ENDED', 'the node was stopped before it was up'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(OPEN_RETRY_MS, undefined, signal && { signal }).catch(() => undefined);
}

function ignoreVtepError(error: unknown): void {
  if (!isVtepError(error)) throw error;
}
