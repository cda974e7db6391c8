/** Parses the config file, YAML or JSON, into a topology. Every error states its line and how to fix it. */
import * as z from 'zod';
import { inQuotes } from '../text/plain-text.js';
import { describeText } from '../text/recognised-text.js';
import { alternatives, didYouMean } from '../text/suggestion.js';
import { formatIp, formatMac, parseMac, VXLAN_PORT } from '../wire/index.js';
import { OverlayError } from './error.js';
import { KeyRing, refuseWeakKeys } from './keys/key-ring.js';
import { clusterKeyOf } from './keys/key-ring-file.js';
import { KeyText } from './keys/key-text.js';
import { type Locations, type Path } from './locations.js';
import { comparePrefixes, parseIp, parsePrefix, type Prefix, prefixContains, prefixesOverlap } from './prefix.js';
import { Profile } from './profile.js';
import { type Endpoint, FloodPolicy, isInterfaceName, type Network, type Node, type Topology } from './topology.js';
import { pathOfProto, readYaml, type YamlText } from './yaml-text.js';

/**
 * Maximum length of a YAML config in characters: some 700 endpoints. Larger configs must be JSON, which parses much
 * faster.
 */
const MAX_CONFIG = 1 << 16;
const DEFAULT_MTU = 1500;
/** Datagram size that every IPv4 host accepts (RFC 791). */
const MIN_MTU = 576;
const MAX_MTU = 65_535;
/** RFC 8200 section 5. */
const MIN_IPV6_MTU = 1280;
const MAX_VNI = 0xffffff;

/** Larger numbers aren't shown, since they may be keys. */
const MAX_SHOWN = 1e12;

/** Shows a value that is not what it should be. */
function shown(value: unknown): string {
  if (typeof value === 'string') return inQuotes(value);
  if (typeof value === 'number') return Math.abs(value) <= MAX_SHOWN ? String(value) : 'this number';
  if (typeof value === 'boolean') return String(value);
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'a list' : 'a block of fields';
}

/** The message for a value that isn't what it should be, or is missing. */
function not(what: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => (input === undefined ? `missing; it must be ${what}` : `${shown(input)} is not ${what}`);
}

function whole(lowest: number, highest: number, what: string): z.ZodNumber {
  const error = not(`${what} (${lowest} to ${highest})`);
  return z.number({ error }).int({ error }).min(lowest, { error }).max(highest, { error });
}

function text(what: string): z.ZodString {
  return z.string({ error: not(what) });
}

function oneOf<const T extends readonly string[]>(...words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: not(alternatives(words)) });
}

/** Whether the name of an unknown field can be shown: other text may be a key. */
function isFieldName(name: string): boolean {
  return /^[a-z][a-z_-]{0,20}$/i.test(name);
}

/** An object with known fields only. */
function fields<T extends z.ZodRawShape>(what: string, shape: T): z.ZodObject<T, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error(issue) {
      if (issue.code !== 'unrecognized_keys') return not(what)(issue);
      const [name] = issue.keys;
      if (!isFieldName(name)) return `an unknown field; there are ${names.join(', ')}`;
      const hint = didYouMean(name, names);
      return `unknown field ${inQuotes(name)}${hint === '' ? `; there are ${names.join(', ')}` : hint}`;
    },
  });
}

/** A config as a whole. */
const CONFIG = 'a config has nodes, networks and endpoints';
const NAME = z
  .string()
  .min(1, 'a name must not be empty')
  .refine((name) => !/\p{Cc}/u.test(name), 'a name must not contain control characters');

function oneOrMore(what: string): z.ZodUnion<readonly [z.ZodString, z.ZodArray<z.ZodString>]> {
  const error = not(`${what}, or a list of them`);
  return z.union([z.string(), z.array(z.string({ error }), { error }).min(1, { error })], { error });
}

