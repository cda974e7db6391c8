/** Merges what a swarm's dumps say about each address: which task, container or load balancer has it, and where. */
import { macOfIpv4, parseMac } from '../../wire/index.js';
import { formatAddress, parseIp } from '../prefix.js';
import { hasEnded, TASK_STATES, type TaskState } from '../services/model.js';
import type { DockerNetwork } from './docker-network.js';
import type { ImportedNetworks } from './import-networks.js';
import type { ImportWarnings } from './import-warnings.js';
import { readAs } from './read-as.js';
import type { DumpService, DumpTask, SwarmDump } from './swarm-dump.js';
import { SHORT_ID, type SwarmNodes, taskIdOf } from './swarm-nodes.js';

/** Containers' keys in `docker network inspect` that are load balancers. */
const BALANCER = /^(?:lb-|ingress-sbox$)/;
/** The load balancers' name in gossip on the ingress network. */
const INGRESS_ENDPOINT = 'ingress-endpoint';
const TASK_LABEL = 'com.docker.swarm.task.id';
const SERVICE_LABEL = 'com.docker.swarm.service.id';

/** What has an address. */
export interface SwarmEndpoint {
  /** Index of its network. */
  readonly network: number;
  readonly ip: Uint8Array;
  mac: Uint8Array | undefined;
  /** Name of the task or container with its task's id; undefined for a load balancer. */
  name: string | undefined;
  readonly isBalancer: boolean;
  /** Index of its node; -1 if nothing says where it is. */
  node: number;
  /** Docker's id of the endpoint. */
  endpoint: string | undefined;
  /** Id and name of its service, as far as known; neither for a plain container. */
  serviceId: string | undefined;
  serviceName: string | undefined;
  /** Its service's virtual IP as gossip has it. */
  vip: Uint8Array | undefined;
  aliases: string[];
  disabled: boolean;
  /** The service's ports as gossip has them. */
  ports: readonly { readonly target: number; readonly published: number }[];
}

/** A task that has ended, and an address that it had. */
export interface FormerTask {
  /** Name of the network in the topology. */
  readonly network: string;
  readonly ip: Uint8Array;
  /** The task's name without its id: `my-web.1`. */
  readonly name: string;
  /** Name of its service, if known. */
  readonly service: string | undefined;
}

/** The endpoints of all networks by address. */
export class SwarmEndpoints {
  /** Tasks that gave their address back. */
  readonly former: FormerTask[] = [];
  readonly #all = new Map<string, SwarmEndpoint>();
  readonly #warnings: ImportWarnings;
  readonly #imported: ImportedNetworks;
  readonly #nodes: SwarmNodes;

  constructor(imported: ImportedNetworks, nodes: SwarmNodes, warnings: ImportWarnings) {
    this.#imported = imported;
    this.#nodes = nodes;
    this.#warnings = warnings;
  }

