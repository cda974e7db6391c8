/** Names of addresses as data. */

/** What has an address. */
export const NameKind = {
  /** A service's virtual IP. */
  Vip: 'vip',
  /** A task of a service. */
  Task: 'task',
  /** A container that belongs to no service. */
  Container: 'container',
  /** A network's load balancer on a node. */
  Balancer: 'balancer',
  Gateway: 'gateway',
  /** A node's VTEP. */
  Node: 'node',
  /** A task that has ended. */
  Former: 'former',
} as const;
export type NameKind = (typeof NameKind)[keyof typeof NameKind];

/** An address's name. */
export interface AddressName {
  /** `my-web.1`, `my-web (VIP)`, `lb my-network@node1`, `gateway my-network`. */
  readonly text: string;
  readonly kind: NameKind;
  /** Name of the network; undefined for a node. */
  readonly network: string | undefined;
  /** Name of its node; undefined for what isn't on one. */
  readonly node: string | undefined;
  /** Address of that node's VTEP. */
  readonly vtep: string | undefined;
  /** Name of the service of a task that has ended, if known. */
  readonly service?: string | undefined;
}
