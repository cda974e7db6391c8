/** Routes that a config has, beside those of labels. */
import type { ConfiguredRoute } from '../../overlay/index.js';
import { Reading, type ReadLabels } from '../labels/reading.js';
import { BackendMode, type Route, RouteKind, type RouteTrouble } from './route.js';

const URL_FORM = /^(http|sni):\/\/([^/:?#\s]{1,512})(\/[^?#\s]*)?$/i;

/**
 * The routes of a config, and what is wrong with those that are none.
 * @param routes as `MeshSettings` has them
 */
export function configuredRoutes(routes: readonly ConfiguredRoute[]): ReadLabels {
  const found: Route[] = [];
  const troubles: RouteTrouble[] = [];
  for (const route of routes) {
    const reading = new Reading({ name: route.service, labels: {}, publishedPorts: 0 });
    readRoute(reading, route);
    found.push(...reading.routes);
    troubles.push(...reading.troubles);
  }
  return { routes: found, troubles };
}

function readRoute(reading: Reading, route: ConfiguredRoute): void {
  const { url, port, network, vip, http2, rewrite, stickyCookie, redirect, source } = route;
  const parts = URL_FORM.exec(url);
  if (parts === null) {
    reading.refuse(source, 'its url is neither http://HOST[/PATH] nor sni://HOST');
    return;
  }
  const [, scheme, host] = parts;
  const given = parts.at(3) ?? '/';
  const kind = scheme.toLowerCase() === 'sni' ? RouteKind.Sni : RouteKind.Http;
  if (kind === RouteKind.Sni && given !== '/') {
    reading.refuse(source, "its url has a path, which can't be read through TLS");
    return;
  }
  const path = reading.path(source, given);
  const begin = rewrite === undefined ? undefined : reading.path(source, rewrite);
  const cookie = stickyCookie === undefined ? undefined : reading.cookie(source, stickyCookie);
  const target = redirect === undefined ? undefined : reading.url(source, redirect);
  // A route that lacks a part of what was asked for would go elsewhere.
  if (reading.troubles.length > 0 || path === undefined) return;
  reading.add(source, host, {
    kind,
    path,
    port,
    network,
    mode: vip ? BackendMode.Vip : BackendMode.Task,
    isHttp2: http2,
    rewrite: rewrite === undefined ? undefined : begin === '' ? '/' : begin,
    sticky: cookie === undefined ? undefined : { cookie, isOwn: false },
    redirect: target,
  });
}
