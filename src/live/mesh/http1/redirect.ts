/** Redirects of routes. */
import { Method } from '../../../mesh/index.js';

const FOUND = 302;
const TEMPORARY_REDIRECT = 307;

/** The status of a redirect, as Traefik has it: other methods than GET and HEAD must stay what they are. */
export function redirectStatus(method: Method): number {
  return method === Method.Get || method === Method.Head ? FOUND : TEMPORARY_REDIRECT;
}

/**
 * Where a client is sent.
 * @param url the route's; the request's path and query follow if it has neither
 * @param path the request's, with its query
 */
export function redirectTarget(url: string, path: string): string {
  const rest = url.slice(url.indexOf('://') + '://'.length);
  const slash = rest.search(/[/?#]/);
  if (slash >= 0 && rest.slice(slash) !== '/') return url;
  const origin = slash >= 0 ? url.slice(0, -1) : url;
  return origin + (path.startsWith('/') ? path : path.startsWith('?') ? `/${path}` : '/');
}
