/** The lines with which `up` says what it runs. */
import type { LiveVtep } from '../../live/index.js';
import { formatAddress } from '../../overlay/index.js';
import { grouped } from '../table.js';

/**
 * A line for each interface, load balancer and further service.
 * @param nameOf what an endpoint is called, by its id
 */
export function startLines({ node, services }: LiveVtep, nameOf = (id: string): string => id): string[] {
  const balancers = new Map(services.balancers.map((one) => [one.endpoint, one]));
  const endpoints = Array.from(node.ports, ([id, { name }]) => {
    const balancer = balancers.get(id);
    if (balancer === undefined) return `endpoint ${nameOf(id)}: ${name}`;
    const { ip } = node.endpoint(id) ?? {};
    const address = ip === undefined ? '' : ` at ${formatAddress(ip)}`;
    const count = balancer.balancer.counts().length;
    return `load balancer of ${balancer.network}${address}: ${grouped(count)} service${count === 1 ? '' : 's'}`;
  });
  return [...endpoints, ...services.parts.flatMap(({ lines }) => lines)];
}
