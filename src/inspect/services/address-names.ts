/** Names of addresses, as a description of the network has them: tasks, virtual IPs, load balancers, gateways, nodes. */
import type { FormerTask } from '../../overlay/files.js';
import {
  EndpointKind,
  formatAddress,
  prefixContains,
  parseIp,
  type Prefix,
  type Topology,
} from '../../overlay/index.js';
import type { ConversationReport } from '../flows/index.js';
import { type AddressName, NameKind } from './address-name.js';
import { serviceLoad } from './service-load.js';
import type { ServiceReport } from './service-report.js';
import { taskText, shortened } from './task-text.js';

/** Looks up names by network and address. */
export class AddressNames {
  /** What the names come from. */
  readonly topology: Topology;
  readonly #byVni = new Map<number, Map<string, AddressName>>();
  /** Those of all networks, and of what is outside them; the first if several networks have the address. */
  readonly #anywhere = new Map<string, AddressName>();
  readonly #subnets = new Map<number, readonly Prefix[]>();

  readonly #networkIds: ReadonlyMap<string, string>;

  /**
   * @param former tasks that have ended; their addresses may have others' names
   * @param networkIds names of networks by Docker's id, for gossip
   */
  constructor(
    topology: Topology,
    former: readonly FormerTask[] = [],
    networkIds: ReadonlyMap<string, string> = new Map(),
  ) {
    this.topology = topology;
    this.#networkIds = networkIds;
    const { nodes, networks, endpoints, services } = topology;
    const byName = new Map(networks.map((network) => [network.name, network.vni]));
    const vteps = new Map(nodes.map(({ name, vtep }) => [name, formatAddress(vtep)]));
    for (const { vni, subnets } of networks) this.#subnets.set(vni, subnets);
    for (const { name, vtep } of nodes) {
      const text = formatAddress(vtep);
      this.#add(undefined, text, { text: name, kind: NameKind.Node, network: undefined, node: name, vtep: text });
    }
    const nowhere = { node: undefined, vtep: undefined };
    for (const { name: network, balancers } of services?.networks ?? []) {
      for (const [node, ip] of Object.entries(balancers)) {
        const text = `lb ${network}@${node}`;
        const kind = NameKind.Balancer;
        this.#add(byName.get(network), formatAddress(ip), { text, kind, network, node, vtep: vteps.get(node) });
      }
    }
    for (const record of services?.records ?? []) {
      const { network, node, service, addresses } = record;
      const vni = byName.get(network);
      if (service?.vip !== undefined) {
        const text = `${service.name} (VIP)`;
        this.#add(vni, formatAddress(service.vip), { text, kind: NameKind.Vip, network, ...nowhere });
      }
      const kind = service === undefined ? NameKind.Container : NameKind.Task;
      const name = { text: taskText(record), kind, network, node, vtep: vteps.get(node) };
      for (const ip of addresses) this.#add(vni, formatAddress(ip), name);
    }
    for (const { network: index, node: at, name, ip, kind: what } of endpoints) {
      if (ip === undefined) continue;
      const { name: network, vni } = networks[index];
      const { name: node } = nodes[at];
      const isBalancer = what === EndpointKind.Balancer;
      const text = isBalancer ? `lb ${network}@${node}` : shortened(name);
      const kind = isBalancer ? NameKind.Balancer : NameKind.Container;
      this.#add(vni, formatAddress(ip), { text, kind, network, node, vtep: vteps.get(node) });
    }
    for (const { name: network, vni, gateways } of networks) {
      for (const gateway of gateways) {
        this.#add(vni, formatAddress(gateway), {
          text: `gateway ${network}`,
          kind: NameKind.Gateway,
          network,
          ...nowhere,
        });
      }
    }
    const bridge = services?.gateway;
    if (bridge !== undefined) {
      const { name, gateway } = bridge;
      const text = `gateway ${name}`;
      this.#add(undefined, formatAddress(gateway), { text, kind: NameKind.Gateway, network: name, ...nowhere });
    }
    for (const { network, ip, name, service } of former) {
      const text = `${name} (ended)`;
      this.#add(byName.get(network), formatAddress(ip), { text, kind: NameKind.Former, network, service, ...nowhere });
    }
  }

  /**
   * The name of an address.
   * @param vni null for a packet outside VXLAN
   * @param address as text, as reports have it
   */
  find(vni: number | null, address: string): AddressName | undefined {
    return vni === null ? this.#anywhere.get(address) : this.#byVni.get(vni)?.get(address);
  }

  /** The name of the network with an id of Docker's. */
  networkWithId(id: string): string | undefined {
    return this.#networkIds.get(id);
  }

  /** The name of the node with an address outside the overlay. */
  nodeAt(address: string): string | undefined {
    const name = this.#anywhere.get(address);
    return name?.kind === NameKind.Node ? name.text : undefined;
  }

  /** Whether an address has no name although the description has its network. */
  isUnknown(vni: number, address: string): boolean {
    if (this.find(vni, address) !== undefined) return false;
    const subnets = this.#subnets.get(vni);
    if (subnets === undefined) return false;
    const ip = parseIp(address);
    return subnets.some((subnet) => prefixContains(subnet, ip) && !isBroadcast(subnet, ip));
  }

  /** The load of each service and backend in these conversations. */
  serviceLoad(conversations: readonly ConversationReport[]): ServiceReport[] {
    return serviceLoad(this, conversations);
  }

  /** Whether an address is on docker_gwbridge, through which published ports reach load balancers. */
  isOnGateway(address: string): boolean {
    const { services } = this.topology;
    return services?.gateway !== undefined && prefixContains(services.gateway.subnet, parseIp(address));
  }

  #add(vni: number | undefined, address: string, name: AddressName): void {
    if (!this.#anywhere.has(address)) this.#anywhere.set(address, name);
    if (vni === undefined) return;
    const names = this.#byVni.get(vni);
    if (names === undefined) this.#byVni.set(vni, new Map([[address, name]]));
    else if (!names.has(address)) names.set(address, name);
  }
}

function isBroadcast({ length }: Prefix, ip: Uint8Array): boolean {
  return ip.length === 4 && ip.every((byte, i) => byte === (byte | (0xff >> Math.min(8, Math.max(0, length - 8 * i)))));
}
