/**
 * The TAP devices of a gateway network: one in the host and one in each container's namespace. They are created in
 * another thread while packets flow; one that fails is tried again, and doesn't delay the others.
 */
import type { GatewaySettings } from '../../overlay/index.js';
import { GatewayAddresses, GatewayError, GatewayPortKind } from '../../service/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { formatIpv4, macOfIpv4 } from '../../wire/index.js';
import { VtepError } from '../../error.js';
import { LiveError } from '../error.js';
import { AttemptQueue } from '../node/attempt-queue.js';
import type { FramePortCounters } from '../port/frame-port.js';
import { namespaceIdentity } from '../system/network-namespace.js';
import type { TapDevice } from '../tap/tap.js';
import { TapMaker } from '../tap/tap-maker.js';
import type { TapOptions } from '../tap/tap-opening.js';
import type { GatewayPorts } from './gateway-ports.js';
import { enableForwarding } from './host-forwarding.js';

/** A container that reaches the outside through the gateway. */
export interface GatewayContainer {
  /** Its network namespace: an `ip netns` name or a path. */
  readonly netns: string;
  /** Name of its interface there, such as `eth1`. */
  readonly device: string;
}

/** An interface of the gateway network. */
export interface GatewayInterface {
  /** The container's key; undefined for the host. */
  readonly container: string | undefined;
  /** 4 bytes. */
  readonly address: Uint8Array;
  /** Name of the device with its namespace, for reports; undefined while there is none. */
  readonly name: string | undefined;
  /** Frames from and to it, since it was created; undefined while there is none. */
  readonly counters: FramePortCounters | undefined;
}

/** Maximum number of devices requested at a time. */
const MAX_PENDING = 4;
/** Key of the host's device; containers have others. */
const HOST = '';
const MILLISECONDS = 1000;

/** A device that there should be. Replaced when its settings change. */
interface Wanted {
  readonly options: TapOptions;
  readonly address: Uint8Array;
  /** The device, once it is there. */
  device: TapDevice | undefined;
  /** Its port in the switch. */
  port: number;
  /** Identity of its namespace at its creation. */
  namespace: string | undefined;
}

/** The devices of a gateway. */
export class GatewayDevices {
  readonly addresses: GatewayAddresses;
  readonly #settings: GatewaySettings;
  readonly #ports: GatewayPorts;
  readonly #tell: (text: string) => void;
  readonly #maker = new TapMaker();
  readonly #queue = new AttemptQueue();
  readonly #wanted = new Map<string, Wanted>();
  /** The last problem reported for each key. */
  readonly #reported = new Map<string, string>();
  #settled: (() => void)[] = [];
  #pending = 0;
  #closed = false;
  /** An unexpected error of a pending request, rethrown by `check`. */
  #internalError: Error | undefined;

  /**
   * @param tell receives a description of each problem, and of its end
   * @throws GatewayError `BAD_GATEWAY`, `GATEWAY_FULL` for a subnet that can't be used
   */
  constructor(settings: GatewaySettings, ports: GatewayPorts, tell: (text: string) => void) {
    this.addresses = new GatewayAddresses(settings.subnet, settings.gateway);
    this.#settings = settings;
    this.#ports = ports;
    this.#tell = tell;
  }

  /**
   * Creates the host's device.
   * @throws LiveError as `openTap`
   */
  async open(): Promise<void> {
    const { name, gateway } = this.#settings;
    const wanted = this.#wantedOf({ device: name }, gateway);
    const device = await this.#maker.make(wanted.options);
    this.#wanted.set(HOST, wanted);
    this.#attach(HOST, wanted, device, undefined);
  }

  /** Brings the devices in line with a set of containers. Addresses are given out in its order, and kept. */
  update(containers: ReadonlyMap<string, GatewayContainer>): void {
    for (const [key, wanted] of this.#wanted) {
      if (key === HOST) continue;
      const container = containers.get(key);
      if (container === undefined) this.#forget(key);
      else if (container.netns !== wanted.options.netns || container.device !== wanted.options.device) {
        this.#detach(wanted);
        this.#wanted.set(key, this.#wantedOf(container, wanted.address));
      }
    }
    this.#reported.clear();
    this.#queue.restart();
    for (const [key, container] of containers) {
      if (key === HOST) throw new LiveError('BAD_NODE', "a container's key must not be empty");
      if (!this.#wanted.has(key)) this.#add(key, container);
    }
    this.#request();
  }

  /** The address of a container's interface: 4 bytes. Undefined for one that isn't in the set. */
  addressOf(key: string): Uint8Array | undefined {
    return key === HOST ? undefined : this.#wanted.get(key)?.address;
  }

  /** Whether a container's interface exists. */
  has(key: string): boolean {
    return this.#wanted.get(key)?.device !== undefined;
  }

  /**
   * Releases devices that failed or whose namespace changed, and requests missing ones.
   * @throws unexpected errors since the last call; LiveErrors are reported instead
   */
  check(): void {
    if (this.#internalError !== undefined) throw this.#internalError;
    for (const [key, wanted] of this.#wanted) {
      const problem = problemOf(wanted);
      if (problem === undefined) continue;
      this.#report(key, problem);
      this.#detach(wanted);
    }
    this.#request();
  }

  /** Releases devices that failed, which poll(2) would report as ready without end. */
  dropFailed(): void {
    for (const [key, wanted] of this.#wanted) {
      const failure = wanted.device?.failure;
      if (failure === undefined) continue;
      this.#report(key, failure);
      this.#detach(wanted);
    }
  }

  /** The host's interface, and that of each container in the set. */
  get interfaces(): GatewayInterface[] {
    return [...this.#wanted].map(([key, { address, device }]) => {
      return { container: key === HOST ? undefined : key, address, name: device?.name, counters: device?.counters };
    });
  }

  /** Resolves when each missing device has been created or has failed, or on `close`. */
  settled(): Promise<void> {
    return new Promise((done) => {
      this.#settled.push(done);
      this.#resolveSettled();
    });
  }

  /** Closes all devices. */
  close(): void {
    this.#closed = true;
    this.#maker.close();
    for (const wanted of this.#wanted.values()) this.#detach(wanted);
    this.#wanted.clear();
    this.#resolveSettled();
  }

  #add(key: string, container: GatewayContainer): void {
    try {
      this.#wanted.set(key, this.#wantedOf(container, this.addresses.take(key)));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#report(key, error.message);
    }
  }

  #forget(key: string): void {
    const wanted = this.#wanted.get(key);
    if (wanted !== undefined) this.#detach(wanted);
    this.#wanted.delete(key);
    this.#reported.delete(key);
    this.addresses.release(key);
  }

