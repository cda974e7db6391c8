/**
 * A VTEP over the system's own sockets and devices: the sockets of its address, a TAP device for each endpoint of the node,
 * and a `LiveNode` between them.
 */
import { randomFillSync } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Arena } from '../memory/index.js';
import { isInterfaceName } from '../overlay/interface-name.js';
import {
  ChangeKind,
  type Endpoint,
  endpointId,
  type Prefix,
  prefixContains,
  type ReadonlyNodeTables,
  type RingOutcome,
  type Topology,
  type TopologyChange,
} from '../overlay/index.js';
import { plain } from '../plain-text.js';
import { DatagramUnderlay } from './datagram-underlay.js';
import { LiveError } from './error.js';
import type { FramePort } from './frame-port.js';
import { namespaceIdentity } from './network-namespace.js';
import { LiveNode, type LiveNodeCounters, type LiveNodeOptions } from './live-node.js';
import { SocketUnderlay } from './socket-underlay.js';
import { TapDevice, type TapOptions } from './tap.js';
import { mayHaveUnfinishedChecksums } from './unfinished-checksums.js';
import type { UnderlayPort, UnderlayCounters } from './underlay-port.js';

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
/** Devices that are made before a config counts as taken over; any more follow between turns. */
const AT_ONCE = 32;
const BETWEEN_TURNS = 4;

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
  readonly #options: LiveVtepOptions;
  readonly #underlay: UnderlayPort;
  readonly #unfinishedChecksums: boolean;
  /** What the TAP device of each endpoint was set to, and which namespace it is in. */
  readonly #made = new Map<string, { readonly settings: string; readonly namespace: string | undefined }>();
  /** Names of endpoints that are to get a device, a few between two turns. */
  #wanting: string[] = [];
  /** Why endpoints have no device, as it was told. */
  readonly #told = new Map<string, string>();

  private constructor(options: LiveVtepOptions, underlay: UnderlayPort, arena: Arena) {
    this.#options = options;
    this.#underlay = underlay;
    const { topology, node, unfinishedChecksums } = options;
    const here = topology.nodes.find(({ name }) => name === node);
    this.#unfinishedChecksums = unfinishedChecksums ?? (here === undefined || mayHaveUnfinishedChecksums(here.vtep));
    const clock = options.clock ?? ((): number => performance.now() / 1000);
    const random = options.random ?? ((bytes: Uint8Array): void => void randomFillSync(bytes));
    this.node = new LiveNode({ ...options, underlay, arena, clock, random });
    try {
      this.#attachAll();
    } catch (error) {
      this.node.close();
      throw error;
    }
  }

  /**
   * Opens sockets and devices; nothing passes before `run`.
   * @throws LiveError `NOT_PERMITTED`, `PORT_IN_USE`, `NOT_THERE`, `SYSTEM_UNAVAILABLE`, `BAD_NODE`, `SYSTEM_CALL`;
   * OverlayError `BAD_CONFIG` if the topology has no such node
   */
  static async open(options: LiveVtepOptions): Promise<LiveVtep> {
    const { topology, node, sockets } = options;
    const place = topology.nodes.findIndex(({ name }) => name === node);
    if (place < 0) {
      const known = topology.nodes.map(({ name }) => name).join(', ');
      throw new LiveError('BAD_NODE', `there is no such node; there are ${known}`);
    }
    const mtu = Math.max(...topology.nodes.map((other) => other.mtu));
    const arena = new Arena({ slots: SLOTS, frameBytes: Math.max(FRAME_BYTES, mtu + MAX_MTU_HEADROOM) });
    const underlay = await openUnderlay(topology, place, arena, sockets);
    try {
      return new LiveVtep(options, underlay, arena);
    } catch (error) {
      underlay.close();
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
   * Takes another topology over, and opens devices for endpoints that are new, or whose interface is another now.
   * @returns what became of the key ring, where there was one
   * @throws LiveError, OverlayError: what it was goes on then; but for devices that can't be made, which `onTrouble` is told
   */
  update(topology: Topology): RingOutcome | undefined {
    const outcome = this.node.update(topology);
    if (this.#options.portOf === undefined) {
      this.#detachChanged();
      this.#detachMoved();
    }
    this.#told.clear();
    this.#wanting = this.#unattached();
    this.#attachSome(AT_ONCE);
    return outcome;
  }

  /**
   * Takes changes over, all of them or none, and opens devices for endpoints that are new here, or whose interface is another
   * now: a few at once, and any more between turns.
   * @returns what became of the key ring, if they bring one
   * @throws LiveError, OverlayError as `LiveNode.apply`; of devices that can't be made `onTrouble` is told
   */
  apply(changes: readonly TopologyChange[]): RingOutcome | undefined {
    // The endpoint's name may be another afterwards.
    const names = new Set(changes.flatMap((change) => this.#nameIn(change)));
    const outcome = this.node.apply(changes);
    const wide = changes.some(({ kind }) => WIDE.has(kind));
    for (const change of changes) for (const name of this.#nameIn(change)) names.add(name);
    if (this.#options.portOf === undefined) this.#detachChanged(wide ? this.#made.keys() : names);
    for (const name of names) {
      this.#told.delete(name);
      const wants = this.node.endpoint(name) !== undefined && !this.node.ports.has(name);
      if (wants && !this.#wanting.includes(name)) this.#wanting.push(name);
    }
    if (wide) this.#wanting = this.#unattached();
    this.#attachSome(BETWEEN_TURNS);
    return outcome;
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
        this.#dropFailed();
      }
      if (performance.now() - looked > LOOK) {
        looked = performance.now();
        this.#look();
      }
      if (this.#wanting.length > 0) this.#attachSome(BETWEEN_TURNS);
      if (idle && !this.node.waits) await setTimeout(NAP);
      else await setImmediate();
    }
  }

  /** Closes devices and sockets, and wipes the keys. */
  close(): void {
    this.node.close();
  }

  /** Lets ports go that failed: the others go on. */
  #dropFailed(): void {
    for (const [endpoint, port] of this.node.ports) {
      if (port.failure === undefined) continue;
      this.#tell(endpoint, port.failure);
      this.#told.set(endpoint, port.failure);
      this.node.detach(endpoint);
    }
  }

  /** Lets devices go whose namespace is another now, and has those made that are missing and may be made. */
  #look(): void {
    if (this.#options.portOf !== undefined) return;
    this.#detachMoved();
    const missing = this.#unattached();
    if (missing.length === 0) return;
    // Of a namespace that isn't there it was told already.
    this.#wanting = missing.filter((name) => {
      const netns = this.node.endpoint(name)?.netns;
      return !this.#told.has(name) || netns === undefined || namespaceIdentity(netns) !== undefined;
    });
  }

  /** Lets devices go whose namespace is another now: a container was started again. */
  #detachMoved(): void {
    const identities = new Map<string, string | undefined>();
    for (const [name, port] of this.node.ports) {
      const netns = this.node.endpoint(name)?.netns;
      if (netns === undefined) continue;
      if (!identities.has(netns)) identities.set(netns, namespaceIdentity(netns));
      const now = identities.get(netns);
      // Without its name a namespace may live on, for the processes in it: as long as we aren't what keeps it alive.
      const stays =
        now === undefined
          ? !(port instanceof TapDevice && port.holdsNamespace)
          : now === this.#made.get(name)?.namespace;
      if (stays) continue;
      const what = JSON.stringify(netns);
      const why = `the network namespace ${what} is ${now === undefined ? 'gone' : 'another one now'}`;
      this.#tell(name, why);
      this.#told.set(name, why);
      this.node.detach(name);
    }
  }

  /** Makes the devices of some of the endpoints that want one: a thousand of them take a second. */
  #attachSome(most: number): void {
    for (const name of this.#wanting.splice(0, most)) {
      const endpoint = this.node.endpoint(name);
      if (endpoint === undefined || this.node.ports.has(name)) continue;
      try {
        this.#attach(endpoint);
        const port = this.node.ports.get(name);
        if (this.#told.delete(name)) this.#tell(name, `${port?.name ?? 'its interface'} was made anew`);
      } catch (error) {
        if (!(error instanceof LiveError)) throw error;
        // It is tried again every second, and told once.
        if (this.#told.get(name) === error.message) continue;
        this.#tell(name, error.message);
        this.#told.set(name, error.message);
      }
    }
  }

  #tell(endpoint: string, text: string): void {
    this.#options.onTrouble?.(plain(`endpoint ${endpoint}: ${text}`));
  }

  /** Lets devices go that are to be set up otherwise. */
  #detachChanged(names: Iterable<string> = this.#made.keys()): void {
    const mtus = new Map<number, number>();
    for (const name of [...names]) {
      const endpoint = this.node.endpoint(name);
      if (endpoint !== undefined && this.node.ports.has(name)) {
        const mtu = mtus.get(endpoint.network) ?? this.node.mtuOf(endpoint.network);
        mtus.set(endpoint.network, mtu);
        const settings = JSON.stringify(settingsOf(endpoint, this.node.tables, mtu));
        if (this.#made.get(name)?.settings !== settings) this.node.detach(name);
      }
      if (!this.node.ports.has(name)) this.#made.delete(name);
    }
  }

  /** The name of the endpoint that a change is of, if it is one of this node. */
  #nameIn(change: TopologyChange): string[] {
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

  /** Names of this node's endpoints that have no port. */
  #unattached(): string[] {
    const { tables, ports } = this.node;
    const names = tables.columns.local.flatMap((list) =>
      Array.from(list, (index) => tables.endpoints[index]?.name ?? ''),
    );
    return [...new Set(names)].filter((name) => !ports.has(name));
  }

  #attachAll(): void {
    for (const name of this.#unattached()) {
      const endpoint = this.node.endpoint(name);
      if (endpoint !== undefined) this.#attach(endpoint);
    }
  }

  #attach(endpoint: Endpoint): void {
    const mtu = this.node.mtuOf(endpoint.network);
    const { portOf } = this.#options;
    if (portOf !== undefined) {
      this.node.attach(endpoint.name, portOf(endpoint, mtu));
      return;
    }
    const settings = settingsOf(endpoint, this.node.tables, mtu);
    if (!isInterfaceName(settings.device)) {
      const rule = 'an interface has a name of 1 to 15 letters, digits and ._-';
      throw new LiveError('BAD_NODE', `endpoint ${endpoint.name}: ${rule}; give it one by device:`);
    }
    const namespace = settings.netns === undefined ? undefined : namespaceIdentity(settings.netns);
    this.node.attach(endpoint.name, new TapDevice({ ...settings, unfinishedChecksums: this.#unfinishedChecksums }));
    this.#made.set(endpoint.name, { settings: JSON.stringify(settings), namespace });
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

/** What the TAP device of an endpoint is to have: its MAC and address, on its subnet. */
function settingsOf(
  { name, device = name, netns, mac, ip, network }: Endpoint,
  tables: ReadonlyNodeTables,
  mtu: number,
): TapOptions {
  const address = ip === undefined ? undefined : addressOn(ip, tables.networks[network]?.subnets ?? []);
  return {
    device,
    mac,
    mtu,
    ...(netns === undefined ? {} : { netns }),
    ...(address === undefined ? {} : { address }),
  };
}

function addressOn(ip: Uint8Array, subnets: readonly Prefix[]): Prefix {
  const subnet = subnets.find((candidate) => prefixContains(candidate, ip));
  return { address: ip, length: subnet?.length ?? ip.length * 8 };
}
