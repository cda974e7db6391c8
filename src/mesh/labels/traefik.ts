/**
 * Labels of Traefik's provider for swarms (doc.traefik.io, v3; v2's `traefik.docker.*` too): routers, the services behind
 * them, and which network they are reached on.
 */
import { BackendMode, type Route, RouteKind } from '../routes/route.js';
import { groupsOf, type Reading } from './reading.js';
import { readRule, RuleError, type RuleMatch } from './traefik-rule.js';

export const TRAEFIK_PREFIX = 'traefik.';
const ROUTER = /^(http|tcp)\.routers\.([^.]+)\.(.+)$/;
const SERVICE = /^(http|tcp)\.services\.([^.]+)\.loadbalancer\.(.+)$/;
const DEFAULT_COOKIE = '_traefik_vtep';

/** The labels of a router or a service, by the rest of their names. */
type Group = Map<string, { readonly source: string; readonly value: string }>;
type Settings = { -readonly [K in keyof Route]?: Route[K] };

/**
 * Reads all of them.
 * @param labels by their whole names
 */
export function readTraefik(reading: Reading, labels: ReadonlyMap<string, string>): void {
  const routers = new Map<string, Group>();
  const services = new Map<string, Group>();
  const common: Settings = {};
  let isEnabled = true;
  for (const [source, value] of labels) {
    const name = source.slice(TRAEFIK_PREFIX.length).toLowerCase();
    const [routerKind, router, routerPart] = groupsOf(ROUTER, name);
    const [serviceKind, service, servicePart] = groupsOf(SERVICE, name);
    if (routerPart !== undefined) add(routers, `${routerKind} ${router}`, routerPart, source, value);
    else if (servicePart !== undefined) add(services, `${serviceKind} ${service}`, servicePart, source, value);
    else if (name === 'enable') isEnabled = reading.boolean(source, value) ?? true;
    else if (name === 'swarm.network' || name === 'docker.network') common.network = value;
    else if (name === 'swarm.lbswarm' || name === 'docker.lbswarm') {
      if (reading.boolean(source, value) === true) common.mode = BackendMode.Vip;
    } else reading.pass(source, TRAEFIK_PREFIX + name);
  }
  if (!isEnabled) return;
  const used = new Set<Group>();
  for (const [name, router] of routers) readRouter(reading, name, router, services, common, used);
  for (const [key, service] of services) {
    if (used.has(service)) continue;
    const [{ source }] = [...service.values()];
    const [kind] = key.split(' ');
    reading.refuse(
      source,
      `no router leads to it: add traefik.${kind}.routers.NAME.rule, since there is no default rule`,
    );
  }
}

function add(groups: Map<string, Group>, name: string, part: string, source: string, value: string): void {
  const group = groups.get(name) ?? (new Map() as Group);
  group.set(part, { source, value });
  groups.set(name, group);
}

function readRouter(
  reading: Reading,
  name: string,
  router: Group,
  services: ReadonlyMap<string, Group>,
  common: Settings,
  used: Set<Group>,
): void {
  const [kind] = name.split(' ');
  const isTcp = kind === 'tcp';
  const more: Settings = { ...common, kind: isTcp ? RouteKind.Sni : RouteKind.Http };
  let wanted: string | undefined;
  let given: number | undefined;
  let isLost = false;
  for (const [part, { source, value }] of router) {
    if (part === 'rule' || (isTcp && part === 'tls.passthrough')) continue;
    if (part === 'service') wanted = value.toLowerCase();
    else if (part === 'priority') given = priorityOf(reading, source, value);
    else if (part === 'tls' && /^(0|f|false)$/i.test(value)) continue;
    else if (reading.pass(source, `${TRAEFIK_PREFIX}${kind}.routers.r.${part}`)) isLost = true;
  }
  const rule = router.get('rule');
  if (rule === undefined) {
    const [{ source }] = [...router.values()];
    reading.refuse(source, 'its router has no rule');
    return;
  }
  if (isTcp && reading.boolean(rule.source, router.get('tls.passthrough')?.value ?? 'false') !== true) {
    reading.refuse(rule.source, 'TLS is not terminated here: its router needs tls.passthrough=true');
    return;
  }
  const settings = settingsOfService(reading, rule.source, kind, wanted, services, used);
  if (settings === undefined || isLost) return;
  const priority = given ?? rule.value.length;
  addRoutes(reading, rule.source, rule.value, { ...more, ...settings, priority });
}

