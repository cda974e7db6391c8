/** The routes that services and settings give, and what they ask for and don't get. */
import { configuredRoutes, readLabels, type Route, RouteTable, type RouteTrouble } from '../../mesh/index.js';
import { type MeshSettings, PortProtocol, type ServiceSet, targetPorts } from '../../overlay/index.js';

/** What is wrong, and of which service. */
export interface ServiceTrouble extends RouteTrouble {
  readonly service: string | undefined;
}

/** A route as it is shown. */
export interface PlannedRoute {
  readonly route: Route;
  /** Port of its tasks; undefined if it isn't known. */
  readonly port: number | undefined;
  /** Networks on which it is reached: the first of them that a node has. */
  readonly networks: readonly string[];
}

/** Routes, in the order of their hosts. */
export interface PlannedRoutes {
  readonly routes: readonly PlannedRoute[];
  readonly troubles: readonly ServiceTrouble[];
}

/**
 * Plans them.
 * @param services undefined where services are learned
 * @param mesh overrides that of the services
 */
export function plannedRoutes(services: ServiceSet | undefined, mesh = services?.mesh): PlannedRoutes {
  if (mesh?.isOff === true) return { routes: [], troubles: [] };
  const troubles: ServiceTrouble[] = [];
  const all: Route[] = [];
  const add = (service: string | undefined, found: readonly Route[], wrong: readonly RouteTrouble[]): void => {
    all.push(...found);
    troubles.push(...wrong.map((trouble) => ({ service, ...trouble })));
  };
  for (const { service, labels, ports } of services?.labels ?? []) {
    const { routes, troubles: wrong } = readLabels({ name: service, labels, publishedPorts: ports.length });
    add(service, routes, wrong);
  }
  for (const route of mesh?.routes ?? []) {
    const { routes, troubles: wrong } = configuredRoutes([route]);
    add(route.service, routes, wrong);
  }
  const table = new RouteTable(all);
  add(undefined, [], table.troubles);
  const planned = Array.from(table, (route) => planRoute(route, services));
  for (const { route, port, networks } of planned) {
    const { service, source } = route;
    const found = networksOf(service, services);
    const absent = networks.filter((network) => !found.includes(network));
    const why =
      found.length === 0 ? 'the config has no task of this service' : `the service isn't on ${absent.join(', ')}`;
    // Where services are learned, what they are on isn't known.
    if (services !== undefined && (found.length === 0 || absent.length > 0)) troubles.push({ service, source, why });
    else troubles.push(...missingPort(route, port, services));
  }
  troubles.push(...missingPorts(table, mesh));
  return { routes: planned.toSorted((a, b) => compare(keyOf(a), keyOf(b))), troubles };
}

function planRoute(route: Route, services: ServiceSet | undefined): PlannedRoute {
  const [only, ...others] = publishedPorts(route.service, services);
  const port = route.port ?? (others.length === 0 ? only : undefined);
  const networks = route.network === undefined ? networksOf(route.service, services) : [route.network];
  return { route, port, networks };
}

/** TCP ports of a service's tasks that it publishes. */
function publishedPorts(service: string, services: ServiceSet | undefined): readonly number[] {
  const own = (services?.records ?? []).flatMap((record) => (record.service?.name === service ? [record.service] : []));
  const ports = own.flatMap((one) => one.ports ?? []).filter(({ protocol }) => protocol === PortProtocol.Tcp);
  const labelled = services?.labels?.find((one) => one.service === service)?.ports ?? [];
  return [...new Set([...labelled, ...targetPorts(ports)])];
}

function networksOf(service: string, services: ServiceSet | undefined): readonly string[] {
  const labelled = services?.labels?.find((one) => one.service === service)?.networks;
  if (labelled !== undefined) return labelled;
  const ingress = new Set(services?.networks.flatMap((network) => (network.ingress ? [network.name] : [])));
  const found = (services?.records ?? []).filter((record) => record.service?.name === service);
  return [...new Set(found.map(({ network }) => network))].filter((name) => !ingress.has(name));
}

function missingPort(
  { source, service, redirect }: Route,
  port: number | undefined,
  services: ServiceSet | undefined,
): ServiceTrouble[] {
  // Where services are learned, so are their ports.
  if (port !== undefined || redirect !== undefined || services === undefined) return [];
  return [{ service, source, why: "needs a port: the service doesn't publish exactly one TCP port" }];
}

/** Routes by server name need a port that reads TLS. */
function missingPorts(table: Iterable<Route>, mesh: MeshSettings | undefined): ServiceTrouble[] {
  if ((mesh?.tls.length ?? 0) > 0) return [];
  for (const { kind, service, source } of table) {
    if (kind === 'sni') return [{ service, source, why: 'needs a port for TLS: add tls: [8443] to the mesh' }];
  }
  return [];
}

function keyOf({ route: { host, path } }: PlannedRoute): string {
  // Names under a common one are beside each other.
  return `${host.split('.').reverse().join('.')} ${path}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
