/** Parses the config file, YAML or JSON, into a topology. Every error states its line and how to fix it. */
import { type Document, isMap, isScalar, isSeq, type LineCounter } from 'yaml';
import * as z from 'zod';
import { looksLike } from '../text/recognised-text.js';
import { formatIp, formatMac, parseMac, VXLAN_PORT, VtepError } from '../wire/index.js';
import { OverlayError } from './error.js';
import { KeyRing, refuseWeakKeys } from './keys/key-ring.js';
import { clusterKeyOf } from './keys/key-ring-file.js';
import { KeyText } from './keys/key-text.js';
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

const NAME = z
  .string()
  .min(1)
  .refine((name) => !/\p{Cc}/u.test(name), 'a name must not contain control characters');
const MTU = z.number().int().min(MIN_MTU).max(MAX_MTU);
const ONE_OR_MORE = z.union([z.string(), z.array(z.string()).min(1)]);

const SCHEMA = z.strictObject({
  profile: z.enum([Profile.Swarm, Profile.Strict]).default(Profile.Swarm),
  port: z.number().int().min(1).max(65_535).default(VXLAN_PORT),
  nodes: z.record(
    NAME,
    z.strictObject({ vtep: z.string(), mac: z.string().optional(), mtu: MTU.default(DEFAULT_MTU) }),
  ),
  networks: z.record(
    NAME,
    z.strictObject({
      vni: z.number().int().min(0).max(MAX_VNI),
      subnet: ONE_OR_MORE.optional(),
      gateway: ONE_OR_MORE.optional(),
      encrypted: z.boolean().default(false),
      mtu: z.number().int().min(68).max(MAX_MTU).optional(),
      flood: z.enum([FloodPolicy.Drop, FloodPolicy.Replicate]).default(FloodPolicy.Drop),
      learning: z.boolean().optional(),
    }),
  ),
  endpoints: z
    .record(
      NAME,
      z.strictObject({
        network: z.string(),
        node: z.string(),
        ip: z.string().optional(),
        mac: z.string().optional(),
        device: z.string().optional(),
        netns: z.string().min(1).max(4095).optional(),
      }),
    )
    .default({}),
  keys: z.array(z.unknown()).optional(),
  acceptUnknownVteps: z.boolean().optional(),
});

type Parsed = z.infer<typeof SCHEMA>;
type Path = readonly (string | number)[];

/** Maps paths to locations in the file. */
class Locations {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** Creates an error about the value at a path, or about its nearest existing ancestor. */
  error(path: Path, text: string): OverlayError {
    for (let length = path.length; length >= 0; length--) {
      const range = this.#rangeAt(path.slice(0, length));
      if (range !== undefined) {
        return new OverlayError('BAD_CONFIG', `line ${this.#lines.linePos(range[0]).line}: ${text}`);
      }
    }
    return new OverlayError('BAD_CONFIG', text);
  }

  /** Start and end offset of the key at a path, or of the value if it has no key. */
  #rangeAt(path: Path): readonly number[] | undefined {
    let node: unknown = this.#document.contents;
    let range = (node as { range?: readonly number[] } | null)?.range;
    for (const part of path) {
      if (isMap(node)) {
        // YAML parses numeric names as numbers.
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
        if (pair === undefined) return undefined;
        range = (pair.key as { range?: readonly number[] }).range;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        range = (node as { range?: readonly number[] } | undefined)?.range;
      } else {
        return undefined;
      }
    }
    return range;
  }

  /** Applies a parser to the text at a path; its errors get the location. */
  read<T>(path: Path, reader: (text: string) => T, text: string): T {
    try {
      return reader(text);
    } catch (error) {
      if (error instanceof VtepError) throw this.error(path, `${path.join('.')}: ${error.message}`);
      throw error;
    }
  }
}

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
      throw locations.error([...path, 'network'], `endpoints.${name}.network: there is no network ${entry.network}`);
    const node = nodeOf.get(entry.node);
    if (node === undefined)
      throw locations.error([...path, 'node'], `endpoints.${name}.node: there is no node ${entry.node}`);
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
  const like = looksLike(text);
  return like === undefined || /^(?:a config of vtep|JSON|a key ring)$/.test(like) ? '' : `; it looks like ${like}`;
}

function readConfig(text: string): YamlText {
  try {
    return readYaml(text, 'BAD_CONFIG', MAX_CONFIG);
  } catch (error) {
    const like = otherKind(text);
    if (!(error instanceof OverlayError) || like === '') throw error;
    throw new OverlayError('BAD_CONFIG', `${error.message}${like}`, { cause: error });
  }
}

/** Options of `parseConfig`. */
export interface ConfigOptions {
  /** The key ring; replaces the config's own keys. */
  readonly ring?: KeyRing;
}

/**
 * Parses a config.
 * @example
 * ```ts
 * const topology = parseConfig(readFileSync('overlay.yaml', 'utf8'));
 * const tables = new NodeTables(topology, 'node-1');
 * ```
 * @param file the text, or the result of `takeKeys`
 * @throws OverlayError `BAD_CONFIG` with the line, what is wrong and how to fix it
 */
export function parseConfig(file: string | KeyText, { ring }: ConfigOptions = {}): Topology {
  const text = file instanceof KeyText ? file.text : file;
  const { data, document, lines } = readConfig(text);
  const locations = new Locations(document, lines);
  const proto = pathOfProto(data);
  if (proto !== undefined)
    throw locations.error(proto, `${proto.join('.')}: __proto__ can't be a name; choose another`);
  const result = SCHEMA.safeParse(data);
  if (!result.success) {
    const [issue] = result.error.issues;
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    const location = issue.code === 'unrecognized_keys' ? [...path, issue.keys[0]] : path;
    const where = path.length > 0 ? `${path.join('.')}: ` : '';
    const named = issue.code !== 'unrecognized_keys' || issue.keys.every((key) => /^[a-z][a-z_-]{0,20}$/i.test(key));
    const key = issue.code === 'invalid_key' ? issue.issues[0].message : undefined;
    // An unknown field name is not shown, since it may be a key. A file without nodes is not a config, and may be
    // another kind of file.
    const like = path.length === 0 || (path.length === 1 && path[0] === 'nodes') ? otherKind(text) : '';
    throw locations.error(location, `${where}${named ? (key ?? issue.message) : 'an unknown field'}${like}`);
  }
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
