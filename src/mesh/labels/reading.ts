/** What the labels of one service are read into. */
import { adviceOn } from './known-labels.js';
import { hostName } from '../routes/host-name.js';
import { BackendMode, type Route, RouteKind, type RouteTrouble } from '../routes/route.js';

/** A service as far as routes are concerned. */
export interface LabelledService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Number of TCP ports that it publishes. */
  readonly publishedPorts: number;
}

/** Routes of a service, and what of its labels wasn't understood. */
export interface ReadLabels {
  readonly routes: readonly Route[];
  readonly troubles: readonly RouteTrouble[];
}

/** Most routes that the labels of one service may have: a rule's alternatives multiply. */
const MAX_ROUTES_OF_SERVICE = 256;
const MAX_PORT = 65_535;
const COOKIE = /^[\w!#$%&'*+.^`|~-]{1,128}$/;

/** A route on which nothing else was said. */
const PLAIN = {
  kind: RouteKind.Http,
  path: '',
  isExact: false,
  rewrite: undefined,
  port: undefined,
  network: undefined,
  mode: BackendMode.Task,
  isHttp2: false,
  sticky: undefined,
  redirect: undefined,
} as const;

/** Collects the routes of a service. */
export class Reading implements ReadLabels {
  readonly routes: Route[] = [];
  readonly troubles: RouteTrouble[] = [];
  readonly service: LabelledService;
  readonly #said = new Set<string>();

  constructor(service: LabelledService) {
    this.service = service;
  }

  /** Reports a label that has no effect, or not the one that it asks for. */
  refuse(source: string, why: string): void {
    const key = `${source}\n${why}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.troubles.push({ source, why });
  }

  /**
   * Reports a label that isn't followed, unless it needs not be.
   * @param name its name as the documents have it
   * @returns whether there can be no route because of it
   */
  pass(source: string, name: string): boolean {
    const advice = adviceOn(name);
    if (advice !== undefined) this.refuse(source, advice.why);
    return advice?.isRouteLost === true;
  }

  /** Adds a route; false if its host is none. */
  add(source: string, host: string, more: Partial<Route> = {}): boolean {
    const name = hostName(host);
    if (name === undefined) {
      this.refuse(source, 'its host is no host name');
      return false;
    }
    if (this.routes.length === MAX_ROUTES_OF_SERVICE) {
      this.refuse(source, `a service can have ${MAX_ROUTES_OF_SERVICE} routes at most`);
      return false;
    }
    const priority = usualPriority(name, more.path ?? '');
    this.routes.push({ ...PLAIN, priority, ...more, source, service: this.service.name, host: name });
    return true;
  }

  /** A port, or undefined, which is reported. */
  port(source: string, text: string): number | undefined {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port >= 1 && port <= MAX_PORT) return port;
    this.refuse(source, 'its port is no number from 1 to 65535');
    return undefined;
  }

  /** A cookie's name, or undefined, which is reported. */
  cookie(source: string, text: string): string | undefined {
    if (COOKIE.test(text)) return text;
    this.refuse(source, "its cookie's name has characters that no cookie has");
    return undefined;
  }

  /** The beginning of a path, or undefined, which is reported. `/` is that of all paths. */
  path(source: string, text: string): string | undefined {
    if (/^\/[!-~]{0,1023}$/.test(text) && !/[?#]/.test(text)) return text === '/' ? '' : text;
    this.refuse(source, 'its path must begin with a slash, and have neither spaces nor a query');
    return undefined;
  }

  /** A boolean as Go reads one, which all three dialects are written in; undefined is reported. */
  boolean(source: string, text: string): boolean | undefined {
    if (/^(1|t|true)$/i.test(text)) return true;
    if (/^(0|f|false)$/i.test(text)) return false;
    this.refuse(source, 'is neither true nor false');
    return undefined;
  }

  /** Where clients are sent, or undefined, which is reported. */
  url(source: string, text: string): string | undefined {
    if (/^https?:\/\/[!-~]{1,2048}$/i.test(text) && URL.canParse(text)) return text;
    this.refuse(source, 'redirects to something other than an http or https URL');
    return undefined;
  }
}

/** The priority of a route that has none: as in Traefik, the length of its rule, whichever dialect it is from. */
function usualPriority(host: string, path: string): number {
  const ofPath = path === '' ? '' : ` && PathPrefix(\`${path}\`)`;
  return `Host(\`${host}\`)${ofPath}`.length;
}

/** What the groups of a pattern matched; empty if it doesn't match. */
export function groupsOf(pattern: RegExp, text: string): readonly (string | undefined)[] {
  return pattern.exec(text)?.slice(1) ?? [];
}