const SCHEMA = fields('a config', {
  profile: oneOf(Profile.Swarm, Profile.Strict).default(Profile.Swarm),
  port: whole(1, 65_535, 'a UDP port').default(VXLAN_PORT),
  nodes: z.record(
    NAME,
    fields('the fields of a node', {
      vtep: text('an IP address'),
      mac: text('a MAC address').optional(),
      mtu: whole(MIN_MTU, MAX_MTU, 'an MTU').default(DEFAULT_MTU),
    }),
    { error: not('a block of named nodes, each with its vtep') },
  ),
  networks: z.record(
    NAME,
    fields('the fields of a network', {
      vni: whole(0, MAX_VNI, 'a VNI'),
      subnet: oneOrMore('a subnet').optional(),
      gateway: oneOrMore('an IP address').optional(),
      encrypted: z.boolean({ error: not('true or false') }).default(false),
      mtu: whole(68, MAX_MTU, 'an MTU').optional(),
      flood: oneOf(FloodPolicy.Drop, FloodPolicy.Replicate).default(FloodPolicy.Drop),
      learning: z.boolean({ error: not('true or false') }).optional(),
    }),
    { error: not('a block of named networks, each with its vni') },
  ),
  endpoints: z
    .record(
      NAME,
      fields('the fields of an endpoint', {
        network: text('the name of a network'),
        node: text('the name of a node'),
        ip: text('an IP address').optional(),
        mac: text('a MAC address').optional(),
        device: text('the name of a device').optional(),
        netns: text('a network namespace')
          .min(1, 'the name of a network namespace must not be empty')
          .max(4095, 'the name of a network namespace must not be longer than 4095 characters')
          .optional(),
      }),
      { error: not('a block of named endpoints, each with its network and node') },
    )
    .default({}),
  keys: z
    .array(z.unknown(), { error: () => 'not a list of keys such as - { tag: 4, key: "32 hexadecimal digits" }' })
    .optional(),
  acceptUnknownVteps: z.boolean({ error: not('true or false') }).optional(),
});

type Parsed = z.infer<typeof SCHEMA>;
function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function readNodes(parsed: Parsed, locations: Locations): Node[] {
  const nodes = Object.entries(parsed.nodes).map(([name, { vtep, mac, mtu }]): Node => {
    const path = ['nodes', name];
    const address = locations.read([...path, 'vtep'], parseIp, vtep);
    if (address.length === 16 && mtu < MIN_IPV6_MTU) {
      throw locations.error([...path, 'mtu'], `nodes.${name}.mtu: IPv6 needs at least ${MIN_IPV6_MTU}, not ${mtu}`);
    }
    return {
      name,
      vtep: address,
      mac: mac === undefined ? undefined : locations.read([...path, 'mac'], parseMac, mac),
      mtu,
    };
  });
  const owners = new Map<string, string>();
  for (const { name, vtep } of nodes) {
    const address = addressText(vtep);
    const other = owners.get(address);
    if (other !== undefined) {
      throw locations.error(
        ['nodes', name, 'vtep'],
        `nodes.${name}.vtep: ${other} has ${address} already; each node needs its own`,
      );
    }
    owners.set(address, name);
  }
  return nodes;
}

function readNetworks(parsed: Parsed, locations: Locations, keyed: boolean): Network[] {
  const networks = Object.entries(parsed.networks).map(([name, entry]): Network => {
    const path = ['networks', name];
    const subnets = listOf(entry.subnet).map((text) => locations.read([...path, 'subnet'], parsePrefix, text));
    const gateways = listOf(entry.gateway).map((text) => locations.read([...path, 'gateway'], parseIp, text));
    for (const gateway of gateways) {
      if (subnets.some((subnet) => prefixContains(subnet, gateway))) continue;
      throw locations.error(
        [...path, 'gateway'],
        `networks.${name}.gateway: ${addressText(gateway)} is outside the network's subnets`,
      );
    }
    if (entry.encrypted && parsed.keys === undefined && !keyed) {
      throw locations.error(
        [...path, 'encrypted'],
        `networks.${name} is encrypted but there are no keys; add keys: [{ tag: 1, key: "32 hexadecimal digits" }]`,
      );
    }
    const { vni, encrypted, mtu, flood, learning = flood === FloodPolicy.Replicate } = entry;
    return { name, vni, subnets, gateways, encrypted, mtu, flood, learning };
  });
  const owners = new Map<number, string>();
  for (const { name, vni } of networks) {
    const other = owners.get(vni);
    if (other !== undefined) {
      throw locations.error(
        ['networks', name, 'vni'],
        `networks.${name}.vni: ${other} has VNI ${vni} already; give each network its own`,
      );
    }
    owners.set(vni, name);
  }
  const shared = overlapOf(networks);
  if (shared !== undefined) {
    const { name } = networks[shared.network];
    throw locations.error(
      ['networks', name, 'subnet'],
      `networks.${name}.subnet: ${prefixText(shared.subnet)} overlaps a subnet of ${networks[shared.other].name}`,
    );
  }
  return networks;
}

