/** The services of an overlay as its nodes know them, whether they come from a config, from inspect dumps or from gossip. */
import type { Prefix } from '../prefix.js';
import type { MeshSettings } from './mesh-settings.js';
import type { PublishedPort } from './published-port.js';
import type { ServiceLabels } from './service-labels.js';

/** What a record says about the service that its task belongs to. */
export interface RecordService {
  readonly id: string;
  readonly name: string;
  /** Its virtual IP on the record's network: 4 bytes. Undefined for DNS round-robin. */
  readonly vip?: Uint8Array | undefined;
  readonly aliases?: readonly string[];
  /** On the ingress network its ports in ingress mode; on the others those in host mode. */
  readonly ports?: readonly PublishedPort[];
}

/** A task or a container on a network: what Docker's `endpoint_table` has a record of. */
export interface ServiceRecord {
  /** Name of its network. */
  readonly network: string;
  /** Its key, unique on the network. */
  readonly endpoint: string;
  /** Its primary name, as PTR answers give it: `my-web.1.j41qw6u3cnhesobnnafym7p32` for a task. */
  readonly name: string;
  /** Name of its node. */
  readonly node: string;
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** Undefined for a plain container. */
  readonly service?: RecordService | undefined;
  /** Other names of this endpoint alone: the short container id, `--network-alias` of a plain container. */
  readonly aliases?: readonly string[];
  /** The task is shutting down: it keeps its connections, gets no new ones, and has no names. */
  readonly disabled?: boolean;
}

/** A network that has services. */
export interface ServiceNetworkSet {
  /** The network's name in the topology. */
  readonly name: string;
  /** Whether it carries the connections to published ports. */
  readonly ingress: boolean;
  /** Whether it has no route out. */
  readonly internal: boolean;
  /** Whether tasks answer clients directly (`--opt dsr`). */
  readonly dsr: boolean;
  /** Addresses of the nodes' load balancers, by name of the node: 4 bytes each. */
  readonly balancers: Readonly<Record<string, Uint8Array>>;
}

/** The bridge through which containers reach the outside: docker_gwbridge. */
export interface GatewaySettings {
  /** Name of the host's interface. */
  readonly name: string;
  readonly subnet: Prefix;
  /** The host's address on it: 4 bytes. */
  readonly gateway: Uint8Array;
  /** In bytes. */
  readonly mtu: number;
  /** Whether containers reach each other through it (`com.docker.network.bridge.enable_icc`). */
  readonly icc: boolean;
  /** Whether the host's address replaces theirs on egress. */
  readonly masquerade: boolean;
}

/** Which behaviour is followed where Docker's own has faults. */
export const Compatibility = {
  /** As Docker does, faults included. */
  Docker: 'docker',
  /** Without Docker's faults, where vtep knows a better way that other nodes don't notice. */
  Improved: 'improved',
} as const;
export type Compatibility = (typeof Compatibility)[keyof typeof Compatibility];

/** All services of an overlay, and what they run on. */
export interface ServiceSet {
  readonly networks: readonly ServiceNetworkSet[];
  /** In the order in which nodes learn of them. */
  readonly records: readonly ServiceRecord[];
  /** Undefined if containers have no route to the outside. */
  readonly gateway: GatewaySettings | undefined;
  readonly compatibility: Compatibility;
  /** Labels of services that have some. @default none */
  readonly labels?: readonly ServiceLabels[];
  /** The HTTP routing mesh; undefined if nodes run none. */
  readonly mesh?: MeshSettings | undefined;
}
