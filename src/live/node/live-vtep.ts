/**
 * A VTEP over the system's own sockets and devices: the sockets of its address, a TAP device for each endpoint of the node,
 * and a `LiveNode` between them.
 */
import { randomFillSync } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Arena } from '../../memory/index.js';
import {
  ChangeKind,
  type Endpoint,
  endpointId,
  type RingOutcome,
  type Topology,
  type TopologyChange,
} from '../../overlay/index.js';
import { plain } from '../../text/plain-text.js';
import { DatagramUnderlay } from '../socket/datagram-underlay.js';
import { EndpointDevices } from './endpoint-devices.js';
import { LiveError } from '../error.js';
import type { FramePort } from '../port/frame-port.js';
import { LiveNode, type LiveNodeCounters, type LiveNodeOptions } from './live-node.js';
import { SocketUnderlay } from '../socket/socket-underlay.js';
import { mayHaveUnfinishedChecksums } from '../socket/unfinished-checksums.js';
import type { UnderlayPort, UnderlayCounters } from '../port/underlay-port.js';

/** How a VTEP is opened. */
export interface LiveVtepOptions extends Omit<LiveNodeOptions, 'underlay' | 'arena' | 'clock'> {
  /** By whose sockets: the system's, with raw ones for ESP, or Node's, for clear networks alone; the system's where they are. */
  readonly sockets?: 'system' | 'node';
  /** Seconds, never going back; `performance.now` if not said. */
  readonly clock?: () => number;
  /**
   * Makes the port of an endpoint; a TAP device if not said. It may be one that other endpoints have, too.
   * @throws LiveError if it can't
   */
  readonly portOf?: (endpoint: Endpoint, mtu: number) => FramePort;
  /**
   * Whether frames of other nodes may have TCP and UDP checksums that are still to be filled in, as between namespaces or
   * virtual machines of one host. If not, all are verified.
   * @default whether the device that has the VTEP's address is virtual
   */
  readonly unfinishedChecksums?: boolean;
  /** Told in words what goes wrong while it runs. */
  readonly onTrouble?: (text: string) => void;
}

/** What it did, sockets included. */
export interface LiveVtepCounters extends LiveNodeCounters {
  readonly underlay: UnderlayCounters;
}

const SLOTS = 2048;
/** An underlay packet without its outer fragments; more than any Ethernet carries. */
const FRAME_BYTES = 9216;
const MAX_MTU_HEADROOM = 256;
/** Milliseconds for which a turn waits where nothing happens: so late may signals and timers be. */
const WAIT = 20;
/** The same where nothing can be waited for. */
const NAP = 1;
/** Milliseconds between two looks at devices and namespaces, also where packets never end. */
const LOOK = 1000;

/** Changes that may change the settings of any device: its MTU, or the length of its subnet. */
const WIDE: ReadonlySet<ChangeKind> = new Set([
  ChangeKind.AddNode,
  ChangeKind.ChangeNode,
  ChangeKind.RemoveNode,
  ChangeKind.ChangeNetwork,
]);

/** A VTEP that runs. */
export class LiveVtep {
  readonly node: LiveNode;
  readonly #underlay: UnderlayPort;
  readonly #devices: EndpointDevices;

