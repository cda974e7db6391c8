/** Reads the HTTP routing mesh that a config, or a file of its own, describes. */
import { inQuotes } from '../../text/plain-text.js';
import { OverlayError } from '../error.js';
import type { Locations, Path } from '../locations.js';
import { formatAddress, parseIp, parsePrefix } from '../prefix.js';
import { listOf } from '../schema.js';
import { MAX_MESH_ADDRESSES, MAX_MESH_PORTS, type ParsedMesh } from './mesh-schema.js';
import { type ConfiguredRoute, DEFAULT_MESH, type MeshSettings, ProxyVersion } from './mesh-settings.js';
import { checkKnown } from './read-values.js';

/** What a config has that a mesh names. */
export interface MeshSurroundings {
  readonly nodes: readonly string[];
  /** Networks of the services, by name of the service. */
  readonly services: ReadonlyMap<string, readonly string[]>;
}

const VERSIONS = { none: ProxyVersion.None, v1: ProxyVersion.Text, v2: ProxyVersion.Binary } as const;

/**
 * Reads a mesh.
 * @param path where it is
 * @param known what the config has; undefined where nodes and services come from elsewhere
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readMesh(
  parsed: ParsedMesh | boolean,
  path: Path,
  locations: Locations,
  known: MeshSurroundings | undefined,
): MeshSettings {
  if (typeof parsed === 'boolean') return { ...DEFAULT_MESH, isOff: !parsed };
  const { http, tls, netns, acceptProxy, sendProxy, forwarded, debug, log, nodes, timeouts } = parsed;
  const inside = (...more: Path): Path => [...path, ...more];
  checkPorts(parsed, path, locations);
  if (acceptProxy && parsed.trusted.length === 0) {
    const at = inside('acceptProxy');
    const why =
      'PROXY headers are read from trusted peers only; list the subnets of the proxies in front under trusted';
    throw locations.error(at, `${at.join('.')}: ${why}`);
  }
  if (known !== undefined) {
    for (const [i, node] of nodes.entries()) checkKnown(node, 'node', known.nodes, inside('nodes', i), locations);
  }
  return {
    isOff: false,
    http,
    tls,
    listen: addressesOf(listOf(parsed.listen), inside('listen'), locations),
    netns,
    trusted: parsed.trusted.map((text, i) => locations.read(inside('trusted', i), parsePrefix, text)),
    acceptProxy,
    sendProxy: VERSIONS[sendProxy],
    forwarded,
    debug,
    log,
    nodes,
    timeouts,
    routes: parsed.routes.map((route, i) => readRoute(route, inside('routes', i), locations, known)),
  };
}

/** A port is for HTTP or for TLS. */
function checkPorts({ http, tls }: ParsedMesh, path: Path, locations: Locations): void {
  const lists = { http, tls };
  const taken = new Set<number>();
  for (const [name, ports] of Object.entries(lists)) {
    for (const [i, port] of ports.entries()) {
      const at = [...path, name, i];
      if (taken.has(port)) throw locations.error(at, `${at.join('.')}: port ${port} is listed twice`);
      taken.add(port);
      if (taken.size > MAX_MESH_PORTS) {
        throw locations.error(at, `${at.join('.')}: more than ${MAX_MESH_PORTS} TCP ports`);
      }
    }
  }
  if (taken.size > 0) return;
  const at = [...path, 'http'];
  throw locations.error(at, `${at.join('.')}: there is no port to listen on; mesh: false is for no mesh`);
}

function addressesOf(texts: readonly string[], path: Path, locations: Locations): string[] {
  if (texts.length > MAX_MESH_ADDRESSES) {
    throw locations.error(path, `${path.join('.')}: more than ${MAX_MESH_ADDRESSES} IP addresses`);
  }
  const addresses = texts.map((text, i) => formatAddress(locations.read(itemPath(path, i, texts), parseIp, text)));
  const again = addresses.findIndex((address, i) => addresses.indexOf(address) !== i);
  if (again < 0) return addresses;
  const at = itemPath(path, again, texts);
  throw locations.error(at, `${at.join('.')}: ${addresses[again]} is listed twice`);
}

/** The place of an item of a list; a single one needn't be in a list. */
function itemPath(path: Path, index: number, texts: readonly string[]): Path {
  return texts.length === 1 ? path : [...path, index];
}

function readRoute(
  route: ParsedMesh['routes'][number],
  path: Path,
  locations: Locations,
  known: MeshSurroundings | undefined,
): ConfiguredRoute {
  const { url, service, port, network, rewrite, vip, http2, sticky, redirect } = route;
  const isHttp = locations.read([...path, 'url'], checkUrl, url) === 'http';
  const only = { rewrite, sticky, redirect, http2: http2 || undefined };
  for (const [name, value] of Object.entries(only)) {
    if (isHttp || value === undefined) continue;
    throw locations.error([...path, name], `${[...path, name].join('.')}: not of sni://, which stays encrypted`);
  }
  if (rewrite !== undefined && !rewrite.startsWith('/')) {
    throw locations.error(
      [...path, 'rewrite'],
      `${[...path, 'rewrite'].join('.')}: ${inQuotes(rewrite)} must begin with a slash`,
    );
  }
  if (redirect !== undefined && !/^https?:\/\//i.test(redirect)) {
    const why = `${inQuotes(redirect)} must begin with http:// or https://`;
    throw locations.error([...path, 'redirect'], `${[...path, 'redirect'].join('.')}: ${why}`);
  }
  if (known !== undefined) {
    checkKnown(service, 'service', [...known.services.keys()], [...path, 'service'], locations);
    const networks = known.services.get(service) ?? [];
    if (network !== undefined) checkKnown(network, 'network of the service', networks, [...path, 'network'], locations);
  }
  return { url, service, port, network, rewrite, vip, http2, stickyCookie: sticky, redirect, source: sourceOf(path) };
}

/** Checks the form of a URL; what a host name is, the mesh knows. Returns its scheme. */
function checkUrl(url: string): 'http' | 'sni' {
  const wrong = (why: string): never => {
    throw new OverlayError('BAD_CONFIG', `${inQuotes(url)} ${why}`);
  };
  const [, scheme = '', host = '', path = ''] = /^([a-z]+):\/\/([^/]*)(.*)$/i.exec(url) ?? [];
  const kind = scheme.toLowerCase();
  if (kind === 'https') return wrong('is TLS, which is passed through: use sni://HOST');
  if (kind !== 'http' && kind !== 'sni') return wrong('is neither http://HOST[/PATH] nor sni://HOST');
  if (host === '') return wrong('has no host');
  if (/:\d*$/.test(host)) return wrong('has a port: http and tls of the mesh list those that it listens on');
  if (/[\s@?#]/.test(host)) return wrong('has a host that is no host name');
  if (/[\s?#]/.test(path)) return wrong('has a path with spaces, a query or a fragment');
  return kind === 'sni' && path !== '' && path !== '/' ? wrong("has a path, which can't be read through TLS") : kind;
}

/** A place as `mesh.routes[3]`. */
function sourceOf(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}
