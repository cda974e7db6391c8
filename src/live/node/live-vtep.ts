/**
 * A VTEP on system sockets and devices: sockets on its address, a TAP device for each of the node's endpoints, and a
 * `LiveNode` between them.
 */
import { randomFillSync } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Arena } from '../../memory/index.js';
import {
  ChangeKind,
  type Endpoint,
  endpointId,
  type RingOutcome,
  type ServiceChange,
  type Topology,
  type TopologyChange,
} from '../../overlay/index.js';
import { unknownNode } from '../../overlay/internal.js';
import { plain } from '../../text/plain-text.js';
import { DatagramUnderlay } from '../socket/datagram-underlay.js';
import { EndpointDevices } from './endpoint-devices.js';
import { LiveError } from '../error.js';
import type { EndpointReport } from './endpoint-ports.js';
import type { FramePort } from '../port/frame-port.js';
import { LiveNode } from './live-node.js';
import type { LiveNodeCounters, LiveNodeOptions } from './live-node-options.js';
import { MeshPart } from '../mesh/part/mesh-part.js';
import type { MeshOverrides } from '../mesh/part/mesh-overrides.js';
import { NodeEnding } from './node-ending.js';
import type { LiveServices } from '../services/live-services.js';
import { openServices } from '../services/open-services.js';
import { SocketUnderlay } from '../socket/socket-underlay.js';
import { mayHavePartialChecksums } from '../socket/partial-checksums.js';
import type { SaRow } from '../status/sa-rows.js';
import type { UnderlayPort, UnderlayCounters } from '../port/underlay-port.js';
import { checkWorkerOptions, FirstWorker } from '../workers/open-workers.js';
import type { VtepWorkers } from '../workers/vtep-workers.js';
import {
  endpointsWith,
  totalsWith,
  type WorkerCounters,
  workerCounters,
  type WorkerReport,
} from '../workers/worker-counters.js';

/** Options of a VTEP. */
export interface LiveVtepOptions
  extends Omit<LiveNodeOptions, 'underlay' | 'arena' | 'clock' | 'share' | 'onApplied' | 'onPathMtu'>, MeshOverrides {
  /**
   * Which sockets to use: the system's, raw ones for ESP included, or Node's, which support clear networks only.
   * @default 'system' if available
   */
  readonly sockets?: 'system' | 'node';
  /**
   * Whether to open sockets for ESP even if no network is encrypted yet: one may be added later.
   * @default whether one is encrypted
   */
  readonly esp?: boolean;
  /**
   * Monotonic clock in seconds.
   * @default performance.now
   */
  readonly clock?: () => number;
  /**
   * Creates an endpoint's port. Several endpoints may share one.
   * @default a TAP device
   * @throws LiveError if that fails
   */
  readonly portOf?: (endpoint: Endpoint, mtu: number) => FramePort;
  /**
   * Whether frames from other nodes may have partial TCP and UDP checksums, as between namespaces or virtual machines
   * of one host. If not, all are verified.
   * @default whether the device with the VTEP's address is virtual
   */
  readonly partialChecksums?: boolean;
  /**
   * Whether services may act on the host: DNS in containers' namespaces, the gateway's interfaces, rules and sockets for
   * published ports, and the HTTP routing mesh. Load balancers of this node run in any case.
   * @default true unless there is a `portOf`
   */
  readonly servicesInHost?: boolean;
  /**
   * Number of threads that process packets, 1 to 16, each with its own sockets and a queue of each TAP device. Clear flows
   * are divided among them by hash, encrypted ones by peer, so that no SA is used by two. More than one needs the
   * system's sockets and TAP devices, networks without learning, no `reservations`, and no `clock`.
   * @default 1: the calling thread
   */
  readonly workers?: number;
  /**
   * Milliseconds that an idle turn of `run` blocks this thread: the longest delay of its timers, signals and connections.
   * @default 20
   */
  readonly maxWait?: number;
  /**
   * Ends `run`, once its own signal is aborted, without waiting for requests under way through the HTTP routing mesh.
   * @default they get 5 s
   */
  readonly endAtOnce?: AbortSignal;
  /** Receives a description of each runtime problem. */
  readonly onTrouble?: (text: string) => void;
}

/** Counters of a VTEP: of its node and its sockets. */
export interface LiveVtepCounters extends LiveNodeCounters {
  /** Of the sockets. */
  readonly underlay: UnderlayCounters;
  /** What each worker did, by its index; undefined if there is one. The other counters are sums. */
  readonly workers?: readonly WorkerCounters[];
}