  private constructor(options: LiveVtepOptions, underlay: UnderlayPort, arena: Arena) {
    this.#underlay = underlay;
    const { topology, node, portOf, onTrouble } = options;
    const clock = options.clock ?? ((): number => performance.now() / 1000);
    const random = options.random ?? ((bytes: Uint8Array): void => void randomFillSync(bytes));
    const here = topology.nodes.find(({ name }) => name === node);
    const unfinishedChecksums =
      options.unfinishedChecksums ?? (here === undefined || mayHaveUnfinishedChecksums(here.vtep));
    this.node = new LiveNode({ ...options, underlay, arena, clock, random });
    this.#devices = new EndpointDevices(this.node, {
      portOf,
      unfinishedChecksums,
      tell: (endpoint, text) => onTrouble?.(plain(`endpoint ${endpoint}: ${text}`)),
    });
  }

  /**
   * Opens sockets and devices; nothing passes before `run`.
   * @throws LiveError `NOT_PERMITTED`, `PORT_IN_USE`, `NOT_THERE`, `SYSTEM_UNAVAILABLE`, `BAD_NODE`, `SYSTEM_CALL`;
   * OverlayError `BAD_CONFIG` if the topology has no such node
   */
  static async open(options: LiveVtepOptions): Promise<LiveVtep> {
    const { topology, node, sockets } = options;
    const index = topology.nodes.findIndex(({ name }) => name === node);
    if (index < 0) {
      const known = topology.nodes.map(({ name }) => name).join(', ');
      throw new LiveError('BAD_NODE', `there is no such node; there are ${known}`);
    }
    const mtu = Math.max(...topology.nodes.map((other) => other.mtu));
    const arena = new Arena({ slots: SLOTS, frameBytes: Math.max(FRAME_BYTES, mtu + MAX_MTU_HEADROOM) });
    const underlay = await openUnderlay(topology, index, arena, sockets);
    let vtep: LiveVtep | undefined;
    try {
      vtep = new LiveVtep(options, underlay, arena);
      await vtep.#devices.open();
      return vtep;
    } catch (error) {
      if (vtep === undefined) underlay.close();
      else vtep.close();
      throw error;
    }
  }

  /** How packets go over the underlay. */
  get underlay(): string {
    return this.#underlay.name;
  }

  get counters(): LiveVtepCounters {
    return { ...this.node.counters, underlay: this.#underlay.counters };
  }

  /**
   * Takes another topology over, and has devices made for endpoints that are new, or whose interface is another now: they
   * are attached as they get ready, while packets pass (`devicesSettled`).
   * @returns what became of the key ring, where there was one
   * @throws LiveError, OverlayError: what it was goes on then; but for devices that can't be made, which `onTrouble` is told
   */
  update(topology: Topology): RingOutcome | undefined {
    const outcome = this.node.update(topology);
    this.#devices.update();
    return outcome;
  }

  /**
   * Takes changes over, all of them or none, and has devices made for endpoints that are new here, or whose interface is another
   * now (`devicesSettled`).
   * @returns what became of the key ring, if they bring one
   * @throws LiveError, OverlayError as `LiveNode.apply`; of devices that can't be made `onTrouble` is told
   */
  apply(changes: readonly TopologyChange[]): RingOutcome | undefined {
    // An endpoint may have another name afterwards, or be another node's.
    const before = changes.flatMap((change) => this.#ownNames(change));
    const outcome = this.node.apply(changes);
    const names = new Set([...before, ...changes.flatMap((change) => this.#ownNames(change))]);
    const wide = changes.some(({ kind }) => WIDE.has(kind));
    if (wide || names.size > 0) this.#devices.update(wide ? undefined : names);
    return outcome;
  }

  /** The name of the endpoint that a change is of, if it is one of this node. */
  #ownNames(change: TopologyChange): string[] {
    const { tables } = this.node;
    const id =
      change.kind === ChangeKind.AddEndpoint || change.kind === ChangeKind.ChangeEndpoint
        ? endpointId(change.endpoint)
        : change.kind === ChangeKind.RemoveEndpoint
          ? change.id
          : undefined;
    const endpoint = id === undefined ? undefined : tables.endpoints[tables.endpointWithId(id)];
    return endpoint?.node === tables.node ? [endpoint.name] : [];
  }

  /**
   * Resolves when every endpoint without a device has got one, or `onTrouble` was told why not; also at `close`. Devices that
   * can't be made are tried again after a second, and after twice as long each time, up to a minute.
   */
  devicesSettled(): Promise<void> {
    return this.#devices.settled();
  }

  /**
   * Runs until it is told to end. This thread waits for packets in short naps; timers and signals pass between them.
   * @throws LiveError if a socket is of no use any more
   */
  async run(signal: AbortSignal): Promise<void> {
    let idle = false;
    let looked = performance.now();
    while (!signal.aborted) {
      idle = !this.node.turn(idle ? WAIT : 0);
      if (idle || performance.now() - looked > LOOK) {
        this.#devices.dropFailed();
      }
      if (performance.now() - looked > LOOK) {
        looked = performance.now();
        this.#devices.look();
      }
      this.#devices.turn();
      if (idle && !this.node.waits) await setTimeout(NAP);
      else await setImmediate();
    }
  }

  /** Closes devices and sockets, and wipes the keys. */
  close(): void {
    this.#devices.close();
    this.node.close();
  }
}

async function openUnderlay(
  topology: Topology,
  node: number,
  arena: Arena,
  sockets: 'system' | 'node' | undefined,
): Promise<UnderlayPort> {
  const vteps = topology.nodes.map(({ vtep }) => vtep);
  const { port } = topology;
  const esp = topology.networks.some(({ encrypted }) => encrypted);
  if (sockets !== 'node') {
    try {
      return new SocketUnderlay({ vteps, node, port, arena, esp });
    } catch (error) {
      const absent = error instanceof LiveError && error.code === 'SYSTEM_UNAVAILABLE';
      if (sockets === 'system' || esp || !absent) throw error;
    }
  }
  return DatagramUnderlay.open({ vtep: vteps[node], port, arena });
}
