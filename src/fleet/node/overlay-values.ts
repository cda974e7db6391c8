/** What the records of a store are as objects of the overlay. */
import {
  type Endpoint,
  EndpointKind,
  FloodPolicy,
  type Network,
  type Node,
  parseIp,
  parsePrefix,
  PublishMode,
  type RecordService,
  type ServiceLabels,
  type ServiceNetworkSet,
  type ServiceRecord as OverlayRecord,
  targetPorts,
} from '../../overlay/index.js';
import { parseMac } from '../../wire/index.js';
import { segmentOf } from '../records/key-segment.js';
import {
  type EndpointRecord,
  FleetEndpointKind,
  type NetworkRecord,
  type NodeRecord,
  type ServiceRecord,
} from '../records/schemas.js';

/** The id of an endpoint in the topology. Ids of records are unique in their network only. */
export function topologyId(network: string, id: string): string {
  return `${segmentOf(network)}/${segmentOf(id)}`;
}

export function nodeOf({ name, vtep, mac, mtu }: NodeRecord): Node {
  return { name, vtep: parseIp(vtep), mac: mac === undefined ? undefined : parseMac(mac), mtu };
}

export function networkOf({ name, vni, subnets, encrypted, mtu }: NetworkRecord): Network {
  return {
    name,
    vni,
    subnets: subnets.map(({ subnet }) => parsePrefix(subnet)),
    gateways: subnets.flatMap(({ gateway }) => (gateway === undefined ? [] : [parseIp(gateway)])),
    encrypted,
    mtu,
    flood: FloodPolicy.Drop,
    learning: false,
  };
}

/** @param balancers addresses of the nodes' load balancers, by name of the node */
export function serviceNetworkOf(
  { name, ingress, internal, dsr }: NetworkRecord,
  balancers: Readonly<Record<string, Uint8Array>>,
): ServiceNetworkSet {
  return { name, ingress, internal, dsr, balancers };
}

/** @param isOwn whether it is this node's, whose interface it makes */
export function endpointOf(
  { id, kind, name, network, mac, ip, device, netns }: EndpointRecord,
  isOwn: boolean,
): Omit<Endpoint, 'network' | 'node'> {
  return {
    kind: kind === FleetEndpointKind.Balancer ? EndpointKind.Balancer : EndpointKind.Container,
    name,
    id: topologyId(network, id),
    ip: ip === undefined ? undefined : parseIp(ip),
    mac: parseMac(mac),
    ...(isOwn && device !== undefined && { device }),
    ...(isOwn && netns !== undefined && { netns }),
  };
}

/**
 * What services know of a container.
 * @param service its service, if it is a task
 */
export function overlayRecordOf(
  { id, name, network, node, ip, aliases }: EndpointRecord,
  service: RecordService | undefined,
): OverlayRecord {
  return {
    network,
    endpoint: id,
    name,
    node,
    addresses: ip === undefined ? [] : [parseIp(ip)],
    service,
    aliases,
  };
}

/** What a service is on a network. */
export function recordServiceOf(
  { id, name, networks, ports }: ServiceRecord,
  { name: network, ingress }: NetworkRecord,
): RecordService {
  const { vip, aliases } = networks.find((one) => one.network === network) ?? { vip: undefined, aliases: [] };
  const mode = ingress ? PublishMode.Ingress : PublishMode.Host;
  return {
    id,
    name,
    vip: vip === undefined ? undefined : parseIp(vip),
    aliases,
    ports: ports.filter((port) => port.mode === mode),
  };
}

/**
 * The labels of a service; undefined if it has none.
 * @param isIngress whether a network carries the connections to published ports, which routes don't use
 */
export function labelsOf(
  { name, labels, networks, ports }: ServiceRecord,
  isIngress: (network: string) => boolean,
): ServiceLabels | undefined {
  if (Object.keys(labels).length === 0) return undefined;
  const own = networks.flatMap(({ network }) => (isIngress(network) ? [] : [network]));
  return { service: name, labels, ports: targetPorts(ports), networks: own };
}
