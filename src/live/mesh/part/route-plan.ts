/** The routes of a service as the thread of a mesh gets them: with a port and a network that this node reaches. */
import { BackendMode, type ReadLabels, readLabels, type Route, type RouteTrouble } from '../../../mesh/index.js';
import type { ServiceLabels } from '../../../overlay/index.js';
import type { TaskIndex } from './task-index.js';

/** What routes are planned with. */
export interface RouteSurroundings {
  readonly index: TaskIndex;
  readonly labels: ServiceLabels | undefined;
  /** Routes of the config to the service. */
  readonly configured: readonly Route[];
  /** Names of the networks on which this node has an endpoint where the mesh reaches backends from. */
  readonly reached: ReadonlySet<string>;
  /** The mesh's network namespace. */
  readonly netns: string | undefined;
  /** Name of this node. */
  readonly node: string;
}

/** What becomes of a service's labels and configured routes. */
export interface PlannedRoutes {
  readonly routes: readonly Route[];
  /** Labels that aren't understood, and the like; each with the service's name. */
  readonly troubles: readonly string[];
  /** Routes to networks that this node doesn't reach. */
  readonly unreached: readonly string[];
}

/** Plans the routes of a service. */
export function planRoutes(service: string, surroundings: RouteSurroundings): PlannedRoutes {
  const { labels, configured } = surroundings;
  const ports = labels?.ports ?? [];
  const read: ReadLabels =
    labels === undefined
      ? { routes: [], troubles: [] }
      : readLabels({ name: service, labels: labels.labels, publishedPorts: ports.length });
  const troubles = [...read.troubles];
  const unreached: RouteTrouble[] = [];
  const routes: Route[] = [];
  for (const route of [...configured, ...read.routes]) {
    const planned = planRoute(route, surroundings, troubles, unreached);
    if (planned !== undefined) routes.push(planned);
  }
  return { routes, troubles: textsOf(service, troubles), unreached: textsOf(service, unreached) };
}

/** Troubles as texts; the routes of one label may all have the same. */
function textsOf(service: string, troubles: readonly RouteTrouble[]): readonly string[] {
  return [...new Set(troubles.map(({ source, why }) => `service ${service}: ${source}: ${why}`))];
}

function planRoute(
  route: Route,
  surroundings: RouteSurroundings,
  troubles: RouteTrouble[],
  unreached: RouteTrouble[],
): Route | undefined {
  const { source, service, mode } = route;
  if (route.redirect !== undefined) return { ...route, port: route.port ?? 0, network: route.network ?? '' };
  const port = route.port ?? onlyPort(service, surroundings);
  if (port === undefined) {
    troubles.push({ source, why: 'name the port, since the service publishes none, or several' });
    return undefined;
  }
  const network = networkOf(route, surroundings, unreached);
  if (network === undefined) return undefined;
  const { index } = surroundings;
  const needsVip = mode === BackendMode.Vip && index.has(service, network);
  if (needsVip && index.backendsOf(service, network).vip === undefined) {
    troubles.push({ source, why: `the service has no virtual IP on ${network}; its tasks are used instead` });
  }
  return { ...route, port, network };
}

function onlyPort(service: string, { labels, index }: RouteSurroundings): number | undefined {
  const ports = labels === undefined || labels.ports.length === 0 ? index.portsOf(service) : labels.ports;
  return ports.length === 1 ? ports[0] : undefined;
}

function networkOf(
  { network, source, service }: Route,
  { labels, index, reached, netns, node }: RouteSurroundings,
  unreached: RouteTrouble[],
): string | undefined {
  const networks =
    network === undefined ? [...new Set([...(labels?.networks ?? []), ...index.networksOf(service)])] : [network];
  const found = networks.find((one) => reached.has(one));
  if (found !== undefined) return found;
  const [name = 'NETWORK'] = networks;
  const where = netns === undefined ? '' : `, netns: ${netns}`;
  const flag = netns === undefined ? '' : ` --netns ${netns}`;
  const place = netns === undefined ? 'this node' : `the namespace ${netns} of this node`;
  unreached.push({
    source,
    why:
      networks.length === 0
        ? 'no network has a task of this service yet (vtep status services shows those that there are)'
        : `${place} has no endpoint on ${networks.join(' or ')}; add one to the config, ` +
          `endpoints: { mesh1: { network: ${name}, node: ${node}${where} } }, or to the store, ` +
          `vtep endpoint create --network ${name} --node ${node}${flag} mesh1`,
  });
  return undefined;
}
