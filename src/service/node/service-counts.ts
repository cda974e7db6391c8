/** What a node's load balancers have carried, with the names of services and tasks. */
import { portName } from '../../overlay/index.js';
import { formatIpv4 } from '../../wire/index.js';
import type { BackendCounts, BalanceAccounting, ServiceCounts } from '../balance/index.js';
import type { BalancedService } from './balanced-service.js';
import type { NetworkServices } from './network-services.js';

/** A backend's counts, and the task that it is. */
export interface TaskCounts extends BackendCounts {
  /** The task's name, as its record has it. */
  readonly task: string;
  readonly node: string;
}

/** A service's counts on a network. */
export interface BalancedCounts extends Omit<ServiceCounts, 'backends'> {
  /** Undefined where only published ports lead to it, or another service has its VIP. */
  readonly vip: string | undefined;
  /** The ports published on the ingress network: `8080/tcp`. */
  readonly published: readonly string[];
  /** In the scheduler's order. */
  readonly backends: readonly TaskCounts[];
}

/** A network's counts on a node. */
export interface NetworkCounts {
  readonly network: string;
  /** The load balancer's address; undefined without one. */
  readonly balancer: string | undefined;
  /** Connections in its table. */
  readonly connections: number;
  /** What became of all frames; undefined without a load balancer. */
  readonly accounting: BalanceAccounting | undefined;
  readonly services: readonly BalancedCounts[];
}

/** The counts of a network. @param node name of the node */
export function networkCountsOf({ set, balancer, services }: NetworkServices, node: string): NetworkCounts {
  const counts = new Map(balancer?.counts().map((one) => [one.id, one]));
  const own = Object.hasOwn(set.balancers, node) ? set.balancers[node] : undefined;
  return {
    network: set.name,
    balancer: balancer === undefined || own === undefined ? undefined : formatIpv4(own),
    connections: balancer?.table.size ?? 0,
    accounting: balancer?.accounting(),
    services: Array.from(services).flatMap((service) => {
      const found = service.id === undefined ? undefined : counts.get(service.id);
      return found === undefined ? [] : [balancedCountsOf(service, found)];
    }),
  };
}

function balancedCountsOf(service: BalancedService, counts: ServiceCounts): BalancedCounts {
  return {
    ...counts,
    vip: service.vipActive ? service.vip : undefined,
    published: service.portsActive.map(portName),
    backends: counts.backends.map((backend): TaskCounts => {
      const [held] = service.backends.get(backend.address)?.records ?? [];
      return { task: held.record.name, node: held.record.node, ...backend };
    }),
  };
}
