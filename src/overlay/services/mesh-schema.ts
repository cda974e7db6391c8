/** The HTTP routing mesh in a config. */
import * as z from 'zod';
import { bool, fields, not, oneOf, oneOrMore, text, whole } from '../schema.js';
import { DEFAULT_MESH, ForwardedStyle } from './mesh-settings.js';
import { NETNS } from './swarm-schema.js';

/** Seconds of a day. */
const MAX_SECONDS = 86_400;
const MAX_PORT = 65_535;
/** So that a few characters can't ask for a socket on each port and address. */
const MAX_PORTS = 64;
const MAX_ADDRESSES = 64;
const MAX_PREFIXES = 1024;
const MAX_ROUTES = 4096;
const MAX_URL = 2048;

/** At most so many of something. */
function list<T extends z.ZodType>(of: T, most: number, what: string): z.ZodArray<T> {
  return z.array(of, { error: not(`a list of ${what}`) }).max(most, `more than ${most} ${what}`);
}

const PORTS = list(whole(1, MAX_PORT, 'a TCP port'), MAX_PORTS, 'TCP ports');

function seconds(usual: number): z.ZodDefault<z.ZodNumber> {
  const error = not(`a number of seconds, more than 0 and at most ${MAX_SECONDS}`);
  return z.number({ error }).positive({ error }).max(MAX_SECONDS, { error }).default(usual);
}

function shortText(what: string): z.ZodString {
  return text(what)
    .min(1, `${what} must not be empty`)
    .max(MAX_URL, `${what} must not be longer than ${MAX_URL} characters`);
}

const ROUTE = fields('the fields of a route', {
  url: shortText('a URL such as http://www.example.org/api or sni://www.example.org'),
  service: shortText('the name of a service'),
  port: whole(1, MAX_PORT, 'a TCP port').optional(),
  network: shortText('the name of a network').optional(),
  rewrite: shortText('a path').optional(),
  vip: bool().default(false),
  http2: bool().default(false),
  sticky: shortText('the name of a cookie').optional(),
  redirect: shortText('a URL').optional(),
});

const { timeouts } = DEFAULT_MESH;

/** Its fields. */
export const MESH_FIELDS = fields('the fields of the mesh', {
  http: PORTS.default([...DEFAULT_MESH.http]),
  tls: PORTS.default([...DEFAULT_MESH.tls]),
  listen: oneOrMore('an IP address').default([...DEFAULT_MESH.listen]),
  netns: NETNS.optional(),
  trusted: list(text('a subnet'), MAX_PREFIXES, 'subnets').default([]),
  acceptProxy: bool().default(DEFAULT_MESH.acceptProxy),
  sendProxy: oneOf('none', 'v1', 'v2').default('none'),
  forwarded: oneOf(ForwardedStyle.X, ForwardedStyle.Standard, ForwardedStyle.Both).default(DEFAULT_MESH.forwarded),
  debug: bool().default(DEFAULT_MESH.debug),
  log: text('a file, or -')
    .min(1, 'the name of a file must not be empty')
    .max(4095, 'the name of a file must not be longer than 4095 characters')
    .optional(),
  nodes: z.array(text('the name of a node'), { error: not('a list of nodes') }).default([]),
  timeouts: fields('the fields of timeouts', {
    head: seconds(timeouts.head),
    idle: seconds(timeouts.idle),
    connect: seconds(timeouts.connect),
    response: seconds(timeouts.response),
    tunnel: seconds(timeouts.tunnel),
  }).prefault({}),
  routes: list(ROUTE, MAX_ROUTES, 'routes').default([]),
});

/** Its fields, or whether there is one. */
export const MESH = z.union([z.boolean(), MESH_FIELDS], { error: not('the fields of the mesh, or false') });

/** The most addresses that it listens on. */
export const MAX_MESH_ADDRESSES = MAX_ADDRESSES;
/** The most ports that it listens on. */
export const MAX_MESH_PORTS = MAX_PORTS;

/** What the schema gives. */
export type ParsedMesh = z.infer<typeof MESH_FIELDS>;