/** Finds a subnet of a network that overlaps one of an earlier network. */
function overlapOf(
  networks: readonly Network[],
): { readonly subnet: Prefix; readonly network: number; readonly other: number } | undefined {
  const all = networks.flatMap(({ subnets }, network) => subnets.map((subnet) => ({ subnet, network })));
  // Sorted, a subnet comes after those that contain it.
  all.sort((a, b) => comparePrefixes(a.subnet, b.subnet));
  const around: typeof all = [];
  for (const inner of all) {
    let outer = around.at(-1);
    for (; outer !== undefined && !prefixesOverlap(outer.subnet, inner.subnet); outer = around.at(-1)) around.pop();
    if (outer !== undefined && outer.network !== inner.network) {
      const [first, second] = outer.network < inner.network ? [outer, inner] : [inner, outer];
      return { ...second, other: first.network };
    }
    around.push(inner);
  }
  return undefined;
}

function readEndpoints(
  parsed: Parsed,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly Network[],
): Endpoint[] {
  const networkOf = new Map(networks.map(({ name }, index) => [name, index]));
  const nodeOf = new Map(nodes.map(({ name }, index) => [name, index]));
  const seen = new Map<string, string>();
  const claim = (path: Path, within: string, what: string, name: string): void => {
    const other = seen.get(`${within} ${what}`);
    if (other !== undefined)
      throw locations.error(path, `${path.join('.')}: ${other} of ${within} has ${what} already`);
    seen.set(`${within} ${what}`, name);
  };
  return Object.entries(parsed.endpoints).map(([name, entry]): Endpoint => {
    const path = ['endpoints', name];
    const network = networkOf.get(entry.network);
    if (network === undefined)
      throw locations.error(
        [...path, 'network'],
        `endpoints.${name}.network: there is no network ${unknownName(entry.network, networks)}`,
      );
    const node = nodeOf.get(entry.node);
    if (node === undefined)
      throw locations.error(
        [...path, 'node'],
        `endpoints.${name}.node: there is no node ${unknownName(entry.node, nodes)}`,
      );
    const ip = entry.ip === undefined ? undefined : locations.read([...path, 'ip'], parseIp, entry.ip);
    const { subnets } = networks[network];
    if (ip !== undefined && subnets.length > 0 && !subnets.some((subnet) => prefixContains(subnet, ip))) {
      const within = subnets.map(prefixText).join(' or ');
      throw locations.error(
        [...path, 'ip'],
        `endpoints.${name}.ip: ${entry.ip} is outside ${within} of ${entry.network}`,
      );
    }
    const mac = entry.mac === undefined ? dockerMac(ip) : locations.read([...path, 'mac'], parseMac, entry.mac);
    if (mac === undefined) {
      throw locations.error(path, `endpoints.${name}: it needs a mac, which can only be derived from an IPv4 address`);
    }
    if ((mac[0] & 1) !== 0)
      throw locations.error([...path, 'mac'], `endpoints.${name}.mac: ${formatMac(mac)} is a group address`);
    claim([...path, 'mac'], entry.network, formatMac(mac), name);
    if (ip !== undefined) claim([...path, 'ip'], entry.network, addressText(ip), name);
    return { name, network, node, ip, mac, ...readInterface(name, entry, locations, claim) };
  });
}

/** An unknown name, with a suggestion. */
function unknownName(name: string, known: readonly { readonly name: string }[]): string {
  return `${name}${didYouMean(
    name,
    known.map((one) => one.name),
  )}`;
}

/** The interface that an endpoint has on a running node. */
function readInterface(
  name: string,
  { node, device, netns }: Parsed['endpoints'][string],
  locations: Locations,
  claim: (path: Path, within: string, what: string, name: string) => void,
): Pick<Endpoint, 'device' | 'netns'> {
  const path = ['endpoints', name, 'device'];
  if (device !== undefined && !isInterfaceName(device)) {
    throw locations.error(path, `${path.join('.')}: an interface name has 1 to 15 characters: letters, digits and ._-`);
  }
  // By default the interface has the endpoint's name.
  claim(path, `${node}${netns === undefined ? '' : ` in ${netns}`}`, device ?? name, name);
  return { ...(device === undefined ? {} : { device }), ...(netns === undefined ? {} : { netns }) };
}

