/**
 * Labels of UCP's HTTP routing mesh: `com.docker.ucp.mesh.http*` (docs.docker.com, UCP 2.1 and 2.2, "Use labels in the
 * HTTP routing mesh"). Each label is a route.
 */
import { didYouMean } from '../../text/suggestion.js';
import { type Route, RouteKind } from '../routes/route.js';
import { groupsOf, type Reading } from './reading.js';

export const UCP_PREFIX = 'com.docker.ucp.mesh.http';
const ROUTE = /^(http|sni):\/\/([^/:]+)(?::\d{1,5})?\/?$/i;
/** The form of UCP 2.0: `8080=http://host`. */
const OLD = /^(?:(\d{1,5})=)?((?:http|sni):\/\/.*)$/i;

/** Reads one label. */
export function readUcp(reading: Reading, source: string, value: string): void {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.every((part) => OLD.test(part))) {
    for (const part of parts) {
      const [port, route = ''] = groupsOf(OLD, part);
      addRoute(
        reading,
        source,
        new Map([['external_route', route], ...(port === undefined ? [] : [['internal_port', port] as const])]),
      );
    }
    return;
  }
  const fields = new Map<string, string>();
  for (const part of parts) {
    const [key, given = ''] = groupsOf(/^([a-z_]{1,64})=(.*)$/, part);
    if (key === undefined) {
      reading.refuse(source, 'has a part that is not key=value');
      return;
    }
    if (fields.has(key)) {
      reading.refuse(source, `has ${key} twice`);
      return;
    }
    fields.set(key, given);
  }
  addRoute(reading, source, fields);
}

const KNOWN: ReadonlySet<string> = new Set(['external_route', 'internal_port', 'sticky_sessions', 'redirect']);

function addRoute(reading: Reading, source: string, fields: ReadonlyMap<string, string>): void {
  for (const key of fields.keys()) {
    if (!KNOWN.has(key)) reading.refuse(source, `${key} isn't a part of it${didYouMean(key, [...KNOWN])}`);
  }
  const [scheme, host = ''] = groupsOf(ROUTE, fields.get('external_route') ?? '');
  if (scheme === undefined) {
    reading.refuse(source, 'needs external_route=http://HOST or sni://HOST');
    return;
  }
  const kind = scheme.toLowerCase() === 'sni' ? RouteKind.Sni : RouteKind.Http;
  const more: { -readonly [K in keyof Route]?: Route[K] } = { kind };
  const port = fields.get('internal_port');
  if (port !== undefined) {
    more.port = reading.port(source, port);
    if (more.port === undefined) return;
  } else if (reading.service.publishedPorts !== 1) {
    reading.refuse(source, `needs internal_port: the service publishes ${reading.service.publishedPorts} ports`);
    return;
  }
  const cookie = fields.get('sticky_sessions');
  if (cookie !== undefined) {
    if (kind === RouteKind.Sni)
      reading.refuse(source, "can't read cookies of TLS connections: sticky_sessions has no effect");
    else {
      const name = reading.cookie(source, cookie);
      if (name !== undefined) more.sticky = { cookie: name, isOwn: false };
    }
  }
  const redirect = fields.get('redirect');
  if (redirect !== undefined) {
    more.redirect = reading.url(source, redirect);
    if (more.redirect === undefined) return;
  }
  reading.add(source, host, more);
}
