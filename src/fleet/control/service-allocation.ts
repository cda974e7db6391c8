/** What a new service gets: its name and its published ports. Pure: a record in, a record out. */
import { Deployment, OverlayError, type PublishedPort, PublishMode, ServiceMode } from '../../overlay/index.js';
import { expandTemplate, PortTable } from '../../overlay/internal.js';
import { AllocationState, type IpamRecord, RECORD_VERSION, type ServiceRecord } from '../records/schemas.js';

/** A service as it is asked for. */
export interface ServiceRequest {
  readonly name: string;
  readonly mode: ServiceMode;
  readonly deploy: Deployment;
  /** How many tasks, if it is replicated. */
  readonly replicas: number;
  readonly networks: readonly { readonly network: string; readonly aliases: readonly string[] }[];
  readonly ports: readonly PublishedPort[];
  readonly labels: Readonly<Record<string, string>>;
  /** Template of the network namespace of its tasks. */
  readonly netns?: string | undefined;
}

/**
 * Gives a service what it needs, except for its VIPs.
 * @throws OverlayError `REFUSED` in Docker's words, `NO_PORT`, `BAD_CONFIG`
 */
export function allocateService(
  ipam: IpamRecord,
  request: ServiceRequest,
  id: string,
  created: string,
): { readonly ipam: IpamRecord; readonly record: ServiceRecord } {
  const { name, mode, deploy, networks, netns } = request;
  checkRequest(ipam, request);
  const table = portsOf(ipam);
  const ports = table.publish(name, mode, request.ports);
  const needsIngress = ports.some((port) => port.mode === PublishMode.Ingress);
  const ingress = needsIngress ? ipam.networks.find((entry) => entry.ingress) : undefined;
  if (needsIngress && ingress === undefined) {
    throw new OverlayError('REFUSED', 'service needs ingress network, but no ingress network is present');
  }
  const all = ingress === undefined ? networks : [{ network: ingress.name, aliases: [] }, ...networks];
  for (const { network } of all) checkNetwork(ipam, network);
  const record: ServiceRecord = {
    ...{ version: RECORD_VERSION, id, name, created, updated: created, mode, deploy },
    replicas: deploy === Deployment.Global ? 0 : request.replicas,
    networks: all.map(({ network, aliases }) => ({ network, aliases: [...aliases] })),
    ports,
    labels: { ...request.labels },
    ...(netns !== undefined && { netns }),
  };
  const entry = { ...serviceEntryOf(record), state: AllocationState.Creating, record };
  return { ipam: { ...ipam, nextPorts: table.next, services: [...ipam.services, entry] }, record };
}

/** The entry of a service whose record is there. */
export function serviceEntryOf({ id, name, networks, mode, ports }: ServiceRecord): IpamRecord['services'][number] {
  return {
    ...{ id, name, mode, state: AllocationState.Ready },
    networks: networks.map(({ network }) => network),
    ports: ports.map(({ protocol, published, mode: publish }) => ({ protocol, published, mode: publish })),
  };
}

/**
 * The record with a service that another program wrote.
 * @throws OverlayError `REFUSED` if another service has its name or a port of it
 */
export function adoptService(ipam: IpamRecord, record: ServiceRecord): IpamRecord {
  if (ipam.services.some(({ name }) => name === record.name)) throw nameConflict(record.name);
  portsOf(ipam).publish(record.name, record.mode, record.ports);
  return { ...ipam, services: [...ipam.services, serviceEntryOf(record)] };
}

/** The ports of all services. */
function portsOf({ services, nextPorts }: IpamRecord): PortTable {
  const table = new PortTable(nextPorts);
  for (const { name, mode, ports } of services) {
    const published = ports.map((port): PublishedPort => ({ ...port, target: port.published }));
    table.publish(name, mode, published);
  }
  return table;
}

function checkRequest(ipam: IpamRecord, { name, mode, networks, ports, netns }: ServiceRequest): void {
  if (ipam.services.some((entry) => entry.name === name)) throw nameConflict(name);
  const twice = networks.find(({ network }, i) => networks.findIndex((one) => one.network === network) !== i);
  if (twice !== undefined) {
    throw new OverlayError('REFUSED', `Multiple attachments to network ${twice.network} are not allowed`);
  }
  const explicit = ipam.networks.find((entry) => entry.ingress && networks.some((one) => one.network === entry.name));
  if (explicit !== undefined) {
    throw new OverlayError(
      'REFUSED',
      `Service cannot be explicitly attached to the ingress network "${explicit.name}"`,
    );
  }
  if (networks.length === 0 && !(mode === ServiceMode.Vip && ports.length > 0)) {
    throw new OverlayError('REFUSED', `service ${name} needs a network: its tasks are interfaces, and would have none`);
  }
  if (ports.some((port) => port.mode === PublishMode.Host && port.published === 0)) {
    throw new OverlayError('REFUSED', 'a port in host mode needs published=PORT: no node chooses one');
  }
  // Placeholders that nobody knows are reported now, and not by each node.
  if (netns !== undefined) expandTemplate(netns, { service: name, slot: '1', node: 'node' });
}

function checkNetwork(ipam: IpamRecord, network: string): void {
  const entry = ipam.networks.find(({ name }) => name === network);
  if (entry === undefined) throw new OverlayError('REFUSED', `network ${network} not found`);
  if (entry.state === AllocationState.Removing) {
    throw new OverlayError('REFUSED', `network ${network} is being removed`);
  }
}

function nameConflict(name: string): OverlayError {
  return new OverlayError('REFUSED', `name conflicts with an existing object: service ${name} already exists`);
}
