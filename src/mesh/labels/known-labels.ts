/**
 * The labels of the three dialects, as their documents list them: what each means, and what becomes of it here. docs/mesh.md
 * has them as a table.
 */
import { didYouMean } from '../../text/suggestion.js';

/** Whose labels they are. */
export const Dialect = {
  /** docs.docker.com, UCP 2.0 to 2.2, "Use domain names to access services". */
  Ucp: 'UCP 2',
  /** docs.mirantis.com, MKE 3.7, and docs.docker.com, UCP 3.0, "Use service labels". */
  Interlock: 'Interlock',
  /** doc.traefik.io, v2.11 and v3, "Traefik & Docker Swarm". */
  Traefik: 'Traefik',
} as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

/** What becomes of a label. */
export const Support = {
  Followed: 'yes',
  /** It asks for nothing that isn't done in any case, and isn't reported. */
  Needless: 'not needed',
  /** It is reported; the route works without it. */
  Reported: 'no',
  /** It is reported, and there is no route: one without it would expose what it protects, or go elsewhere. */
  NoRoute: 'no route',
} as const;
export type Support = (typeof Support)[keyof typeof Support];

/** A label, or a part of one. */
export interface KnownLabel {
  readonly dialect: Dialect;
  /** Its name; `<name>` is any text without a dot, `<...>` any text, `[n]` an index. */
  readonly name: string;
  readonly meaning: string;
  readonly support: Support;
  /** Of one that isn't followed: why, and what to do. */
  readonly advice?: string;
}

type Row = readonly [name: string, meaning: string, support?: Support, advice?: string];

const NO_TLS = 'TLS is not terminated here';
const { Followed, Needless, Reported, NoRoute } = Support;

const UCP: readonly Row[] = [
  ['com.docker.ucp.mesh.http<...>', 'a route, by the fields of its value; any number with different endings'],
  ['com.docker.ucp.mesh.http<...>: external_route', '`http://HOST` or `sni://HOST`'],
  ['com.docker.ucp.mesh.http<...>: internal_port', 'port of the tasks, if the service publishes several'],
  ['com.docker.ucp.mesh.http<...>: sticky_sessions', 'name of the cookie of the application; not of `sni://`'],
  ['com.docker.ucp.mesh.http<...>: redirect', 'URL where clients are sent instead'],
  ['com.docker.ucp.mesh.http<...>: PORT=http://HOST', 'the form of UCP 2.0, several with commas between them'],
];

const INTERLOCK: readonly Row[] = [
  ['hosts', 'hosts, with commas between them: a route each'],
  ['port', 'port of the tasks, if the service publishes several'],
  ['network', 'network on which the tasks are reached'],
  ['context_root', 'beginning of the paths'],
  ['context_root_rewrite', '`true`: the service sees `/` instead of it'],
  ['sticky_session_cookie', 'name of the cookie of the application'],
  ['redirects', '`FROM,TO`, several with semicolons between them; only the host of FROM counts'],
  ['ssl_passthrough', '`true`: connections of TLS, by server name'],
  ['backend_mode', '`task` (default) or `vip`'],
  ['websocket_endpoints', 'paths of WebSockets', Needless, 'every path can be upgraded'],
  ['ssl_only', '`true`: HTTPS only', NoRoute, `${NO_TLS}: let the service do it, with ssl_passthrough`],
  ['ssl_cert', 'certificate', Reported, `${NO_TLS}: let the service do it, with ssl_passthrough`],
  ['ssl_key', 'key of it', Reported, `${NO_TLS}: let the service do it, with ssl_passthrough`],
  ['ssl_backend', '`true`: TLS to the tasks', NoRoute, 'tasks are spoken to in clear text: use ssl_passthrough'],
  ['ssl_backend_tls_verify', 'how their certificate is verified', Reported, 'see ssl_backend'],
  ['ip_hash', 'the same task for a client address', Reported, 'use sticky_session_cookie'],
  ['service_cluster', 'which proxies have the route', Reported, 'mesh.nodes of the config says which nodes have all'],
];

