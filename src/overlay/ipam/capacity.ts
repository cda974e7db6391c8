/** How many replicas a network has room for, as a sum that a person can check. */
import type { Prefix } from '../prefix.js';
import { prefixContains } from '../prefix.js';
import { AddressUse, type NetworkAllocation } from './network-allocation.js';

/** What a network's addresses go to. */
export interface Capacity {
  /** Addresses that are given out: those of the ranges, without network and broadcast address. */
  readonly addresses: number;
  readonly gateways: number;
  readonly vips: number;
  /** One per node, once each has a task of the network. */
  readonly loadBalancers: number;
  /** Containers that belong to no service. */
  readonly containers: number;
  /** What is left for tasks, of all services together; negative if the nodes alone need more. */
  readonly replicas: number;
  /** Tasks that have an address. */
  readonly tasks: number;
}

/**
 * Computes a network's capacity.
 * @param nodes number of nodes that may run its tasks
 */
export function capacityOf(network: NetworkAllocation, nodes: number): Capacity {
  const ranges = network.subnets.map(({ range }) => range);
  const inRange = network.addresses.filter(({ address }) => contains(ranges, address));
  const count = (use: AddressUse): number => inRange.filter((one) => one.use === use).length;
  const [gateways, vips, containers] = [count(AddressUse.Gateway), count(AddressUse.Vip), count(AddressUse.Container)];
  return {
    addresses: network.capacity,
    gateways,
    vips,
    loadBalancers: nodes,
    containers,
    replicas: network.capacity - gateways - vips - nodes - containers,
    tasks: count(AddressUse.Task),
  };
}

function contains(ranges: readonly Prefix[], address: Uint8Array): boolean {
  return ranges.some((range) => prefixContains(range, address));
}
