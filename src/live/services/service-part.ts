/** What runs beside the load balancers on account of an overlay's services: the gateway, DNS, published ports. */
import type { Topology } from '../../overlay/index.js';
import type { StatusSection } from '../status/status-section.js';

/** A part. It starts when it is created, and must never delay packets. */
export interface ServicePart {
  /** What it is, as the name of its section in a status: `gateway`, `dns`. */
  readonly name: string;
  /** What it does at present, for the lines at the start of `vtep up`. */
  readonly lines: readonly string[];
  /** Follows a change of the topology. Problems are reported, not thrown. */
  update(topology: Topology): void;
  /** Called about once per second, for what fails and heals without a change of the topology. */
  check(): void;
  /** What it has and has done. */
  status(): StatusSection;
  /** Undoes everything that it did to the host. */
  close(): Promise<void>;
}
