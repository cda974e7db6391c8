/** Services as a swarm's manager describes them, and the networks and nodes that they run on. */
import type { SubnetPoolsOptions } from '../ipam/subnet-pools.js';
import type { Prefix } from '../prefix.js';
import type { DriverOptions } from './driver-options.js';
import type { PublishedPort } from './published-port.js';

/** How clients find a service's tasks (`--endpoint-mode`). */
export const ServiceMode = {
  /** By a virtual IP per network, behind which a load balancer distributes connections. */
  Vip: 'vip',
  /** By the addresses of all tasks, in the DNS answer. */
  DnsRr: 'dnsrr',
} as const;
export type ServiceMode = (typeof ServiceMode)[keyof typeof ServiceMode];

/** The states of a task, in their order: a task never goes back to an earlier one. */
export const TASK_STATES = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
  'orphaned',
] as const;
/** State of a task, as `docker service ps` shows it. */
export type TaskState = (typeof TASK_STATES)[number];

/** Whether a task has ended: it holds no addresses any more. */
export function hasEnded(state: TaskState): boolean {
  return TASK_STATES.indexOf(state) > TASK_STATES.indexOf('running');
}

/** Whether a node takes tasks (`docker node update --availability`). */
export const NodeAvailability = {
  Active: 'active',
  /** It gets no tasks, and those that it has end: they get no new connections. */
  Drain: 'drain',
} as const;
export type NodeAvailability = (typeof NodeAvailability)[keyof typeof NodeAvailability];

/** How many tasks a service has (`--mode`). */
export const Deployment = {
  /** As many as asked for. */
  Replicated: 'replicated',
  /** One on each node. */
  Global: 'global',
} as const;
export type Deployment = (typeof Deployment)[keyof typeof Deployment];

/** What a node runs. */
export const NodeOs = { Linux: 'linux', Windows: 'windows' } as const;
export type NodeOs = (typeof NodeOs)[keyof typeof NodeOs];

/** A node of a swarm. */
export interface SwarmNode {
  readonly name: string;
  /** The address that it advertises for management and gossip (`--advertise-addr`): 4 or 16 bytes. */
  readonly advertise: Uint8Array;
  /** Its VTEP's address (`--data-path-addr`): 4 or 16 bytes. */
  readonly dataPath: Uint8Array;
  readonly os: NodeOs;
  /** @default 'active' */
  readonly availability?: NodeAvailability;
}

/** A subnet of a network, as asked for. */
export interface SubnetRequest {
  readonly subnet: Prefix;
  /** 4 or 16 bytes; undefined to take the first free address. */
  readonly gateway?: Uint8Array;
  /** The part of the subnet that addresses are given out from (`--ip-range`). */
  readonly range?: Prefix;
}

/** A network of a swarm, as asked for. */
export interface SwarmNetwork {
  readonly name: string;
  /** Empty for one subnet from the address pools. */
  readonly subnets: readonly SubnetRequest[];
  readonly options: DriverOptions;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether containers that belong to no service may join. */
  readonly attachable: boolean;
  /** Whether its containers have no route out of it. */
  readonly internal: boolean;
  /** Whether it carries the connections to published ports. */
  readonly ingress: boolean;
  /** Addresses asked for the nodes' load balancers, by name of the node: 4 bytes each. */
  readonly balancers?: ReadonlyMap<string, Uint8Array>;
}

/** A service's membership in a network. */
export interface ServiceNetwork {
  readonly network: string;
  /** Further names of the service in it. */
  readonly aliases: readonly string[];
}

/** What distinguishes a task from others of its service: a number from 1, or the node's name for a global service. */
export type TaskSlot = number | string;

/** A task of a service: one container. */
export interface Task {
  /** Unique within the service. */
  readonly slot: TaskSlot;
  /** Name of its node; undefined if it isn't assigned to one. */
  readonly node: string | undefined;
  readonly state: TaskState;
  /**
   * Whether it is shutting down: it keeps its connections and its addresses, but gets no new connections.
   * @default false
   */
  readonly drain?: boolean;
  /** Its id, the last part of its name in DNS: `my-web.1.j41qw6u3cnhesobnnafym7p32`. */
  readonly id?: string;
  /** Addresses asked for, by network: 4 bytes each. */
  readonly addresses?: ReadonlyMap<string, Uint8Array>;
  /** The network namespace of its interfaces. */
  readonly netns?: string;
  /** Names of its interfaces, by network. */
  readonly devices?: ReadonlyMap<string, string>;
}

/** A service. */
export interface Service {
  readonly name: string;
  readonly mode: ServiceMode;
  readonly networks: readonly ServiceNetwork[];
  readonly ports: readonly PublishedPort[];
  /** In the order in which they get their addresses. */
  readonly tasks: readonly Task[];
  /** @default its name */
  readonly id?: string;
  /** @default 'replicated' */
  readonly deploy?: Deployment;
  /** Virtual IPs asked for, by network: 4 bytes each. */
  readonly vips?: ReadonlyMap<string, Uint8Array>;
  /** @default none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A container that belongs to no service and is attached to a network by hand. */
export interface AttachedContainer {
  readonly name: string;
  readonly network: string;
  readonly node: string;
  /** Its address if it was asked for: 4 bytes. */
  readonly address?: Uint8Array;
}

/** A swarm: what its manager was asked for, each list in the order of creation. */
export interface Swarm {
  readonly nodes: readonly SwarmNode[];
  readonly networks: readonly SwarmNetwork[];
  readonly services: readonly Service[];
  readonly containers: readonly AttachedContainer[];
  /** Where subnets come from. Default: 10.0.0.0/8 in subnets of /24, the lowest free one first. */
  readonly pools?: SubnetPoolsOptions;
}

/** The name of a task's container, without the id at its end. */
export function taskName(service: string, slot: TaskSlot): string {
  return `${service}.${slot}`;
}
