/** A network of nodes in one process, over a simulated underlay. */
import '../disposable.js';
import type { Aead } from '../aead/index.js';
import { Oversize } from '../dataplane/index.js';
import { Arena } from '../memory/index.js';
import { checkSeconds } from '../memory/internal.js';
import { ChangeKind, diffTopology, type HkdfSha256, type Topology, type TopologyChange } from '../overlay/index.js';
import { SeededRandom } from '../replay/index.js';
import type { Arrival } from './arrival.js';
import { SimulationError } from './error.js';
import { type NodeAccounting, type NodeWorld, SimulatedNode } from './simulated-node.js';
import { Wire, type WireOptions } from './wire.js';

/** How a network is simulated. */
export interface SimulationOptions extends WireOptions {
  /** Underlay MTU of all nodes in bytes, 576 to 65535. Default: as the topology says */
  readonly mtu?: number | undefined;
  /**
   * The clock, in seconds. Without it, time is simulated: it begins at 0, and passes only by `advance`, by `run`, and
   * while a loop over a node's arrivals waits.
   */
  readonly clock?: (() => number) | undefined;
  /**
   * Maximum number of arrivals queued per node; further ones are dropped as `QueueFull`.
   * @default 4096
   */
  readonly maxQueued?: number | undefined;
  /**
   * How inner packets that don't fit are handled.
   * @default 'inside'
   */
  readonly oversize?: Oversize | undefined;
  /**
   * Whether the TCP MSS is clamped to what fits.
   * @default false
   */
  readonly clampMss?: boolean | undefined;
}

/** What happened to all frames of a network: in + made = out + dropped + held. */
export interface SimulationAccounting {
  /** Frames that endpoints sent. */
  readonly in: number;
  /** Copies of flooded frames, replies, duplicates and fragments, minus the fragments reassembled. */
  readonly made: number;
  /** Frames that arrived at endpoints. */
  readonly out: number;
  readonly dropped: number;
  /** Packets in flight, and fragments waiting for reassembly. */
  readonly held: number;
  /**
   * Dropped frames and packets by reason: those of the nodes, `Lost` on the underlay, `Overflow` for too many in flight,
   * and `NoReceiver` for a node that was removed meanwhile.
   */
  readonly drops: Readonly<Record<string, number>>;
}

/** Ciphers of the simulation. */
export interface SimulationKeys {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  /** Wipes keys that were read for the simulation. */
  readonly wipe: () => void;
}

const SLOTS = 2048;
const MIN_FRAME_BYTES = 1600;
/** As in configs: what every IPv4 node receives (RFC 791). */
const MIN_MTU = 576;
/** The longest IP packet. */
const MAX_FRAME_BYTES = 65_535;
const DEFAULT_QUEUED = 4096;
const NOTHING: NodeAccounting = { in: 0, received: 0, made: 0, out: 0, sent: 0, dropped: 0, held: 0 };

function keyOf(vtep: Uint8Array): string {
  return vtep.join('.');
}

function withMtu(topology: Topology, mtu: number | undefined): Topology {
  if (mtu === undefined) return topology;
  return { ...topology, nodes: topology.nodes.map((node) => ({ ...node, mtu })) };
}

/** Checks what isn't checked where it is used: a wrong value would silently count as another one. */
function checkOptions({ mtu, seed = 0, oversize = Oversize.Inside, clock }: SimulationOptions): void {
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_FRAME_BYTES)) {
    throw new SimulationError('BAD_OPTION', `mtu is from ${MIN_MTU} to ${MAX_FRAME_BYTES} bytes, not ${mtu}`);
  }
  if (!Number.isInteger(seed)) throw new SimulationError('BAD_OPTION', `seed is a whole number, not ${seed}`);
  if (!Object.values(Oversize).includes(oversize)) {
    const known = Object.values(Oversize).join(', ');
    throw new SimulationError('BAD_OPTION', `oversize is one of ${known}, not ${oversize}`);
  }
  if (clock !== undefined && typeof clock !== 'function') {
    throw new SimulationError('BAD_OPTION', 'clock is a function that returns seconds');
  }
}

