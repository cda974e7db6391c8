/**
 * The interfaces of a node's endpoints: creates missing ones, and releases those whose settings or namespace changed.
 * TAP devices are created while packets flow; one that fails doesn't delay the others.
 */
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../overlay/internal.js';
import {
  type Endpoint,
  endpointId,
  EndpointKind,
  type Prefix,
  prefixContains,
  type ReadonlyNodeTables,
} from '../../overlay/index.js';
import { AttemptQueue } from './attempt-queue.js';
import { LiveError } from '../error.js';
import type { FramePort } from '../port/frame-port.js';
import type { LiveNode } from './live-node.js';
import { namespaceIdentity } from '../system/network-namespace.js';
import type { TapDevice } from '../tap/tap.js';
import { type QueueUsers, TapMaker } from '../tap/tap-maker.js';
import type { TapOptions } from '../tap/tap-opening.js';

/** How to create interfaces. */
export interface EndpointDevicesOptions {
  /** Whether frames may have partial checksums, which the kernel then completes. */
  readonly partialChecksums: boolean;
  /**
   * Creates a port.
   * @default a TAP device
   */
  readonly portOf?: ((endpoint: Endpoint, mtu: number) => FramePort) | undefined;
  /**
   * Puts something around a device, which closes it.
   * @default nothing
   */
  readonly around?: (endpoint: Endpoint, device: FramePort) => FramePort;
  /**
   * Other threads that each serve a queue of the devices that nothing is put around.
   * @default none
   */
  readonly workers?: DeviceWorkers | undefined;
  /** Called with a description of each problem of an endpoint's interface, and when it is resolved. */
  readonly tell: (endpoint: string, text: string) => void;
}

/** Threads that serve queues of devices. */
export interface DeviceWorkers extends QueueUsers {
  /** How many there are. */
  readonly count: number;
  /**
   * Gives each of them a queue of an endpoint's device.
   * @param queues a descriptor for each
   */
  attach(endpoint: string, queues: readonly number[], options: TapOptions): void;
}

/** Ports that `update` creates immediately through `portOf`; others follow between turns. */
const AT_ONCE = 32;
const BETWEEN_TURNS = 4;
/** Maximum number of devices requested at a time, so that the thread has work while this one waits for packets. */
const MAX_PENDING = 4;
const MILLISECONDS = 1000;

/** The interfaces of the endpoints of a `LiveNode`. */
export class EndpointDevices {
  readonly #node: LiveNode;
  readonly #options: EndpointDevicesOptions;
  readonly #maker: TapMaker;
  /** Each endpoint's TAP device, with its settings and namespace. */
  readonly #attached = new Map<string, Made>();
  readonly #queue = new AttemptQueue();
  #pending = 0;
  /** The last reason reported for each endpoint without a device. */
  readonly #reported = new Map<string, string>();
  /** Called when all first attempts are complete. */
  #settled: (() => void)[] = [];
  #closed = false;
  /** An unexpected error of a pending request, rethrown by `turn`. */
  #internalError: Error | undefined;

  constructor(node: LiveNode, options: EndpointDevicesOptions) {
    this.#node = node;
    this.#options = options;
    this.#maker = new TapMaker(options.workers);
  }

  /**
   * Creates all interfaces.
   * @throws LiveError for the first that can't be created; anything that `portOf` throws
   */
  async open(): Promise<void> {
    const { portOf } = this.#options;
    for (const endpoint of this.#unattached()) {
      if (portOf !== undefined) this.#attachPort(endpoint, portOf);
      else this.#attachTap(endpoint, await this.#make(endpoint));
    }
  }