  /** By network and address. */
  get sorted(): SwarmEndpoint[] {
    return [...this.#all.values()].sort((a, b) => a.network - b.network || compareBytes(a.ip, b.ip));
  }

  /** Adds the tasks that `docker inspect TASK` shows. Of a network, `networkOf` finds the description by id. */
  addTasks(dump: SwarmDump, networkOf: (id: string) => DockerNetwork | undefined): void {
    const lines = new Map([...dump.taskLines.values()].map(({ ID, Name }) => [ID.slice(0, SHORT_ID), Name]));
    for (const task of dump.tasks.values()) {
      const state = stateOf(task);
      const service = dump.services.get(task.ServiceID ?? '');
      const short = shortName(task, service) ?? lines.get(task.ID.slice(0, SHORT_ID));
      if (short === undefined && task.ServiceID !== undefined) {
        this.#warnings.add('service', `task ${task.ID}: its service is missing: give docker service inspect, too`);
      }
      for (const { Network, Addresses } of task.NetworksAttachments ?? []) {
        const described = Network === null || Network === undefined ? undefined : networkOf(Network.ID);
        if (described === undefined) continue;
        for (const text of Addresses ?? []) {
          const ip = addressOf(text, `task ${task.ID}`);
          const index = this.#imported.within(described)(ip);
          if (hasEnded(state)) {
            const { name: network } = this.#imported.networks[index];
            this.former.push({ network, ip, name: short ?? task.ID, service: service?.Spec.Name });
            continue;
          }
          // Before it runs, its address is given out, but nobody has it.
          if (state !== 'running') continue;
          const name = short === undefined ? undefined : `${short}.${task.ID}`;
          const node = this.#nodes.ofTask(task.ID);
          const endpoint = this.#at(index, ip, name, node, false);
          if (endpoint === undefined) continue;
          endpoint.serviceId ??= task.ServiceID;
          endpoint.disabled = task.DesiredState === 'shutdown' || task.DesiredState === 'remove';
          addAlias(endpoint, task.Status?.ContainerStatus?.ContainerID);
        }
      }
    }
  }

  /** Adds the interfaces that `docker container inspect` shows. */
  addContainers(dump: SwarmDump, networkOf: (id: string) => DockerNetwork | undefined): void {
    for (const { Id, Name, Config, NetworkSettings } of dump.containers.values()) {
      const name = Name.replace(/^\//, '');
      const labels = new Map(Object.entries(Config?.Labels ?? {}));
      for (const entry of NetworkSettings.Networks ?? []) {
        const network = networkOf(entry.NetworkID ?? '');
        const texts = [entry.IPAddress ?? '', entry.GlobalIPv6Address ?? ''].filter((text) => text !== '');
        if (network === undefined || texts.length === 0) continue;
        const ip = addressOf(texts[0], `container ${name}`);
        const endpoint = this.#at(this.#imported.within(network)(ip), ip, name, this.#nodes.ofContainer(Id), false);
        if (endpoint === undefined) continue;
        endpoint.serviceId ??= labels.get(SERVICE_LABEL);
        const { MacAddress: mac = '' } = entry;
        if (mac !== '') endpoint.mac ??= readAs(`container ${name}`, () => parseMac(mac));
        endpoint.endpoint ??= entry.EndpointID;
        addAlias(endpoint, Id);
        if (!labels.has(TASK_LABEL)) for (const alias of entry.Aliases ?? []) addAlias(endpoint, alias, alias.length);
      }
    }
  }

  /** Adds the tasks of all nodes that `docker network inspect --verbose` shows. */
  addVerbose(network: DockerNetwork): void {
    if (network.vnis.length === 0) return;
    const within = this.#imported.within(network);
    for (const { name, service, vip, endpoint: id, ip, host, ports } of network.tasks ?? []) {
      const isBalancer = network.ingress && service === '' && name === INGRESS_ENDPOINT;
      const node = host === undefined ? -1 : this.#nodes.ofVtep(host);
      const endpoint = this.#at(within(ip), ip, isBalancer ? undefined : name, node, isBalancer);
      if (endpoint === undefined) continue;
      endpoint.endpoint ??= id;
      if (service !== '') endpoint.serviceName ??= service;
      endpoint.vip ??= vip;
      if (endpoint.ports.length === 0) endpoint.ports = ports;
    }
  }

  /** Adds a node's own endpoints. */
  addLocal(network: DockerNetwork, node: number): void {
    if (network.vnis.length === 0) return;
    const within = this.#imported.within(network);
    for (const { name, container, endpoint: id, mac, ip } of network.endpoints) {
      if (ip === undefined) continue;
      const isBalancer = BALANCER.test(container);
      const endpoint = this.#at(within(ip), ip, isBalancer ? undefined : name, node, isBalancer);
      if (endpoint === undefined) continue;
      endpoint.mac = mac;
      endpoint.endpoint ??= id;
      if (!isBalancer) addAlias(endpoint, container);
    }
  }

  /** The endpoint with an address: a known one, or a new one. Undefined if another task has the address. */
  #at(
    network: number,
    ip: Uint8Array,
    name: string | undefined,
    node: number,
    isBalancer: boolean,
  ): SwarmEndpoint | undefined {
    const key = `${network} ${formatAddress(ip)}`;
    const known = this.#all.get(key);
    if (known === undefined) {
      const made = { network, ip, name, node, isBalancer };
      const nothing = { mac: undefined, endpoint: undefined, vip: undefined };
      const service = { serviceId: undefined, serviceName: undefined };
      const endpoint: SwarmEndpoint = { ...made, ...nothing, ...service, aliases: [], disabled: false, ports: [] };
      this.#all.set(key, endpoint);
      return endpoint;
    }
    const where = `${formatAddress(ip)} of ${this.#imported.networks[network].name}`;
    const called = (balancer: boolean, own: string | undefined): string =>
      balancer ? 'a load balancer' : (own ?? 'a task');
    const isOther = known.name !== undefined && name !== undefined && known.name !== name;
    if (known.isBalancer !== isBalancer || isOther) {
      const [first, second] = [called(known.isBalancer, known.name), called(isBalancer, name)];
      this.#warnings.add('two owners', `${where} belongs to ${first} and to ${second}: the first is used`);
      return undefined;
    }
    known.name ??= name;
    if (known.node < 0) known.node = node;
    else if (node >= 0 && known.node !== node) {
      const [one, other] = [known.node, node].map((index) => this.#nodes.nodes[index].name);
      this.#warnings.add('two nodes', `${where} is on ${one} and on ${other}: the first is used`);
    }
    return known;
  }
}

/** The MAC of an endpoint; Docker derives it from the IPv4 address. */
export function macOf({ mac, ip }: SwarmEndpoint): Uint8Array | undefined {
  return mac ?? (ip.length === 4 ? macOfIpv4(ip) : undefined);
}

function addAlias(endpoint: SwarmEndpoint, name: string | undefined, length = SHORT_ID): void {
  if (name === undefined || name === '') return;
  const alias = name.slice(0, length);
  if (!endpoint.aliases.includes(alias)) endpoint.aliases.push(alias);
}

/** `my-web.1`; a global service has one task per node, and names it by the node's id. */
function shortName({ Slot, NodeID, ID }: DumpTask, service: DumpService | undefined): string | undefined {
  if (service === undefined) return undefined;
  return `${service.Spec.Name}.${Slot === undefined || Slot === 0 ? (NodeID ?? taskIdOf(ID)) : Slot}`;
}

function stateOf({ Status }: DumpTask): TaskState {
  return TASK_STATES.find((state) => state === Status?.State) ?? 'running';
}

function addressOf(text: string, what: string): Uint8Array {
  return readAs(what, () => parseIp(text.split('/')[0]));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}