const SLOTS = 2048;
/** A frame of 64 KiB; also makes the distance of slots differ from a multiple of a page. Unused pages take no memory. */
const FRAME_BYTES = 65_664;
const MAX_MTU_HEADROOM = 256;
/** Default of `maxWait`. */
const WAIT = 20;
/** Milliseconds that an idle turn waits if polling isn't possible. */
const NAP = 1;
/** Milliseconds between checks of devices and namespaces, even under constant load. */
const DEVICE_CHECK_MS = 1000;

/** Changes that can affect any device's settings: its MTU or its prefix length. */
const AFFECTS_ALL_DEVICES: ReadonlySet<ChangeKind> = new Set([
  ChangeKind.AddNode,
  ChangeKind.ChangeNode,
  ChangeKind.RemoveNode,
  ChangeKind.ChangeNetwork,
]);

/**
 * A running VTEP: sockets, devices and the node between them.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { readFileSync } from 'node:fs';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { LiveVtep } from 'vtep/live';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const random = (bytes: Uint8Array) => void randomFillSync(bytes);
 * const topology = parseConfig(readFileSync('overlay.yaml', 'utf8'));
 * const cipher = { aead: chooseAead().aead, hkdf: hkdfSha256, random };
 * const vtep = await LiveVtep.open({ topology, node: 'node2', cipher, onTrouble: console.error });
 * const ending = new AbortController();
 * process.once('SIGTERM', () => ending.abort());
 * await vtep.run(ending.signal);
 * console.log(vtep.counters.ingress.drops.byName());
 * await vtep.close();
 */
export class LiveVtep {
  /** The chains and tables between sockets and devices. */
  readonly node: LiveNode;
  /** The services of the overlay as this node has them, with its load balancers. */
  readonly services: LiveServices;
  /** The node's clock, in seconds. */
  readonly clock: () => number;
  readonly #underlay: UnderlayPort;
  readonly #devices: EndpointDevices;
  readonly #first: FirstWorker | undefined;
  readonly #maxWait: number;
  readonly #endAtOnce: AbortSignal | undefined;
  #workers: VtepWorkers | undefined;
  /** Of workers that have ended. */
  #lastReports: readonly WorkerReport[] = [];