  #wantedOf({ device, netns }: { readonly device: string; readonly netns?: string }, address: Uint8Array): Wanted {
    const { subnet, mtu, gateway } = this.#settings;
    const own = { device, mac: macOfIpv4(address), mtu, address: { address, length: subnet.length } };
    const options = netns === undefined ? own : { ...own, netns, defaultGateway: gateway, loopback: true };
    return { options, address, device: undefined, port: -1, namespace: undefined };
  }

  /** Queues the missing devices, and requests those that are due. */
  #request(): void {
    const keys = new Map<string, string>();
    for (const [key, { options, device }] of this.#wanted) {
      if (device !== undefined) continue;
      const namespace = options.netns === undefined ? '' : (namespaceIdentity(options.netns) ?? '');
      keys.set(key, `${namespace} ${JSON.stringify(options)}`);
    }
    this.#queue.want(keys, seconds());
    this.#requestDue();
  }

  #requestDue(): void {
    while (!this.#closed && this.#pending < MAX_PENDING) {
      const key = this.#queue.take(seconds());
      if (key === undefined) break;
      const wanted = this.#wanted.get(key);
      if (wanted === undefined || wanted.device !== undefined) this.#queue.done(key);
      else void this.#make(key, wanted);
    }
    this.#resolveSettled();
  }

  /** Creates a device, and attaches it unless it is no longer wanted by then. */
  async #make(key: string, wanted: Wanted): Promise<void> {
    this.#pending++;
    let device: TapDevice | undefined;
    try {
      const { netns } = wanted.options;
      const namespace = netns === undefined ? undefined : namespaceIdentity(netns);
      device = await this.#maker.make(wanted.options);
      if (this.#closed || this.#wanted.get(key) !== wanted) {
        device.close();
      } else {
        this.#attach(key, wanted, device, namespace);
        if (this.#reported.delete(key)) this.#tell(`${nameOf(key)}: ${device.name} was created`);
      }
      this.#queue.done(key);
    } catch (error) {
      device?.close();
      this.#queue.failed(key, seconds());
      if (!(error instanceof VtepError)) this.#internalError ??= error as Error;
      else if (!this.#closed) this.#report(key, error.message);
    }
    this.#pending--;
    if (!this.#closed) this.#request();
  }

  #attach(key: string, wanted: Wanted, device: TapDevice, namespace: string | undefined): void {
    const { address, options } = wanted;
    const kind = key === HOST ? GatewayPortKind.Host : GatewayPortKind.Container;
    wanted.port = this.#ports.attach(device, { kind, mac: options.mac, address });
    wanted.device = device;
    wanted.namespace = namespace;
    if (key === HOST) enableForwarding(options.device, this.#tell);
  }

  #detach(wanted: Wanted): void {
    if (wanted.device === undefined) return;
    this.#ports.detach(wanted.port);
    wanted.device.close();
    wanted.device = undefined;
  }

  /** Reports a problem once, however often the attempt is repeated. */
  #report(key: string, text: string): void {
    if (this.#reported.get(key) === text) return;
    this.#reported.set(key, text);
    const address = this.#wanted.get(key)?.address;
    this.#tell(`${nameOf(key)}${address === undefined ? '' : ` (${formatIpv4(address)})`}: ${text}`);
  }

  #resolveSettled(): void {
    if (this.#settled.length === 0 || (this.#queue.untried && !this.#closed)) return;
    for (const done of this.#settled.splice(0)) done();
  }
}

function nameOf(key: string): string {
  return key === HOST ? "the gateway's interface" : `the gateway of ${inQuotes(key)}`;
}

/** Why a device can't stay. A namespace may outlive its name, for the processes in it; the device stays then, too. */
function problemOf({ device, options: { netns }, namespace }: Wanted): string | undefined {
  if (device === undefined) return undefined;
  if (device.failure !== undefined) return device.failure;
  if (netns === undefined) return undefined;
  const now = namespaceIdentity(netns);
  const stays = now === undefined ? !device.holdsNamespace : now === namespace;
  if (stays) return undefined;
  return `the network namespace ${inQuotes(netns)} is ${now === undefined ? 'gone' : 'now a different one'}`;
}

function seconds(): number {
  return performance.now() / MILLISECONDS;
}