const TRAEFIK: readonly Row[] = [
  ['enable', '`false`: no routes'],
  ['swarm.network', 'network on which the tasks are reached (`docker.network` in v2)'],
  ['docker.network', 'the same in v2'],
  ['swarm.lbswarm', '`true`: the virtual IP instead of tasks (`docker.lbswarm` in v2)'],
  ['docker.lbswarm', 'the same in v2'],
  ['http.routers.<router>.rule', '`Host`, `Path` and `PathPrefix` with `&&`, `||` and parentheses'],
  ['http.routers.<router>.service', 'the one of several services of these labels'],
  ['http.routers.<router>.priority', 'higher ones first; default: the length of the rule'],
  ['http.routers.<router>.entrypoints', 'where it listens', Needless, 'mesh.http and mesh.tls of the config say it'],
  ['http.routers.<router>.rulesyntax', 'version of the rule', Needless, 'both are read'],
  [
    'http.routers.<router>.middlewares',
    'what changes or refuses requests',
    NoRoute,
    'there are no middlewares: without them its service might be exposed. Let the service do it, and remove the label',
  ],
  ['http.routers.<router>.tls', '`true`: HTTPS only', NoRoute, `${NO_TLS}: use a TCP router with tls.passthrough`],
  ['http.routers.<router>.tls.<...>', 'certificates', NoRoute, `${NO_TLS}: use a TCP router with tls.passthrough`],
  ['http.routers.<router>.observability.<option>', 'logs, metrics and traces', Needless, 'all routes have the same'],
  ['http.services.<service>.loadbalancer.server.port', 'port of the tasks: needed'],
  ['http.services.<service>.loadbalancer.server.scheme', '`http` or `h2c`; there is no route for `https`'],
  ['http.services.<service>.loadbalancer.sticky', '`true`: a cookie that the mesh sets'],
  ['http.services.<service>.loadbalancer.sticky.cookie', 'the same'],
  ['http.services.<service>.loadbalancer.sticky.cookie.name', 'its name'],
  [
    'http.services.<service>.loadbalancer.sticky.cookie.<option>',
    'its attributes',
    Reported,
    'the mesh has its own: remove the label',
  ],
  ['http.services.<service>.loadbalancer.passhostheader', '`true`; the host of the client is passed on in any case'],
  [
    'http.services.<service>.loadbalancer.healthcheck.<...>',
    'requests that ask tasks for their health',
    Reported,
    "tasks are chosen by the swarm's health and by failed connections: give the service a health check",
  ],
  [
    'http.services.<service>.loadbalancer.passivehealthcheck.<option>',
    'tasks that fail get no requests',
    Reported,
    'tasks that refuse connections get none for a while in any case: remove the label',
  ],
  [
    'http.services.<service>.loadbalancer.strategy',
    'how a task is chosen',
    Reported,
    'tasks take turns: remove the label',
  ],
  [
    'http.services.<service>.loadbalancer.responseforwarding.flushinterval',
    'when responses are sent',
    Needless,
    'at once',
  ],
  [
    'http.services.<service>.loadbalancer.serverstransport',
    'how tasks are reached',
    Reported,
    'timeouts are those of the mesh: remove the label',
  ],
  [
    'http.services.<service>.loadbalancer.server.<option>',
    'other servers',
    NoRoute,
    'only tasks of the service are backends',
  ],
  [
    'http.services.<service>.<...>',
    'weights, mirrors and failover',
    NoRoute,
    'a route goes to one service: use loadbalancer.server.port',
  ],
  [
    'http.middlewares.<name>.<...>',
    'what changes or refuses requests',
    Reported,
    'there are no middlewares: let the service do it',
  ],
  ['http.serverstransports.<name>.<...>', 'how tasks are reached', Reported, 'timeouts are those of the mesh'],
  ['tcp.routers.<router>.rule', '`HostSNI` with `||` and parentheses; not of `*`'],
  ['tcp.routers.<router>.tls.passthrough', '`true`: needed, since TLS is not terminated'],
  ['tcp.routers.<router>.tls', 'without meaning beside `tls.passthrough`', Needless],
  ['tcp.routers.<router>.service', 'the one of several services of these labels'],
  ['tcp.routers.<router>.priority', 'higher ones first; default: the length of the rule'],
  ['tcp.routers.<router>.entrypoints', 'where it listens', Needless, 'mesh.tls of the config says it'],
  ['tcp.routers.<router>.rulesyntax', 'version of the rule', Needless, 'both are read'],
  [
    'tcp.routers.<router>.middlewares',
    'what refuses connections',
    NoRoute,
    'there are no middlewares: let the service do it, and remove the label',
  ],
  ['tcp.routers.<router>.tls.<...>', 'certificates', NoRoute, `${NO_TLS}: use tls.passthrough alone`],
  ['tcp.services.<service>.loadbalancer.server.port', 'port of the tasks: needed'],
  [
    'tcp.services.<service>.loadbalancer.server.tls',
    'TLS to the tasks',
    Reported,
    'connections are passed on as they are',
  ],
  [
    'tcp.services.<service>.loadbalancer.proxyprotocol.version',
    'the PROXY protocol to tasks',
    Reported,
    'set mesh.sendProxy in the config',
  ],
  ['tcp.services.<service>.loadbalancer.terminationdelay', 'half-closed connections', Needless],
  [
    'tcp.services.<service>.loadbalancer.serverstransport',
    'how tasks are reached',
    Reported,
    'timeouts are those of the mesh: remove the label',
  ],
  ['tcp.services.<service>.<...>', 'weights', NoRoute, 'a route goes to one service: use loadbalancer.server.port'],
  ['tcp.middlewares.<name>.<...>', 'what refuses connections', Reported, 'there are no middlewares'],
  ['tcp.serverstransports.<name>.<...>', 'how tasks are reached', Reported, 'timeouts are those of the mesh'],
  ['udp.<...>', 'UDP', Reported, 'only HTTP and TLS have hosts: publish the port of the service'],
  ['tls.<...>', 'certificates', Reported, `${NO_TLS}: use a TCP router with tls.passthrough`],
  ['constraint-label', 'which Traefik follows the labels', Reported, 'all nodes with a mesh do'],
  ['tags', 'which Traefik follows the labels', Reported, 'all nodes with a mesh do'],
  ...['frontend', 'backend', 'port', 'protocol', 'weight', 'domain'].map((name): Row => {
    const full = name === 'frontend' || name === 'backend' ? `${name}.<...>` : name;
    return [full, 'of Traefik 1', Reported, 'use traefik.http.routers and traefik.http.services'];
  }),
];