  private constructor(
    options: LiveVtepOptions,
    underlay: UnderlayPort,
    arena: Arena,
    first: FirstWorker | undefined,
    workers: VtepWorkers | undefined,
  ) {
    this.#underlay = underlay;
    this.#maxWait = options.maxWait ?? WAIT;
    this.#endAtOnce = options.endAtOnce;
    this.#first = first;
    this.#workers = workers;
    const { topology, node, portOf, onTrouble } = options;
    const clock = options.clock ?? ((): number => performance.now() / 1000);
    const random = options.random ?? ((bytes: Uint8Array): void => void randomFillSync(bytes));
    const here = topology.nodes.find(({ name }) => name === node);
    const partialChecksums = options.partialChecksums ?? (here === undefined || mayHavePartialChecksums(here.vtep));
    this.clock = clock;
    this.node = new LiveNode({
      ...options,
      underlay,
      arena,
      clock,
      random,
      ...(first === undefined
        ? {}
        : {
            parts: [...(options.parts ?? []), first.handOver],
            share: first.share,
            onApplied: (changes, isWhole) => workers?.apply(changes, isWhole),
            onPathMtu: (peer, mtu) => {
              const { vtep } = this.node.tables.nodes[peer] ?? {};
              if (vtep !== undefined) workers?.learnPathMtu(vtep, mtu);
            },
          }),
    });
    if (first !== undefined) first.handOver.node = this.node;
    this.#devices = new EndpointDevices(this.node, {
      portOf,
      partialChecksums,
      workers,
      around: (endpoint, device) => this.services.aroundInterface(endpoint, device),
      tell: (endpoint, text) => onTrouble?.(plain(`endpoint ${endpoint}: ${text}`)),
    });
    const tell = (text: string): void => onTrouble?.(plain(text));
    const inHost = options.servicesInHost ?? portOf === undefined;
    this.services = openServices({ node: this.node, arena, clock, random, tell }, inHost, options);
  }

  /**
   * Opens sockets and devices; packets flow only once `run` is called.
   * @throws LiveError `NOT_PERMITTED`, `PORT_IN_USE`, `NOT_THERE`, `SYSTEM_UNAVAILABLE`, `BAD_NODE`, `SYSTEM_CALL`;
   * OverlayError `BAD_CONFIG` if the topology has no such node
   */
  static async open(options: LiveVtepOptions): Promise<LiveVtep> {
    const { topology, node } = options;
    const index = topology.nodes.findIndex(({ name }) => name === node);
    if (index < 0) throw new LiveError('BAD_NODE', unknownNode(node, topology.nodes));
    checkWorkerOptions(options);
    const mtu = Math.max(...topology.nodes.map((other) => other.mtu));
    const frameBytes = Math.max(FRAME_BYTES, mtu + MAX_MTU_HEADROOM);
    const arena = new Arena({ slots: SLOTS, frameBytes });
    const underlay = await openUnderlay(options, index, arena);
    let vtep: LiveVtep | undefined;
    let first: FirstWorker | undefined;
    let workers: VtepWorkers | undefined;
    try {
      if (options.workers !== undefined && options.workers > 1) {
        first = new FirstWorker(options.workers, arena);
        workers = await first.openOthers(
          options,
          topology,
          { slots: SLOTS, frameBytes, esp: needsEsp(options) },
          {
            onSaEvent: (event) => options.onSaEvent?.(event),
            onPathMtu: (address, bytes) => {
              if (vtep !== undefined) vtep.#learnPathMtu(address, bytes);
            },
          },
        );
      }
      vtep = new LiveVtep(options, underlay, arena, first, workers);
      // First, since tasks' interfaces get their published ports as they are attached.
      vtep.services.update(topology.services);
      await vtep.#devices.open();
      vtep.services.turn();
      await vtep.services.settled();
      return vtep;
    } catch (error) {
      if (vtep === undefined) {
        await workers?.close();
        first?.close();
        underlay.close();
      } else await vtep.close();
      throw error;
    }
  }

  /** Name of the underlay transport. */
  get underlay(): string {
    return this.#underlay.name;
  }

  /** Current counts of the node and its sockets. */
  get counters(): LiveVtepCounters {
    const own = { ...this.node.counters, underlay: this.#underlay.counters };
    if (this.#first === undefined) return own;
    const { handOver } = this.#first;
    const first = { egress: own.egress.in, ingress: own.ingress.in, sealed: own.sealed, opened: own.opened };
    return {
      ...totalsWith(own, this.#reports),
      workers: [{ ...first, given: handOver.given, taken: handOver.taken }, ...this.#reports.map(workerCounters)],
    };
  }

  /** Counters of each endpoint over all its ports (`LiveNode.endpointReports`), summed over the workers. */
  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    return endpointsWith(this.node.endpointReports, this.#reports);
  }

  /** SAs of workers other than the first, whose are the node's: at most 4,096 of each. */
  get workerSas(): readonly SaRow[] {
    return this.#reports.flatMap(({ sas }) => sas);
  }

  /** Records the path MTU to a node, by its VTEP address, that a worker has learned. */
  #learnPathMtu(vtep: Uint8Array, mtu: number): void {
    this.node.learnPathMtu(vtep, mtu);
    this.#workers?.learnPathMtu(vtep, mtu);
  }

  get #reports(): readonly WorkerReport[] {
    return this.#workers?.reports ?? this.#lastReports;
  }

  /**
   * Switches to another topology and requests devices for new endpoints and those whose interface changed; they are
   * attached when ready, while packets flow (`devicesSettled`).
   * @returns the outcome for the key ring, if there is one
   * @throws LiveError, OverlayError: nothing has changed then; devices that fail are reported to `onTrouble` instead
   */
  update(topology: Topology): RingOutcome | undefined {
    const outcome = this.node.update(topology);
    this.services.update(topology.services);
    this.#devices.update();
    return outcome;
  }

  /**
   * Applies changes, all of them or none, and requests devices for new local endpoints and those whose interface
   * changed (`devicesSettled`).
   * @returns the outcome for the key ring, if changed
   * @throws LiveError, OverlayError as `LiveNode.apply`; devices that fail are reported to `onTrouble` instead
   */
  apply(changes: readonly TopologyChange[]): RingOutcome | undefined {
    // An endpoint may move to another node.
    const before = changes.flatMap((change) => this.#ownIds(change));
    const outcome = this.node.apply(changes);
    const ids = new Set([...before, ...changes.flatMap((change) => this.#ownIds(change))]);
    const affectsAll = changes.some(({ kind }) => AFFECTS_ALL_DEVICES.has(kind));
    if (affectsAll || ids.size > 0) {
      this.#devices.update(affectsAll ? undefined : ids);
      this.services.refreshSoon();
    }
    return outcome;
  }

  /** Takes over other settings of the HTTP routing mesh of this node, and opens its access log again. */
  overrideMesh(overrides: MeshOverrides): void {
    for (const part of this.services.parts) if (part instanceof MeshPart) part.override(overrides);
  }

  /**
   * Applies single changes of services, such as those from gossip; `update` replaces all of them instead. A node without
   * services starts with none. Problems are reported to `onTrouble`, not thrown.
   */
  applyServices(changes: readonly ServiceChange[]): void {
    this.services.applyServices(changes);
  }

  /** The id of the endpoint that a change affects, if it is on this node. */
  #ownIds(change: TopologyChange): string[] {
    const { tables } = this.node;
    const id =
      change.kind === ChangeKind.AddEndpoint || change.kind === ChangeKind.ChangeEndpoint
        ? endpointId(change.endpoint)
        : change.kind === ChangeKind.RemoveEndpoint
          ? change.id
          : undefined;
    const endpoint = id === undefined ? undefined : tables.endpoints[tables.endpointWithId(id)];
    return endpoint?.node === tables.node ? [endpointId(endpoint)] : [];
  }

  /**
   * Resolves when every endpoint has a device or its failure was reported to `onTrouble`, or at `close`. Failed devices
   * are retried after a second, doubling up to a minute.
   */
  async devicesSettled(): Promise<void> {
    await this.#devices.settled();
    this.services.turn();
    await this.services.settled();
  }

  /**
   * Runs until aborted, and then until requests under way through the HTTP routing mesh have ended, for at most 5 s.
   * Blocks this thread in short waits for packets; timers and signals run in between.
   * @throws LiveError if a socket has failed; `WORKER_FAILED`
   */
  async run(signal: AbortSignal): Promise<void> {
    const workers = this.#workers;
    workers?.run();
    let checked = performance.now();
    const ending = new NodeEnding(signal, this.#endAtOnce, (patience) => this.services.drain(patience));
    while (!ending.isOver) {
      const idle = !this.node.turn(this.node.mayHaveMore ? 0 : this.#maxWait);
      if (workers?.failure !== undefined) throw workers.failure;
      const { size } = this.node.ports;
      if (idle || performance.now() - checked > DEVICE_CHECK_MS) {
        this.#devices.dropFailed();
      }
      if (performance.now() - checked > DEVICE_CHECK_MS) {
        checked = performance.now();
        this.#devices.checkNamespaces();
        this.services.check();
      }
      // Tasks that lost their interface get no more connections.
      if (this.node.ports.size < size) this.services.refresh();
      this.#devices.turn();
      this.services.turn();
      if (idle && !this.node.waits) await setTimeout(NAP);
      else await setImmediate();
    }
    await workers?.stop();
    if (workers?.failure !== undefined) throw workers.failure;
  }

  /**
   * Closes devices and sockets, and wipes the keys, before it returns; with several workers, once they have ended. The
   * promise resolves when the services have undone what they did to the host.
   */
  async close(): Promise<void> {
    this.#devices.close();
    const closed = this.services.close();
    const workers = this.#workers;
    if (workers !== undefined) {
      await workers.close();
      this.#lastReports = workers.reports;
      this.#workers = undefined;
      this.#first?.close();
    }
    this.node.close();
    await closed;
  }
}

function needsEsp({ esp, topology }: Pick<LiveVtepOptions, 'esp' | 'topology'>): boolean {
  return esp ?? topology.networks.some(({ encrypted }) => encrypted);
}

async function openUnderlay(
  { topology, sockets, ...options }: LiveVtepOptions,
  node: number,
  arena: Arena,
): Promise<UnderlayPort> {
  const vteps = topology.nodes.map(({ vtep }) => vtep);
  const { port } = topology;
  const esp = needsEsp({ topology, ...options });
  const { workers = 1 } = options;
  const share = workers > 1 ? { share: { worker: 0, workers } } : {};
  if (sockets !== 'node') {
    try {
      return new SocketUnderlay({ vteps, node, port, arena, esp, ...share });
    } catch (error) {
      const absent = error instanceof LiveError && error.code === 'SYSTEM_UNAVAILABLE';
      if (sockets === 'system' || esp || workers > 1 || !absent) throw error;
    }
  }
  return DatagramUnderlay.open({ vtep: vteps[node], port, arena });
}
