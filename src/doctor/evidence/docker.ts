/** What Docker says about a node and its networks. */
import type { Placed } from './place.js';

/** An overlay network as one node's `docker network inspect` shows it. */
export interface NetworkView extends Placed {
  readonly name: string;
  /** Empty if not shown. */
  readonly id: string;
  readonly ingress: boolean;
  /** One per subnet; empty if the node doesn't use the network. */
  readonly vnis: readonly number[];
  readonly subnets: readonly string[];
  readonly encrypted: boolean;
  /** The value of the option `encrypted`; undefined without it. */
  readonly encryptedOption: string | undefined;
  /** `com.docker.network.driver.mtu`, in bytes; undefined without it. */
  readonly driverMtu: number | undefined;
  /** All options of the network. */
  readonly options: Readonly<Record<string, string>>;
  readonly ipv6: boolean;
  /** Endpoints on this node. */
  readonly endpoints: readonly {
    readonly name: string;
    readonly mac: string;
    /** Empty if it has none. */
    readonly ipv4: string;
    readonly ipv6: string;
  }[];
  /** Addresses of the nodes on the network. */
  readonly peers: readonly string[];
  /** Tasks on all nodes (`--verbose`); undefined without. */
  readonly tasks:
    | readonly {
        readonly name: string;
        readonly service: string;
        /** Empty if it has none. */
        readonly vip: string;
        readonly ip: string;
        /** VTEP of its node; empty if not shown. */
        readonly host: string;
      }[]
    | undefined;
  readonly classic: boolean;
}

/** A service of `docker service inspect`. */
export interface ServiceView extends Placed {
  readonly id: string;
  readonly name: string;
  readonly endpointMode: 'vip' | 'dnsrr';
  readonly vips: readonly { readonly network: string; readonly address: string }[];
  readonly ports: readonly {
    readonly published: number;
    readonly target: number;
    readonly protocol: string;
    readonly mode: string;
  }[];
}

/** A node's engine: `docker info`, `docker version`. */
export interface EngineView extends Placed {
  /** `29.1.3`; empty if not shown. */
  readonly version: string;
  readonly kernel: string;
  readonly name: string;
  /** `active`, `inactive`...; empty if not shown. */
  readonly swarm: string;
  /** Id of the swarm, which managers know; empty or undefined if not shown. */
  readonly cluster?: string;
  readonly nodeAddress: string;
  /** Data path port; 0 if not shown. */
  readonly dataPathPort: number;
  readonly managers: readonly string[];
  /** Warnings that Docker printed. */
  readonly warnings: readonly string[];
}

/** A line of an engine's or a kernel's log that a finding is about. */
export interface LogLine extends Placed {
  readonly text: string;
}
