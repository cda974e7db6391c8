/** A member of a swarm's gossip in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { GossipEndpoint } from '../../gossip/index.js';
import type { KeyRing } from '../../overlay/index.js';
import { GossipError } from './gossip-error.js';
import { type GossipMessage, type GossipOrder, toSentKeys } from './gossip-order.js';
import type { SwarmGossipSettings } from './local-gossip.js';
import type { GossipReport, SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './swarm-gossip.js';

const THREAD = new URL('./gossip-thread.js', import.meta.url);
/** Heap limit of the thread in MiB: more than full tables need. Bytes of packets and entries are outside of the heap. */
const MEMORY = 1024;
/** How long the thread may take to close, in milliseconds: it tells the others for 5 s. */
const CLOSE_TIMEOUT = 10_000;

/** What `report` is waiting for. */
interface Waiting {
  readonly done: (report: GossipReport) => void;
  readonly fail: (error: Error) => void;
}

/** A member of a swarm's gossip in a thread of its own. */
export class ThreadedGossip implements SwarmGossip {
  readonly name: string;
  readonly endpoint: GossipEndpoint;
  readonly #thread: Worker;
  readonly #listener: SwarmGossipListener;
  readonly #exit: Promise<void>;
  readonly #reports = new Map<number, Waiting>();
  #orders: GossipOrder[] = [];
  #lastReport = 0;
  #closing: Promise<void> | undefined;
  #ended = false;

  private constructor(thread: Worker, { name, endpoint }: Ready, listener: SwarmGossipListener) {
    this.#thread = thread;
    this.name = name;
    this.endpoint = endpoint;
    this.#listener = listener;
    let why = new GossipError('THREAD_ENDED', "the gossip's thread ended");
    thread.on('message', (message: GossipMessage) => {
      if (message.kind === 'ended') why = new GossipError(message.code, message.message);
      else this.#take(message);
    });
    thread.once('error', (error: Error) => {
      why = new GossipError('THREAD_ENDED', `the gossip's thread ended: ${error.message}`, { cause: error });
    });
    this.#exit = new Promise((done) => {
      thread.once('exit', () => {
        this.#ended = true;
        for (const { fail } of this.#reports.values()) fail(why);
        this.#reports.clear();
        if (this.#closing === undefined) listener.ended(why);
        done();
      });
    });
  }

  /** Starts the thread, opens the sockets and joins the seeds. See {@link startGossipThread}. */
  static async start(
    { name, endpoint, seeds = [], keys }: SwarmGossipOptions,
    listener: SwarmGossipListener,
    settings: SwarmGossipSettings = {},
  ): Promise<ThreadedGossip> {
    const sent = toSentKeys(keys);
    const thread = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    const options = { endpoint, seeds, ...(name !== undefined && { name }) };
    const order: GossipOrder = { kind: 'start', options, keys: sent.keys, settings };
    thread.postMessage([order], sent.buffers);
    const ready = await new Promise<Ready>((done, fail) => {
      thread.once('error', (error: Error) =>
        fail(new GossipError('THREAD_ENDED', `can't start the gossip's thread: ${error.message}`, { cause: error })),
      );
      thread.once('exit', () => fail(new GossipError('THREAD_ENDED', "the gossip's thread ended")));
      thread.once('message', (message: GossipMessage) => {
        if (message.kind === 'ready') done(message);
        else if (message.kind === 'refused') fail(new GossipError(message.code, message.message));
      });
    });
    thread.removeAllListeners('error');
    return new ThreadedGossip(thread, ready, listener);
  }

  setKeys(keys: KeyRing | undefined): void {
    // Copies of keys that nobody receives would stay in memory.
    if (this.#isOver) return;
    const sent = toSentKeys(keys);
    this.#order({ kind: 'keys', keys: sent.keys });
    // At once, since it moves the keys' buffers.
    this.#post(sent.buffers);
  }

  setSeeds(seeds: readonly GossipEndpoint[]): void {
    this.#order({ kind: 'seeds', seeds });
  }

  joinNetwork(id: string): void {
    this.#order({ kind: 'join-network', id });
  }

  leaveNetwork(id: string): void {
    this.#order({ kind: 'leave-network', id });
  }

  setEntry(networkId: string, tableName: string, key: string, value: Uint8Array): void {
    this.#order({ kind: 'entry', networkId, tableName, key, value: Uint8Array.from(value) });
  }

  removeEntry(networkId: string, tableName: string, key: string): void {
    this.#order({ kind: 'remove-entry', networkId, tableName, key });
  }

  report(): Promise<GossipReport> {
    return new Promise((done, fail) => {
      if (this.#isOver) {
        fail(new GossipError('CLOSED', 'the member of the gossip has been closed'));
        return;
      }
      const id = (this.#lastReport += 1);
      this.#reports.set(id, { done, fail });
      this.#order({ kind: 'report', id });
    });
  }

  get #isOver(): boolean {
    return this.#ended || this.#closing !== undefined;
  }

  close(tell = true): Promise<void> {
    this.#closing ??= this.#close(tell);
    return this.#closing;
  }

  async #close(tell: boolean): Promise<void> {
    this.#order({ kind: 'close', tell });
    const timer = setTimeout(() => void this.#thread.terminate(), CLOSE_TIMEOUT);
    await this.#exit;
    clearTimeout(timer);
  }

  /** Orders of one turn of the event loop go in one message. */
  #order(order: GossipOrder): void {
    if (this.#isOver) return;
    if (this.#orders.push(order) === 1) queueMicrotask(() => this.#post());
  }

  #post(buffers: ArrayBuffer[] = []): void {
    if (this.#orders.length === 0) return;
    const orders = this.#orders;
    this.#orders = [];
    this.#thread.postMessage(orders, buffers);
  }

  #take(message: GossipMessage): void {
    switch (message.kind) {
      case 'changes':
        this.#listener.changed(message.changes);
        // Afterwards: a listener that takes its time gets fewer messages, with more in each.
        this.#thread.postMessage([{ kind: 'taken' }] satisfies GossipOrder[]);
        break;
      case 'trouble':
        this.#listener.trouble(message.text);
        break;
      case 'report':
        this.#reports.get(message.id)?.done(message.report);
        this.#reports.delete(message.id);
        break;
    }
  }
}

type Ready = Extract<GossipMessage, { kind: 'ready' }>;
