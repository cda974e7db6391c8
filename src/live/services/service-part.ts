/** What runs beside the load balancers on account of an overlay's services: the gateway, DNS, published ports. */
import type { GatewaySettings, ServiceChange, Topology } from '../../overlay/index.js';
import type { PrometheusText } from '../metrics/prometheus-text.js';
import type { StatusSection } from '../status/status-section.js';

/** What parts follow, as it is when it is read. */
export interface PartSource {
  /** The node's topology with its services: made when it is read, in time that grows with it. */
  readonly topology: Topology;
  /** The gateway's settings in it. */
  readonly gateway: GatewaySettings | undefined;
}

/** A part. It must never delay packets: what takes long happens in other threads, or later. */
export interface ServicePart {
  /** What it is, as the name of its section in a status: `gateway`, `dns`, `mesh`. */
  readonly name: string;
  /** What it does at present, for the lines at the start of `vtep up`. */
  readonly lines: readonly string[];
  /** Follows a change of the topology, perhaps later. Problems are reported, not thrown. */
  update(source: PartSource): void;
  /**
   * Follows single changes of services at once, with this node's waiting tasks as disabled.
   * @default it isn't told, since `update` follows soon
   */
  applyServices?(changes: readonly ServiceChange[]): void;
  /**
   * Follows changes of this node's endpoints, where services were told to `applyServices`.
   * @default `update`
   */
  refresh?(source: PartSource): void;
  /** Resolves when the last update has taken effect, or its problems were reported. */
  settled(): Promise<void>;
  /** Called about once per second, for what fails and heals without a change of the topology. */
  check(): void;
  /** What it has and has done. */
  status(): StatusSection;
  /** Adds its counters to a page of metrics. */
  addMetrics(text: PrometheusText): void;
  /**
   * Takes no more work for clients, and lets what is under way end while packets still flow. `close` follows.
   * @param patience milliseconds after which it gives up
   * @returns undefined if there is nothing to wait for
   * @default nothing to wait for
   */
  drain?(patience: number): Promise<void> | undefined;
  /** Undoes everything that it did to the host. */
  close(): Promise<void>;
}
