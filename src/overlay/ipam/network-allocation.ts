/** What one network has been given: subnets, gateways, VNIs, and an address for each who asked for one. */
import { OverlayError } from '../error.js';
import { formatAddress, formatPrefix, type Prefix, prefixContains } from '../prefix.js';
import { AddressPool } from './address-pool.js';

/** What an address is for. */
export const AddressUse = {
  Gateway: 'gateway',
  /** A service's virtual IP. */
  Vip: 'vip',
  Task: 'task',
  /** The load balancer of a node. */
  LoadBalancer: 'load-balancer',
  /** A container that belongs to no service. */
  Container: 'container',
} as const;
export type AddressUse = (typeof AddressUse)[keyof typeof AddressUse];

/** What an owner of an address is, before its name. */
const USE_NAMES: Readonly<Record<AddressUse, string>> = {
  [AddressUse.Gateway]: 'gateway',
  [AddressUse.Vip]: 'VIP of',
  [AddressUse.Task]: 'task',
  [AddressUse.LoadBalancer]: 'load balancer of',
  [AddressUse.Container]: 'container',
};

/** An address that is in use. */
export interface AllocatedAddress {
  /** 4 bytes. */
  readonly address: Uint8Array;
  readonly use: AddressUse;
  /** The service, the task as `service.slot`, the node or the container; empty for a gateway. */
  readonly owner: string;
}

/** A subnet of a network, with its IPv4 gateway. */
export interface AllocatedSubnet {
  readonly subnet: Prefix;
  /** The part that addresses are given out from: the subnet, unless there is an `--ip-range`. */
  readonly range: Prefix;
  /** 4 bytes. */
  readonly gateway: Uint8Array;
  readonly vni: number;
}

/** The addresses of one network. */
export class NetworkAllocation {
  readonly name: string;
  readonly ingress: boolean;
  readonly #subnets: AllocatedSubnet[] = [];
  readonly #pools: AddressPool[] = [];
  /** By use and owner. */
  readonly #given = new Map<string, AllocatedAddress>();

  /** Use `SwarmAllocator.addNetwork`. */
  constructor(name: string, ingress: boolean) {
    this.name = name;
    this.ingress = ingress;
  }

  /** Its subnets, in the order of creation. */
  get subnets(): readonly AllocatedSubnet[] {
    return this.#subnets;
  }

  /** Its addresses in use, the gateways first, then in the order in which they were given out. */
  get addresses(): readonly AllocatedAddress[] {
    const gateways = this.#subnets.map(({ gateway }): AllocatedAddress => {
      return { address: gateway, use: AddressUse.Gateway, owner: '' };
    });
    return [...gateways, ...this.#given.values()];
  }

  /** Number of addresses that its subnets have in all, without network and broadcast addresses. */
  get capacity(): number {
    return this.#pools.reduce((sum, { capacity }) => sum + capacity, 0);
  }

  /**
   * Adds a subnet. The gateway is its first address that is asked for.
   * @param gateway 4 bytes. Default: the first free address of the range
   * @throws OverlayError `BAD_PREFIX`, or `REFUSED` if the gateway can't be used
   */
  addSubnet(vni: number, subnet: Prefix, range?: Prefix, gateway?: Uint8Array): void {
    const pool = new AddressPool(subnet, range);
    const address = gateway ?? pool.take();
    if (address === undefined) throw new OverlayError('REFUSED', 'no available IPv4 addresses on this network');
    if (gateway !== undefined) {
      if (!prefixContains(subnet, gateway)) {
        throw new OverlayError(
          'REFUSED',
          `ipam configuration: subnet ${formatPrefix(subnet)} does not contain gateway ${formatAddress(gateway)}`,
        );
      }
      if (!pool.claim(gateway)) {
        throw new OverlayError('REFUSED', `gateway ${formatAddress(gateway)}: Address already in use`);
      }
    }
    this.#pools.push(pool);
    this.#subnets.push({ subnet, range: pool.range, gateway: address, vni });
  }

  /** The address that an owner has for a use; undefined if there is none. */
  find(use: AddressUse, owner: string): Uint8Array | undefined {
    return this.#given.get(`${use} ${owner}`)?.address;
  }

  /**
   * Gives an owner an address, from the first subnet that has one. An owner that has one keeps it.
   * @returns 4 bytes, or undefined if all addresses are in use
   */
  give(use: AddressUse, owner: string): Uint8Array | undefined {
    const known = this.find(use, owner);
    if (known !== undefined) return known;
    for (const pool of this.#pools) {
      const address = pool.take();
      if (address === undefined) continue;
      this.#given.set(`${use} ${owner}`, { address, use, owner });
      return address;
    }
    return undefined;
  }

  /**
   * Gives an owner an address that was asked for. It doesn't change which one is given out next.
   * @throws OverlayError `REFUSED` in Docker's words
   */
  giveThis(use: AddressUse, owner: string, address: Uint8Array): void {
    const pool = this.#pools.find(({ subnet }) => prefixContains(subnet, address));
    if (pool === undefined) throw new OverlayError('REFUSED', 'requested address is out of range');
    if (!pool.claim(address)) throw new OverlayError('REFUSED', `Address already in use${this.#holderOf(address)}`);
    this.#given.set(`${use} ${owner}`, { address, use, owner });
  }

  /** Who has an address, in brackets; empty for the network's own and the broadcast address. */
  #holderOf(address: Uint8Array): string {
    const holder = this.addresses.find((one) => one.address.every((byte, i) => byte === address[i]));
    if (holder === undefined) return '';
    return ` (${holder.owner === '' ? 'the gateway' : `${USE_NAMES[holder.use]} ${holder.owner}`})`;
  }

  /** Takes an owner's address back. */
  release(use: AddressUse, owner: string): void {
    const address = this.find(use, owner);
    if (address === undefined) return;
    this.#given.delete(`${use} ${owner}`);
    this.#pools.find(({ subnet }) => prefixContains(subnet, address))?.release(address);
  }
}