/** The MAC that Docker derives from an IPv4 address: 02:42, followed by its bytes. */
export function dockerMac(ip: Uint8Array | undefined): Uint8Array | undefined {
  return ip?.length === 4 ? Uint8Array.of(0x02, 0x42, ...ip) : undefined;
}

function readRing(parsed: Parsed, locations: Locations, file: string | KeyText): KeyRing | undefined {
  if (parsed.keys === undefined) return undefined;
  const keys = parsed.keys.map((entry, i) =>
    locations.read(['keys', i], () => clusterKeyOf(entry, `key ${i + 1}`, file), ''),
  );
  return locations.read(['keys'], () => refuseWeakKeys(new KeyRing(keys)), '');
}

/** Suffix for an error: what other kind of file, commonly kept next to a config, the text looks like. */
function otherKind(text: string): string {
  const like = describeText(text);
  return like === undefined || /^(?:a config of vtep|JSON|a key ring)$/.test(like) ? '' : `; it looks like ${like}`;
}

function readConfig(text: string): YamlText {
  try {
    return readYaml(text, 'BAD_CONFIG', MAX_CONFIG);
  } catch (error) {
    const like = otherKind(text);
    if (!(error instanceof OverlayError) || like === '') throw error;
    const { position } = error;
    const at = position === undefined ? {} : { position };
    throw new OverlayError('BAD_CONFIG', `${error.reason}${like}`, { cause: error, ...at });
  }
}

/** The error for a file without any data. */
function emptyFile(): OverlayError {
  return new OverlayError('BAD_CONFIG', `the file is empty; ${CONFIG}`, { position: { line: 1, column: 1 } });
}

/** The error for data that isn't a config. */
function invalid(issue: z.core.$ZodIssue, locations: Locations, text: string): OverlayError {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  // A file without nodes is not a config, and may be another kind of file.
  const like = path.length === 0 || (path.length === 1 && path[0] === 'nodes') ? otherKind(text) : '';
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  switch (issue.code) {
    case 'unrecognized_keys':
      return locations.error([...path, issue.keys[0]], `${where}${issue.message}${like}`, 'BAD_CONFIG', 'name');
    case 'invalid_key':
      return locations.error(path, `${where}${issue.issues[0].message}${like}`, 'BAD_CONFIG', 'name');
    default: {
      const help = path.length === 0 && like === '' ? `; ${CONFIG}` : like;
      return locations.error(path, `${where}${issue.message}${help}`);
    }
  }
}

/** Options of `parseConfig`. */
export interface ConfigOptions {
  /** The key ring; replaces the config's own keys. */
  readonly ring?: KeyRing;
}

/**
 * Parses a config.
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `BAD_CONFIG` with the line, what is wrong and how to fix it
 * @example
 * import { readFileSync } from 'node:fs';
 * import { NodeTables } from 'vtep/overlay';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const topology = parseConfig(readFileSync('overlay.yaml', 'utf8'));
 * const tables = new NodeTables(topology, 'node1');
 * console.log(tables.node, topology.networks.length);
 */
export function parseConfig(file: string | KeyText, { ring }: ConfigOptions = {}): Topology {
  const text = file instanceof KeyText ? file.text : file;
  const { data, locations } = readConfig(text);
  const proto = pathOfProto(data);
  if (proto !== undefined) {
    throw locations.error(proto, `${proto.join('.')}: __proto__ can't be a name; choose another`, 'BAD_CONFIG', 'name');
  }
  if (data === null) throw emptyFile();
  const result = SCHEMA.safeParse(data);
  if (!result.success) throw invalid(result.error.issues[0], locations, text);
  const parsed = result.data;
  const nodes = readNodes(parsed, locations);
  const networks = readNetworks(parsed, locations, ring !== undefined);
  const endpoints = readEndpoints(parsed, locations, nodes, networks);
  return {
    profile: parsed.profile,
    port: parsed.port,
    nodes,
    networks,
    endpoints,
    ring: ring ?? readRing(parsed, locations, file),
    ...(parsed.acceptUnknownVteps === undefined ? {} : { acceptUnknownVteps: parsed.acceptUnknownVteps }),
  };
}

function addressText(address: Uint8Array): string {
  return formatIp(address.length === 4 ? 4 : 6, address);
}

function prefixText(prefix: Prefix): string {
  return `${addressText(prefix.address)}/${prefix.length}`;
}