function rows(dialect: Dialect, prefix: string, all: readonly Row[]): KnownLabel[] {
  return all.map(([name, meaning, support = Followed, advice]) => {
    return { dialect, name: prefix + name, meaning, support, ...(advice === undefined ? {} : { advice }) };
  });
}

/** All of them; the first that matches counts. */
export const LABELS: readonly KnownLabel[] = [
  ...rows(Dialect.Ucp, '', UCP),
  ...rows(Dialect.Interlock, 'com.docker.lb.', INTERLOCK),
  ...rows(Dialect.Traefik, 'traefik.', TRAEFIK),
];

const PATTERNS: readonly (readonly [RegExp, KnownLabel])[] = LABELS.filter(({ name }) => !name.includes(': ')).map(
  (label) => [patternOf(label.name), label],
);

/** Segments are divided by dots, which none of them has, so that a pattern never backtracks for long. */
function patternOf(name: string): RegExp {
  const source = name.replace(/<\.\.\.>|<\w+>|[.[\]-]/g, (part) => {
    if (part === '<...>') return '.*';
    return part.startsWith('<') ? '[^.]+' : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 's');
}

/** The label of a name; undefined if no document has it. Names of Traefik are given in lower case. */
export function knownLabel(name: string): KnownLabel | undefined {
  return PATTERNS.find(([pattern]) => pattern.test(name))?.[1];
}

/** Why a label isn't followed, and what to do; undefined if it needs not be. */
export function adviceOn(name: string): { readonly why: string; readonly isRouteLost: boolean } | undefined {
  const known = knownLabel(name);
  if (known === undefined) return { why: `isn't a known label${nearest(name)}`, isRouteLost: false };
  if (known.support === Support.Needless) return undefined;
  return { why: known.advice ?? "isn't followed here", isRouteLost: known.support === Support.NoRoute };
}

/** A suggestion for the one segment that no label has there. */
function nearest(name: string): string {
  const segments = name.split('.');
  const words = new Map<number, Set<string>>();
  for (const label of LABELS) {
    const own = label.name.replace(/: .*$/, '').split('.');
    if (own.length !== segments.length) continue;
    const differing = [...own.keys()].filter((i) => !own[i].startsWith('<') && own[i] !== segments[i]);
    if (differing.length !== 1) continue;
    const [at] = differing;
    words.set(at, (words.get(at) ?? new Set()).add(own[at]));
  }
  const hints = Array.from(words, ([at, names]) => didYouMean(segments[at], [...names]));
  return hints.find((hint) => hint !== '') ?? '';
}
