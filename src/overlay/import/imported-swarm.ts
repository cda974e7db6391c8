/** Builds a topology with its services from what Docker's inspect commands print on a swarm's nodes. */
import { formatMac, VXLAN_PORT } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import type { KeyRing } from '../keys/key-ring.js';
import { formatAddress, parseIp, parsePrefix } from '../prefix.js';
import { Profile } from '../profile.js';
import { DriverOption } from '../services/driver-options.js';
import {
  Compatibility,
  type GatewaySettings,
  type ServiceNetworkSet,
  type ServiceRecord,
  type ServiceSet,
} from '../services/service-set.js';
import { balancerName } from '../services/swarm-topology.js';
import { type Endpoint, EndpointKind, type Network, type Node } from '../topology.js';
import { type DockerNetwork, dockerNetworkOf } from './docker-network.js';
import { joinNetworks } from './import-networks.js';
import { ImportWarnings } from './import-warnings.js';
import type { ImportedTopology } from './imported-topology.js';
import { readAs } from './read-as.js';
import { RecordServices } from './record-services.js';
import { type DumpBridge, type DumpFile, readSwarmDump, type SwarmDump } from './swarm-dump.js';
import { type FormerTask, macOf, type SwarmEndpoint, SwarmEndpoints } from './swarm-endpoints.js';
import { type SwarmNodes, swarmNodes, taskIdOf } from './swarm-nodes.js';

const BRIDGE_OPTION = 'com.docker.network.bridge.';
const BRIDGE_MTU = 1500;

/** Options of `importSwarm`. */
export interface SwarmImportOptions {
  /** The keys of encrypted networks. */
  readonly ring?: KeyRing | undefined;
  /**
   * Whether only names are needed, so that what a running node would lack is no reason for a warning.
   * @default false
   */
  readonly namesOnly?: boolean;
}

/** A topology with services, and tasks that are no longer in it. */
export interface ImportedSwarm extends ImportedTopology {
  /** Addresses of tasks that have ended; some may belong to others by now. */
  readonly former: readonly FormerTask[];
  /** Names of networks by Docker's id. */
  readonly networkIds: ReadonlyMap<string, string>;
}

/**
 * Builds the topology of a swarm from the output of `docker network inspect` (with `--verbose` for the tasks of all
 * nodes), `docker service inspect`, `docker inspect TASK`, `docker node inspect`, `docker container inspect` and
 * `docker service ps --format json`. Each document is identified by its content, so they may be in any order and in any
 * file. Gaps and contradictions are reported as warnings.
 * @throws OverlayError `BAD_IMPORT` with file, line and reason for text that isn't JSON or has a value of a wrong type;
 * if nothing shows an overlay network with its VNI, or no node's address; or if a network is both encrypted and not
 * @example
 * import { readFileSync } from 'node:fs';
 * import { importSwarm } from 'vtep/overlay/files';
 *
 * const files = ['networks.json', 'services.json', 'tasks.json', 'nodes.json'];
 * const { topology } = importSwarm(files.map((name) => ({ name, text: readFileSync(name, 'utf8') })));
 * for (const { name, addresses } of topology.services?.records ?? []) console.log(name, addresses);
 */