/** 0 stands for the default, as in Traefik. */
function priorityOf(reading: Reading, source: string, text: string): number | undefined {
  if (/^-?\d{1,9}$/.test(text)) return Number(text) === 0 ? undefined : Number(text);
  reading.refuse(source, 'is no number');
  return undefined;
}

function addRoutes(reading: Reading, source: string, rule: string, more: Settings): void {
  let matches: readonly RuleMatch[];
  try {
    matches = readRule(rule, more.kind === RouteKind.Sni ? 'HostSNI' : 'Host');
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    reading.refuse(source, error.message);
    return;
  }
  for (const { host, path, isExact } of matches) {
    if (host === undefined) reading.refuse(source, 'its rule names no host: add Host(`www.example.org`)');
    else if (host === '*') reading.refuse(source, 'its rule takes the connections of all hosts: name them');
    else if (/[{}]/.test(path))
      reading.refuse(source, 'its path has a placeholder: use PathPrefix with what is before it');
    else {
      const begin = path === '' ? '' : reading.path(source, path);
      if (begin !== undefined)
        reading.add(source, host, { ...more, path: isExact && begin === '' ? '/' : begin, isExact });
    }
  }
}

/** What the service behind a router says: the one that it names, or the only one. */
function settingsOfService(
  reading: Reading,
  source: string,
  kind: string,
  wanted: string | undefined,
  services: ReadonlyMap<string, Group>,
  used: Set<Group>,
): Settings | undefined {
  if (wanted !== undefined && /@(?!swarm$|docker$)/.test(wanted)) {
    reading.refuse(source, 'its router names a service of another provider: only services with labels are known');
    return undefined;
  }
  const names = [...services.keys()].filter((name) => name.startsWith(`${kind} `));
  if (wanted === undefined && names.length > 1) {
    reading.refuse(source, 'its router names none of several services');
    return undefined;
  }
  const service = services.get(
    wanted === undefined ? (names.at(0) ?? '') : `${kind} ${wanted.replace(/@(?:swarm|docker)$/, '')}`,
  );
  if (service === undefined) {
    reading.refuse(
      source,
      `needs loadbalancer.server.port of ${wanted === undefined ? 'a service' : 'the service that it names'}`,
    );
    return undefined;
  }
  used.add(service);
  return readService(reading, source, service, kind);
}

function readService(reading: Reading, rule: string, service: Group, kind: string): Settings | undefined {
  const more: Settings = {};
  let isLost = false;
  let isSticky = false;
  let cookie = DEFAULT_COOKIE;
  for (const [part, { source, value }] of service) {
    if (part === 'server.port') more.port = reading.port(source, value);
    else if (part === 'server.scheme' && value === 'h2c') more.isHttp2 = true;
    else if (part === 'server.scheme' && value === 'http') more.isHttp2 = false;
    else if (part === 'server.scheme') {
      isLost = true;
      reading.refuse(source, 'is neither http nor h2c: use a TCP router with tls.passthrough for tasks with TLS');
    } else if (part === 'strategy' && value === 'wrr') continue;
    else if (part === 'sticky' || part === 'sticky.cookie') isSticky = reading.boolean(source, value) ?? false;
    else if (part === 'sticky.cookie.name') {
      isSticky = true;
      cookie = reading.cookie(source, value) ?? cookie;
    } else if (part === 'passhostheader') {
      if (reading.boolean(source, value) === false)
        reading.refuse(source, 'the host of the client is passed on in any case: remove the label');
    } else if (reading.pass(source, `${TRAEFIK_PREFIX}${kind}.services.s.loadbalancer.${part}`)) isLost = true;
  }
  if (isLost) return undefined;
  if (more.port === undefined) {
    if (!service.has('server.port'))
      reading.refuse(rule, 'needs loadbalancer.server.port: ports are not found out in a swarm');
    return undefined;
  }
  if (isSticky) more.sticky = { cookie, isOwn: true };
  return more;
}
