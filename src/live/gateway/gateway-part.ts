/** The gateway network of a running node: what docker_gwbridge is to a Docker engine, without a bridge. */
import { existsSync } from 'node:fs';
import type { Arena } from '../../memory/index.js';
import type { GatewaySettings } from '../../overlay/index.js';
import { GatewayPortKind, type OpenPort } from '../../service/index.js';
import { plain } from '../../text/plain-text.js';
import { macOfIpv4 } from '../../wire/index.js';
import { LiveError } from '../error.js';
import type { FramePort } from '../port/frame-port.js';
import type { LivePart } from '../port/live-part.js';
import { type GatewayContainer, GatewayDevices, type GatewayInterface } from './gateway-devices.js';
import { type GatewayCounters, GatewayPorts } from './gateway-ports.js';

/** What a gateway is made of. */
export interface GatewayPartOptions {
  readonly settings: GatewaySettings;
  /** Holds the frames on their way; may be that of the node. */
  readonly arena: Arena;
  /** Receives a description of each problem, of its end, and of settings of the host that were changed. */
  readonly tell: (text: string) => void;
  /**
   * Whether containers may only send from their own address. Docker doesn't check.
   * @default false
   */
  readonly checkAddresses?: boolean;
}

/**
 * A gateway: an interface in the host, one with a default route in each container, and the front leg of the ingress load
 * balancer. Containers of internal networks alone are not in its set, and get no route out. Its packets move in the
 * turns of the node that it is a part of.
 * @example
 * import { GatewayPart } from 'vtep/live';
 * import { Arena } from 'vtep/memory';
 * import { parsePrefix } from 'vtep/overlay';
 * import { parseIpv4 } from 'vtep/wire';
 *
 * const gateway = parseIpv4('172.18.0.1');
 * const subnet = parsePrefix('172.18.0.0/16');
 * const settings = { name: 'gateway0', subnet, gateway, mtu: 1500, icc: false, masquerade: true };
 * const part = await GatewayPart.open({ settings, arena: new Arena(), tell: console.error });
 * part.update(new Map([['web.1', { netns: 'web1', device: 'eth2' }]]));
 * await part.settled();
 * console.log(part.addressOf('web.1')); // 172.18.0.3
 * part.close();
 */
export class GatewayPart implements LivePart {
  readonly #ports: GatewayPorts;
  readonly #devices: GatewayDevices;
  #balancer = -1;

  private constructor({ settings, arena, tell, checkAddresses = false }: GatewayPartOptions) {
    this.#ports = new GatewayPorts(arena, { icc: settings.icc, checkAddresses });
    this.#devices = new GatewayDevices(settings, this.#ports, (text) => tell(plain(text)));
  }

  /**
   * Opens the host's interface, and enables forwarding there.
   * @throws LiveError `NOT_PERMITTED`, `SYSTEM_UNAVAILABLE`, `BAD_NODE`, `SYSTEM_CALL`, also if a bridge has its name;
   * GatewayError `BAD_GATEWAY` for a subnet or a gateway address that can't be used
   */
  static async open(options: GatewayPartOptions): Promise<GatewayPart> {
    const part = new GatewayPart(options);
    try {
      await part.#devices.open();
      return part;
    } catch (error) {
      part.close();
      if (!(error instanceof LiveError)) throw error;
      const { name } = options.settings;
      // A Docker engine that is in a swarm, or once was, has a bridge of the default name.
      const hint = existsSync(`/sys/class/net/${name}/bridge`)
        ? '; a bridge has this name: give the gateway another'
        : '';
      throw new LiveError(error.code, plain(`can't open the gateway's interface: ${error.message}${hint}`), {
        cause: error,
      });
    }
  }

  get descriptors(): readonly number[] {
    return this.#ports.descriptors;
  }

  get pending(): boolean {
    return this.#ports.pending;
  }

  /** Current sums of its frames. */
  get counters(): GatewayCounters {
    return this.#ports.counters;
  }

  /** The address of the ingress load balancer's front leg, whether it is attached or not: 4 bytes. */
  get sandbox(): Uint8Array {
    return this.#devices.addresses.sandbox;
  }

  /** The interfaces of the host and of each container in the set, for reports. */
  get interfaces(): readonly GatewayInterface[] {
    return this.#devices.interfaces;
  }

  turn(isReady: (index: number) => boolean): number {
    const moved = this.#ports.turn(isReady);
    if (moved === 0) this.#devices.dropFailed();
    return moved;
  }

  /**
   * Replaces the set of containers. Interfaces of new ones are created while packets flow (`settled`); those of removed
   * ones are closed. A container keeps its address while it is in the set.
   * @param containers by a key that identifies the container on this node
   * @throws LiveError `BAD_NODE` for an empty key; problems with an interface are reported instead, and it is retried
   * after a second, doubling up to a minute
   */
  update(containers: ReadonlyMap<string, GatewayContainer>): void {
    this.#devices.update(containers);
  }

  /** Resolves when each container has its interface or its failure was reported, or at `close`. */
  settled(): Promise<void> {
    return this.#devices.settled();
  }

  /** The address of a container in the set, whether its interface exists yet or not: 4 bytes. */
  addressOf(key: string): Uint8Array | undefined {
    return this.#devices.addressOf(key);
  }

  /** Whether a container's interface exists. */
  has(key: string): boolean {
    return this.#devices.has(key);
  }

  /**
   * Attaches the front leg of the ingress load balancer, or detaches it. Its frames have the MAC that Docker derives from
   * `sandbox`. The port is not closed with the gateway.
   * @param port undefined to have none
   */
  attachBalancer(port: FramePort | undefined): void {
    if (this.#balancer >= 0) this.#ports.detach(this.#balancer);
    this.#balancer = -1;
    if (port === undefined) return;
    const { sandbox: address } = this;
    this.#balancer = this.#ports.attach(port, { kind: GatewayPortKind.Balancer, mac: macOfIpv4(address), address });
  }

  /** Replaces the published ports, at which containers reach the load balancer directly despite `icc=false`. */
  publish(ports: readonly OpenPort[]): void {
    this.#ports.publish(ports);
  }

  /** Releases interfaces that failed or whose namespace changed, and retries what is due. Call it about once a second. */
  check(): void {
    this.#devices.check();
  }

  /** Closes the interfaces. Forwarding stays enabled in the host. */
  close(): void {
    this.attachBalancer(undefined);
    this.#devices.close();
  }
}