export function importSwarm(files: readonly DumpFile[], options: SwarmImportOptions = {}): ImportedSwarm {
  const warnings = new ImportWarnings();
  const dump = readSwarmDump(files, warnings);
  const nodes = swarmNodes(dump, warnings);
  if (nodes.nodes.length === 0) {
    throw new OverlayError(
      'BAD_IMPORT',
      "no output shows a node's address: give docker node inspect, or docker network inspect --verbose",
    );
  }
  const lists = files.map((_, file) => dump.networks.filter((one) => one.file === file).map(({ network }) => network));
  const fromTasks = networksOfTasks(dump);
  const names = [...files.map(({ name }) => name), 'docker inspect of a task'];
  const imported = joinNetworks([...lists, fromTasks], names, warnings);
  if (imported.networks.length === 0) {
    throw new OverlayError(
      'BAD_IMPORT',
      'no output shows an overlay network with its VNI: give docker network inspect of a node that runs one of its' +
        ' tasks, or docker inspect of a task',
    );
  }
  const described = new Map<string, DockerNetwork>();
  for (const network of [...lists.flat(), ...fromTasks]) {
    if (network.id !== undefined && network.vnis.length > 0 && !described.has(network.id)) {
      described.set(network.id, network);
    }
  }
  const endpoints = new SwarmEndpoints(imported, nodes, warnings);
  const networkOf = (id: string): DockerNetwork | undefined => described.get(id);
  endpoints.addTasks(dump, networkOf);
  endpoints.addContainers(dump, networkOf);
  for (const { network } of dump.networks) endpoints.addVerbose(network);
  addLocal(dump, files, nodes, endpoints, warnings);

  const order = imported.networks.map((_, index) => index);
  order.sort((a, b) => imported.networks[a].vni - imported.networks[b].vni);
  const rank = new Map(order.map((index, at) => [index, at]));
  const networks = order.map((index) => imported.networks[index]);
  const taken = new Map<string, SwarmEndpoint>();
  const placed = endpoints.sorted.flatMap((endpoint) => {
    const network = rank.get(endpoint.network) ?? 0;
    const mac = macOf(endpoint);
    const where = `${formatAddress(endpoint.ip)} of ${networks[network].name}`;
    if (endpoint.node < 0) warnings.add('place', `nothing says which node has ${where}: it is left out`);
    else if (mac === undefined) warnings.add('MAC', `nothing says which MAC has ${where}: it is left out`);
    else {
      const key = `${network} ${formatMac(mac)}`;
      const other = taken.get(key);
      if (other === undefined) {
        taken.set(key, endpoint);
        return [{ ...endpoint, network, mac }];
      }
      warnings.add('MAC', `${where} has the MAC of ${formatAddress(other.ip)}, ${formatMac(mac)}: it is left out`);
    }
    return [];
  });
  placed.sort((a, b) => a.network - b.network);
  const balancers = balancersOf(placed, networks, nodes.nodes, warnings);
  const gateway = gatewayOf(dump, files, warnings);
  if (options.namesOnly !== true) {
    if (gateway === undefined) warnings.add('gateway', 'no output shows docker_gwbridge: containers get no route out');
    for (const { name, encrypted } of networks) {
      if (encrypted && options.ring === undefined) {
        warnings.add('keys', `network ${name} is encrypted, but there are no keys`);
      }
    }
  }
  const byVni = new Map([...fromTasks, ...lists.flat()].flatMap((one) => one.vnis.map((vni) => [vni, one] as const)));
  const flags = networks.map(({ vni }) => byVni.get(vni));
  const indexOf = (id: string, ip: Uint8Array | undefined): number => {
    const network = described.get(id);
    return network === undefined ? -1 : (rank.get(imported.within(network)(ip)) ?? -1);
  };
  const known = new RecordServices(dump, indexOf, networks, (network) => flags[network]?.ingress === true, warnings);
  const records = recordsOf(placed, networks, nodes.nodes, known);
  if (dump.tasks.size === 0 && dump.networks.every(({ network }) => network.tasks === undefined)) {
    warnings.add(
      'tasks',
      'only the tasks of the inspected nodes are known: give docker network inspect --verbose, or docker inspect of' +
        ' all tasks',
    );
  }
  const services: ServiceSet = {
    networks: networks.map(({ name }, index): ServiceNetworkSet => {
      const { ingress = false, internal = false, dsr = false } = flags[index] ?? {};
      return { name, ingress, internal, dsr, balancers: balancers[index] };
    }),
    records,
    gateway,
    compatibility: Compatibility.Docker,
    ...(known.labels.length === 0 ? {} : { labels: known.labels }),
  };
  return {
    topology: {
      profile: Profile.Swarm,
      port: VXLAN_PORT,
      nodes: nodes.nodes,
      networks,
      endpoints: placed.map((endpoint): Endpoint => {
        const { network, node, ip, mac, isBalancer } = endpoint;
        const { name: called } = networks[network];
        const where = { network, node, ip, mac };
        if (!isBalancer) {
          const name = nameOf(endpoint);
          return { kind: EndpointKind.Container, name, id: `${name}@${called}`, ...where };
        }
        const name = balancerName(called);
        return { kind: EndpointKind.Balancer, name, id: `${name}@${nodes.nodes[node].name}`, ...where };
      }),
      ring: options.ring,
      services,
    },
    former: endpoints.former,
    networkIds: new Map(
      [...fromTasks, ...dump.networks.map(({ network }) => network)].flatMap(({ id, name }) => {
        return id === undefined ? [] : [[id, name] as const];
      }),
    ),
    warnings: warnings.lines(),
  };
}

function nameOf({ name, ip }: SwarmEndpoint): string {
  return name ?? formatAddress(ip);
}

/** The networks that tasks are attached to, for those whose `docker network inspect` isn't there. */
function networksOfTasks(dump: SwarmDump): DockerNetwork[] {
  const known = new Set(dump.networks.flatMap(({ network: { id, vnis } }) => (vnis.length > 0 ? [id] : [])));
  const found = new Map<string, DockerNetwork>();
  for (const { ID, NetworksAttachments } of dump.tasks.values()) {
    for (const { Network } of NetworksAttachments ?? []) {
      if (Network === null || Network === undefined || known.has(Network.ID) || found.has(Network.ID)) continue;
      const { Spec, DriverState, IPAMOptions } = Network;
      if (DriverState?.Name !== 'overlay') continue;
      const network = readAs(`task ${ID}`, () =>
        dockerNetworkOf({
          Name: Spec?.Name ?? Network.ID,
          Id: Network.ID,
          Driver: 'overlay',
          Ingress: Spec?.Ingress,
          Internal: Spec?.Internal,
          IPAM: { Config: IPAMOptions?.Configs },
          Options: DriverState.Options,
        }),
      );
      found.set(Network.ID, network);
    }
  }
  return [...found.values()];
}

