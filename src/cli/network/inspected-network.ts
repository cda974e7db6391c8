/** A network of a store as `docker network inspect` shows it: the same members in the same order. */
import { type EndpointRecord, type NetworkRecord, type OverlayView, type ServiceRecord } from '../../fleet/index.js';
import { DriverOption, parseIp, parsePrefix, prefixContains, PublishMode } from '../../overlay/index.js';

/** What Go prints for an address that isn't there. */
const NO_VIP = '<nil>';

/** Text by name in the order of the names, as Go prints a map. */
export function sorted(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An address with the prefix length of its subnet. */
export function withLength({ subnets }: NetworkRecord, ip: string): string {
  const address = parseIp(ip);
  const length = subnets.map(({ subnet }) => parsePrefix(subnet)).find((one) => prefixContains(one, address))?.length;
  return `${ip}/${length ?? (address.length === 4 ? 32 : 128)}`;
}

function containerOf(network: NetworkRecord, { name, id, mac, ip, kind }: EndpointRecord): object {
  const address = ip === undefined ? '' : withLength(network, ip);
  const six = address.includes(':');
  return {
    Name: kind === 'balancer' ? `${network.name}-endpoint` : name,
    EndpointID: id,
    MacAddress: mac,
    IPv4Address: six ? '' : address,
    IPv6Address: six ? address : '',
  };
}

function taskOf(view: OverlayView, network: NetworkRecord, { name, id, ip = '', node, kind }: EndpointRecord): object {
  return {
    Name: kind === 'balancer' ? `${network.name}-endpoint` : name,
    EndpointID: id,
    EndpointIP: ip,
    Info: { 'Host IP': view.nodes.get(node)?.vtep ?? '' },
  };
}

/** The services of a network, with what belongs to no service under an empty name. */
function servicesOf(view: OverlayView, network: NetworkRecord, endpoints: readonly EndpointRecord[]): object {
  const loose = endpoints.filter(
    ({ service, kind }) => service === undefined && (kind === 'container' || network.ingress),
  );
  const named = [...view.services.values()].filter(({ networks }) =>
    networks.some((one) => one.network === network.name),
  );
  return Object.fromEntries([
    ...(loose.length === 0 ? [] : [['', serviceOf(view, network, undefined, loose)] as const]),
    ...named
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((service) => {
        const own = endpoints.filter((one) => one.service === service.name);
        return [service.name, serviceOf(view, network, service, own)] as const;
      }),
  ]);
}

function serviceOf(
  view: OverlayView,
  network: NetworkRecord,
  service: ServiceRecord | undefined,
  endpoints: readonly EndpointRecord[],
): object {
  const ports = network.ingress ? (service?.ports ?? []) : [];
  return {
    VIP: service?.networks.find((one) => one.network === network.name)?.vip ?? NO_VIP,
    Ports: ports
      .filter(({ mode }) => mode === PublishMode.Ingress)
      .map(({ target, published }) => `Target: ${target}, Publish: ${published}`),
    // A number of the kernel's on a node that runs Docker; a store has none.
    LocalLBIndex: 0,
    Tasks: endpoints.map((endpoint) => taskOf(view, network, endpoint)),
  };
}

/** The nodes that have something in the network. */
function peersOf({ nodes }: OverlayView, endpoints: readonly EndpointRecord[]): object[] {
  const names = [...new Set(endpoints.map(({ node }) => node))].sort();
  return names.flatMap((name) => {
    const node = nodes.get(name);
    return node === undefined ? [] : [{ Name: name, IP: node.vtep }];
  });
}

/**
 * Shows a network.
 * @param verbose whether with its services
 */
export function inspectedNetwork(view: OverlayView, network: NetworkRecord, verbose: boolean): object {
  const all = view.networks.get(network.name)?.endpoints.values() ?? [];
  const endpoints = [...all].sort((a, b) => (a.id < b.id ? -1 : 1));
  const peers = peersOf(view, endpoints);
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'swarm',
    Driver: 'overlay',
    EnableIPv6: network.subnets.some(({ subnet }) => subnet.includes(':')),
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: network.subnets.map(({ subnet, range, gateway }) => ({
        Subnet: subnet,
        ...(range !== undefined && { IPRange: range }),
        ...(gateway !== undefined && { Gateway: gateway }),
      })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(endpoints.map((endpoint) => [endpoint.id, containerOf(network, endpoint)])),
    Options: sorted({ ...network.options, [DriverOption.VniList]: String(network.vni) }),
    Labels: sorted(network.labels),
    ...(peers.length > 0 && { Peers: peers }),
    ...(verbose && { Services: servicesOf(view, network, endpoints) }),
  };
}