/**
 * A simulated overlay network. Everything that a call causes, replies of listeners included, has happened when it
 * returns, except for packets that are in flight until their time has come.
 */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #keys: SimulationKeys;
  readonly #wire: Wire;
  readonly #world: NodeWorld;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #listeners = new Set<(arrival: Arrival) => void>();
  readonly #pending: (() => void)[] = [];
  /** Arrivals that no listener or queue has got yet: listeners run between packets, never in the middle of one. */
  readonly #arrived: { readonly node: SimulatedNode; readonly arrival: Arrival }[] = [];
  /** Accounting and drops of removed nodes. */
  #past: NodeAccounting = NOTHING;
  readonly #pastDrops: Record<string, number> = {};
  #noReceiver = 0;
  #seconds = 0;
  #running = false;
  #closed = false;

  /** @internal */
  constructor(topology: Topology, keys: SimulationKeys, options: SimulationOptions) {
    this.#options = options;
    this.#keys = keys;
    this.#wire = new Wire(options);
    const { maxQueued = DEFAULT_QUEUED, oversize = Oversize.Inside, clampMss = false, seed = 0, mtu } = options;
    if (!(maxQueued >= 1)) throw new SimulationError('BAD_OPTION', `maxQueued is at least 1, not ${maxQueued}`);
    checkOptions(options);
    const adapted = withMtu(topology, mtu);
    const random = new SeededRandom(~seed);
    const longest = Math.max(MIN_FRAME_BYTES, ...adapted.nodes.map((node) => node.mtu));
    this.#world = {
      arena: new Arena({ slots: SLOTS, frameBytes: Math.min(MAX_FRAME_BYTES, longest) }),
      aead: keys.aead,
      hkdf: keys.hkdf,
      random: (bytes) => random.fill(bytes),
      oversize,
      clampMss,
      maxQueued,
      now: () => {
        const { seconds } = this;
        checkSeconds(seconds);
        return seconds;
      },
      transmit: (vtep, packet) => this.#wire.send(keyOf(vtep), packet, this.seconds),
      deliver: (node, arrival) => void this.#arrived.push({ node, arrival }),
      send: (send) => this.#send(send),
      step: () => this.#step(),
    };
    try {
      for (const { name } of adapted.nodes) this.#add(adapted, name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Seconds of the simulation's clock. */
  get seconds(): number {
    return this.#options.clock?.() ?? this.#seconds;
  }

  /** The nodes. */
  get nodes(): readonly SimulatedNode[] {
    return [...this.#nodes.values()];
  }

  /** Packets on the underlay that have not arrived yet. */
  get inFlight(): number {
    return this.#wire.inFlight;
  }

  /**
   * The node with a name.
   * @throws SimulationError `NO_SUCH_NODE`
   */
  node(name: string): SimulatedNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(', ');
    throw new SimulationError('NO_SUCH_NODE', `there is no node ${name}; there are ${names}`);
  }

  /**
   * Calls a listener with every frame that arrives, which is then not queued at its node. It may send frames, apply
   * changes and close the simulation. What it throws is thrown by the call that caused the arrival (`send`, `run`,
   * `advance`), and the next call goes on from there.
   * @returns a function that removes the listener
   */
  on(event: 'deliver', listener: (arrival: Arrival) => void): () => void {
    // One event so far; JavaScript programs may name another.
    if ((event as string) !== 'deliver') throw new SimulationError('BAD_OPTION', 'the only event is deliver');
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Lets simulated time pass, and delivers what is due by then.
   * @throws SimulationError `NOT_ITS_CLOCK` with a `clock` of the caller's, `IN_LISTENER`, `BAD_OPTION`, `CLOSED`
   */
  advance(seconds: number): void {
    this.#checkOpen();
    this.#checkIdle();
    if (this.#options.clock !== undefined) {
      throw new SimulationError('NOT_ITS_CLOCK', 'time passes by the clock that was passed in; call run');
    }
    if (!(seconds >= 0 && seconds < 1e10)) throw new SimulationError('BAD_OPTION', `${seconds} are no seconds to pass`);
    const end = this.#seconds + seconds;
    while (this.#wire.nextDue <= end && !this.#closed) {
      this.#seconds = Math.max(this.#seconds, this.#wire.nextDue);
      this.#pump();
    }
    this.#seconds = end;
    this.#pump();
  }

  /**
   * Delivers packets until none is in flight, and lets simulated time pass meanwhile. With a `clock` of the caller's,
   * delivers what is due. Listeners that answer each frame with another may keep it going: `maxSteps` ends it.
   * @param maxSteps maximum number of points in time
   * @throws SimulationError `IN_LISTENER`, `CLOSED`
   */
  run(maxSteps = Number.POSITIVE_INFINITY): void {
    this.#checkOpen();
    this.#checkIdle();
    this.#pump();
    for (let steps = 0; steps < maxSteps && this.#step(); steps++);
  }

  /**
   * Applies changes to all nodes while packets are in flight: nodes, networks, endpoints and keys are added, changed and
   * removed, all of a list or none. SAs follow at once.
   * @throws OverlayError `BAD_CHANGE`, SimulationError `CLOSED`, `NO_SUCH_NODE` if no node would stay
   * @example
   * import { simulate } from 'vtep';
   * import { ChangeKind } from 'vtep/overlay';
   *
   * const network = await simulate('overlay.yaml');
   * network.apply([{ kind: ChangeKind.RemoveEndpoint, id: 'c2' }]);
   */
  apply(changes: readonly TopologyChange[]): void {
    this.#checkOpen();
    const leaving = new Set<string>();
    const coming = new Set<string>();
    for (const change of changes) {
      if (change.kind === ChangeKind.RemoveNode) {
        leaving.add(keyOf(change.vtep));
        coming.delete(keyOf(change.vtep));
      } else if (change.kind === ChangeKind.AddNode) {
        coming.add(keyOf(change.node.vtep));
      }
    }
    const staying = [...this.#nodes].filter(([vtep]) => !leaving.has(vtep)).map(([, node]) => node);
    const [first] = staying;
    if (staying.length === 0) throw new SimulationError('NO_SUCH_NODE', 'no node would stay; close the simulation');
    // All have the same topology: what the first accepts, the others accept too.
    for (const node of staying) node.apply(changes);
    for (const vtep of leaving) this.#remove(vtep);
    const { topology } = first;
    for (const { name, vtep } of topology.nodes) if (coming.has(keyOf(vtep))) this.#add(topology, name);
  }

  /**
   * Switches to another topology by applying the differences (`diffTopology`).
   * @throws as `apply`
   */
  update(topology: Topology): void {
    const [first] = this.nodes;
    this.apply(diffTopology(first.topology, withMtu(topology, this.#options.mtu)));
  }

  /** What happened to all frames so far; both sides are equal. */
  get accounting(): SimulationAccounting {
    const sum = { ...this.#past };
    const drops: Record<string, number> = { ...this.#pastDrops };
    for (const node of this.#nodes.values()) addNode(node, sum, drops);
    const { duplicates, lost, overflow, inFlight } = this.#wire;
    const own = { Lost: lost, Overflow: overflow, NoReceiver: this.#noReceiver };
    for (const [reason, count] of Object.entries(own)) if (count > 0) drops[reason] = count;
    return {
      in: sum.in,
      made: sum.made + duplicates,
      out: sum.out,
      dropped: sum.dropped + lost + overflow + this.#noReceiver,
      held: sum.held + inFlight,
      drops,
    };
  }

  /** Ends all loops over arrivals, and wipes the keys. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const node of this.#nodes.values()) node.close();
    this.#keys.wipe();
  }

  /** Closes it: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #checkOpen(): void {
    if (this.#closed) throw new SimulationError('CLOSED', 'the simulation is closed');
  }

  #checkIdle(): void {
    if (!this.#running) return;
    throw new SimulationError('IN_LISTENER', 'time passes only after the listener has returned');
  }

  #add(topology: Topology, name: string): void {
    const node = new SimulatedNode(topology, name, this.#world);
    this.#nodes.set(keyOf(node.tables.here.vtep), node);
  }

  #remove(vtep: string): void {
    const node = this.#nodes.get(vtep);
    if (node === undefined) return;
    this.#nodes.delete(vtep);
    const sum = { ...this.#past };
    addNode(node, sum, this.#pastDrops);
    // Fragments that it still holds are gone with it.
    if (sum.held > 0) this.#pastDrops['NoReceiver'] = (this.#pastDrops['NoReceiver'] ?? 0) + sum.held;
    this.#past = { ...sum, dropped: sum.dropped + sum.held, held: 0 };
    node.close();
  }

  #send(send: () => void): void {
    this.#checkOpen();
    this.#pending.push(send);
    this.#pump();
  }

  /** Handles what arrived, is to be sent and is due, in order; listeners that send while it runs only add to it. */
  #pump(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#closed) {
        const arrived = this.#arrived.shift();
        if (arrived !== undefined) {
          this.#announce(arrived.node, arrived.arrival);
          continue;
        }
        const send = this.#pending.shift();
        if (send !== undefined) {
          send();
          continue;
        }
        const packet = this.#wire.take(this.seconds);
        if (packet === undefined) return;
        const node = this.#nodes.get(packet.to);
        if (node === undefined) this.#noReceiver++;
        else node.receive(packet.bytes);
      }
    } finally {
      this.#running = false;
    }
  }

  /** Moves simulated time to the next arrival. Returns false if nothing is in flight, or time isn't simulated. */
  #step(): boolean {
    const { nextDue } = this.#wire;
    if (this.#running || this.#closed || nextDue === Number.POSITIVE_INFINITY) return false;
    if (this.#options.clock !== undefined) {
      if (nextDue > this.seconds) return false;
    } else {
      this.#seconds = Math.max(this.#seconds, nextDue);
    }
    this.#pump();
    return true;
  }

  #announce(node: SimulatedNode, arrival: Arrival): void {
    if (this.#listeners.size === 0) node.queue.push(arrival);
    else for (const listener of this.#listeners) listener(arrival);
  }
}

type Sum = { -readonly [name in keyof NodeAccounting]: number };

function addNode(node: SimulatedNode, sum: Sum, drops: Record<string, number>): void {
  const { accounting } = node;
  for (const name of Object.keys(sum) as (keyof NodeAccounting)[]) sum[name] += accounting[name];
  for (const [reason, count] of Object.entries(node.drops)) drops[reason] = (drops[reason] ?? 0) + count;
}