/** Adds the nodes' own endpoints. Their containers, or else the other networks in the file, say which node it is. */
function addLocal(
  dump: SwarmDump,
  files: readonly DumpFile[],
  nodes: SwarmNodes,
  endpoints: SwarmEndpoints,
  warnings: ImportWarnings,
): void {
  const hosts = new Map<string, Uint8Array>();
  for (const { network } of dump.networks) {
    for (const { endpoint, host } of network.tasks ?? []) {
      if (endpoint !== undefined && host !== undefined) hosts.set(endpoint, host);
    }
  }
  const own = dump.networks.map(({ network }) => {
    for (const { container, name, endpoint } of network.endpoints) {
      const host = hosts.get(endpoint ?? '');
      const clues = [nodes.ofContainer(container), nodes.ofTask(taskIdOf(name)), host ? nodes.ofVtep(host) : -1];
      const found = clues.find((node) => node >= 0);
      if (found !== undefined) return found;
    }
    return -1;
  });
  const ofFile = files.map((_, file) => new Set(own.filter((node, i) => node >= 0 && dump.networks[i].file === file)));
  dump.networks.forEach(({ file, network }, i) => {
    if (network.endpoints.length === 0) return;
    const [only = -1] = ofFile[file];
    const node = own[i] >= 0 || ofFile[file].size !== 1 ? own[i] : only;
    if (node < 0) {
      warnings.add(
        'whose',
        `${files[file].name}: nothing says which node's docker network inspect of ${network.name} this is: give docker` +
          ' container inspect of that node, or docker inspect of all tasks',
      );
    }
    endpoints.addLocal(network, node);
  });
}

/** Addresses of load balancers by network and node. */
function balancersOf(
  endpoints: readonly SwarmEndpoint[],
  networks: readonly Network[],
  nodes: readonly Node[],
  warnings: ImportWarnings,
): Readonly<Record<string, Uint8Array>>[] {
  const found = networks.map(() => new Map<string, Uint8Array>());
  const homes = networks.map(() => new Set<string>());
  for (const { isBalancer, network, node, ip } of endpoints) {
    const { name: home } = nodes[node];
    homes[network].add(home);
    if (!isBalancer) continue;
    if (!found[network].has(home)) found[network].set(home, ip);
    else {
      const { name } = networks[network];
      warnings.add('balancers', `network ${name} has several load balancers on ${home}: the first is used`);
    }
  }
  return networks.map(({ name }, index) => {
    for (const home of homes[index]) {
      if (found[index].has(home)) continue;
      warnings.add(
        'balancer',
        `the load balancer of ${name} on ${home} is unknown: give docker network inspect ${name} of that node`,
      );
    }
    return Object.fromEntries(found[index]);
  });
}

/** What gossip would have a record of: the tasks and containers. */
function recordsOf(
  endpoints: readonly SwarmEndpoint[],
  networks: readonly Network[],
  nodes: readonly Node[],
  services: RecordServices,
): ServiceRecord[] {
  return endpoints.flatMap((endpoint): ServiceRecord[] => {
    const { network, ip, isBalancer, node, aliases, disabled } = endpoint;
    if (isBalancer) return [];
    const { name } = networks[network];
    return [
      {
        network: name,
        endpoint: endpoint.endpoint ?? formatAddress(ip),
        name: nameOf(endpoint),
        node: nodes[node].name,
        addresses: [ip],
        service: services.of(endpoint),
        aliases,
        ...(disabled ? { disabled } : {}),
      },
    ];
  });
}

/** Settings of the bridge that containers get out by. */
function gatewayOf(dump: SwarmDump, files: readonly DumpFile[], warnings: ImportWarnings): GatewaySettings | undefined {
  let settings: GatewaySettings | undefined;
  let first = '';
  for (const { entry, file } of dump.bridges) {
    const { name } = files[file];
    const found = gatewaySettings(entry, name);
    if (found === undefined) {
      warnings.add('gateway', `${name}: ${entry.Name} has no IPv4 subnet with a gateway: ignored`);
    } else if (settings === undefined) {
      settings = found;
      first = name;
    } else if (JSON.stringify(settings) !== JSON.stringify(found)) {
      warnings.add('gateway', `${entry.Name} differs between ${first} and ${name}: the first is used`);
    }
  }
  return settings;
}

function gatewaySettings({ Name, IPAM, Options }: DumpBridge['entry'], file: string): GatewaySettings | undefined {
  const options = new Map(Object.entries(Options ?? {}));
  return readAs(`${file}: ${Name}`, () => {
    for (const { Subnet, Gateway = '' } of IPAM?.Config ?? []) {
      if (Subnet === undefined || Subnet.includes(':') || Gateway === '') continue;
      return {
        name: options.get(`${BRIDGE_OPTION}name`) ?? Name,
        subnet: parsePrefix(Subnet),
        gateway: parseIp(Gateway.split('/')[0]),
        mtu: Number(options.get(DriverOption.Mtu) ?? BRIDGE_MTU) || BRIDGE_MTU,
        icc: options.get(`${BRIDGE_OPTION}enable_icc`) !== 'false',
        masquerade: options.get(`${BRIDGE_OPTION}enable_ip_masquerade`) !== 'false',
      };
    }
    return undefined;
  });
}