  /**
   * Brings the devices in line with the node's topology, as far as possible immediately.
   * @param ids endpoints that changed; default: all
   */
  update(ids?: ReadonlySet<string>): void {
    if (this.#options.portOf === undefined) this.#detachChanged(ids);
    if (ids === undefined) {
      this.#reported.clear();
      this.#queue.restart();
    } else {
      for (const id of ids) this.#reported.delete(id);
    }
    this.#queueMissing();
    this.#attachSome(AT_ONCE);
  }

  /** Resolves when each missing device has been created or has failed, or on `close`. */
  settled(): Promise<void> {
    return new Promise((done) => {
      this.#settled.push(done);
      this.#resolveSettled();
    });
  }

  /**
   * Continues what `update` left, between two turns of packets.
   * @throws unexpected errors since the last turn; LiveErrors are reported instead
   */
  turn(): void {
    if (this.#internalError !== undefined) throw this.#internalError;
    if (this.#options.portOf !== undefined && this.#queue.untried) this.#attachSome(BETWEEN_TURNS);
  }

  /** Detaches failed ports. */
  dropFailed(): void {
    for (const [endpoint, port] of this.#node.ports) {
      if (port.failure === undefined) continue;
      this.#reportOnce(endpoint, port.failure);
      this.#node.detach(endpoint);
    }
  }

  /** Releases devices whose namespace changed, and requests missing ones. */
  checkNamespaces(): void {
    if (this.#options.portOf !== undefined) return;
    this.#detachMoved();
    this.#queueMissing();
    this.#attachSome(MAX_PENDING);
  }

  /** Stops creating devices. Existing ones are closed with the node. */
  close(): void {
    this.#closed = true;
    this.#maker.close();
    this.#resolveSettled();
  }

  /** Queues the endpoints without a port. */
  #queueMissing(): void {
    const identities = new Map<string, string | undefined>();
    const keys = new Map<string, string>();
    for (const endpoint of this.#unattached()) {
      const { netns } = endpoint;
      if (netns !== undefined && !identities.has(netns)) identities.set(netns, namespaceIdentity(netns));
      const namespace = netns === undefined ? '' : (identities.get(netns) ?? '');
      keys.set(endpointId(endpoint), `${namespace} ${JSON.stringify(this.#settingsOf(endpoint))}`);
    }
    this.#queue.want(keys, seconds());
  }

  /** Requests the devices that are due, or creates at limit `limit` ports through `portOf`. */
  #attachSome(limit: number): void {
    const { portOf } = this.#options;
    for (let i = 0; !this.#closed && (portOf === undefined ? this.#pending < MAX_PENDING : i < limit); i++) {
      const id = this.#queue.take(seconds());
      if (id === undefined) break;
      const endpoint = this.#endpointWithoutPort(id);
      if (endpoint === undefined) this.#queue.done(id);
      else if (portOf === undefined)
        this.#request(endpoint).catch((error: unknown) => (this.#internalError ??= error as Error));
      else this.#tryPort(endpoint, portOf);
    }
    this.#resolveSettled();
  }

  /** Creates a port through `portOf`. A failed one is not retried before the next update. */
  #tryPort(endpoint: Endpoint, portOf: (endpoint: Endpoint, mtu: number) => FramePort): void {
    const id = endpointId(endpoint);
    this.#queue.done(id);
    try {
      this.#attachPort(endpoint, portOf);
      this.#reportRecreated(id);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      this.#reportOnce(id, error.message);
    }
  }

  /** Requests a device, and attaches it unless the config has changed by then. */
  async #request(endpoint: Endpoint): Promise<void> {
    const id = endpointId(endpoint);
    this.#pending++;
    try {
      const made = await this.#make(endpoint);
      this.#queue.done(id);
      const now = this.#endpointWithoutPort(id);
      if (now === undefined || JSON.stringify(this.#settingsOf(now)) !== made.settings) {
        made.device.close();
        this.#queueMissing();
      } else {
        this.#attachTap(now, made);
        this.#reportRecreated(id);
      }
    } catch (error) {
      this.#queue.failed(id, seconds());
      if (!(error instanceof LiveError)) throw error;
      if (!this.#closed) this.#reportOnce(id, error.message);
    } finally {
      this.#pending--;
    }
    this.#attachSome(MAX_PENDING);
  }

  async #make(endpoint: Endpoint): Promise<Made> {
    const options = this.#settingsOf(endpoint);
    if (!isInterfaceName(options.device)) {
      throw new LiveError('BAD_NODE', `endpoint ${endpoint.name}: ${INTERFACE_NAME_RULE}; set one with device:`);
    }
    const namespace = options.netns === undefined ? undefined : namespaceIdentity(options.netns);
    const { partialChecksums, workers } = this.#options;
    const made = { ...options, partialChecksums, ...(workers === undefined ? {} : { queues: 1 + workers.count }) };
    const device = await this.#maker.make(made);
    return { device, options: made, settings: JSON.stringify(options), namespace };
  }

  #attachTap(endpoint: Endpoint, { device, options, settings, namespace }: Made): void {
    const id = endpointId(endpoint);
    const port = this.#options.around?.(endpoint, device) ?? device;
    this.#node.attach(id, port);
    // What is around a device sees all of its frames.
    if (port === device) this.#options.workers?.attach(id, device.others, options);
    else device.closeOthers();
    this.#attached.set(id, { settings, options, namespace, device });
  }

  #attachPort(endpoint: Endpoint, portOf: (endpoint: Endpoint, mtu: number) => FramePort): void {
    this.#node.attach(endpointId(endpoint), portOf(endpoint, this.#node.mtuOf(endpoint.network)));
  }

  /** Releases devices whose namespace changed because a container was restarted. */
  #detachMoved(): void {
    const identities = new Map<string, string | undefined>();
    for (const id of this.#node.ports.keys()) {
      const netns = this.#node.endpoint(id)?.netns;
      if (netns === undefined) continue;
      if (!identities.has(netns)) identities.set(netns, namespaceIdentity(netns));
      const now = identities.get(netns);
      // A namespace may outlive its name, for the processes in it. Keep the device then, unless it may itself be what
      // keeps the namespace alive.
      const stays =
        now === undefined
          ? this.#attached.get(id)?.device.holdsNamespace !== true
          : now === this.#attached.get(id)?.namespace;
      if (stays) continue;
      const what = JSON.stringify(netns);
      this.#reportOnce(id, `the network namespace ${what} is ${now === undefined ? 'gone' : 'now a different one'}`);
      this.#node.detach(id);
    }
  }

  /** Releases devices whose settings changed. */
  #detachChanged(ids?: ReadonlySet<string>): void {
    for (const id of [...(ids ?? this.#node.ports.keys())]) {
      const endpoint = this.#node.endpoint(id);
      if (endpoint === undefined || !this.#node.ports.has(id)) continue;
      if (endpoint.kind === EndpointKind.Balancer) continue;
      const settings = JSON.stringify(this.#settingsOf(endpoint));
      if (this.#attached.get(id)?.settings !== settings) this.#node.detach(id);
    }
    for (const id of this.#attached.keys()) if (!this.#node.ports.has(id)) this.#attached.delete(id);
    if (ids === undefined) this.#detachMoved();
  }

  /** The node's endpoint with an id, if it has no port. */
  #endpointWithoutPort(id: string): Endpoint | undefined {
    return this.#node.ports.has(id) ? undefined : this.#node.endpoint(id);
  }

  /** The node's endpoints without a port. Load balancers have no interface. */
  #unattached(): Endpoint[] {
    const { tables } = this.#node;
    const ids = new Set<string>();
    for (const list of tables.columns.local) {
      for (const index of list) {
        const endpoint = tables.endpoints[index];
        if (endpoint !== undefined && endpoint.kind !== EndpointKind.Balancer) ids.add(endpointId(endpoint));
      }
    }
    return [...ids].map((id) => this.#endpointWithoutPort(id)).filter((endpoint) => endpoint !== undefined);
  }

  #settingsOf(endpoint: Endpoint): TapOptions {
    return settingsOf(endpoint, this.#node.tables, this.#node.mtuOf(endpoint.network));
  }

  #reportRecreated(id: string): void {
    if (!this.#reported.delete(id)) return;
    this.#options.tell(id, `${this.#node.ports.get(id)?.name ?? 'its interface'} was recreated`);
  }

  /** Reports a reason once, however often the attempt is repeated. */
  #reportOnce(id: string, text: string): void {
    if (this.#reported.get(id) === text) return;
    this.#options.tell(id, text);
    this.#reported.set(id, text);
  }

  #resolveSettled(): void {
    if (this.#settled.length === 0 || (this.#queue.untried && !this.#closed)) return;
    const settled = this.#settled;
    this.#settled = [];
    for (const done of settled) done();
  }
}

/** A device that isn't attached yet, and the settings it was created with. */
interface Made {
  readonly device: TapDevice;
  readonly options: TapOptions;
  readonly settings: string;
  readonly namespace: string | undefined;
}

function seconds(): number {
  return performance.now() / MILLISECONDS;
}

/** The settings of an endpoint's TAP device: its MAC, and its address with its subnet's prefix length. */
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
