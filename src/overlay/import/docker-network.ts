/** Parses `docker network inspect`: the overlay networks of a node, and its endpoints in them. */
import * as z from 'zod';
import { jsonDocuments } from '../../text/json-text.js';
import { describeText } from '../../text/recognised-text.js';
import { parseMac } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import { formatAddress, parseIp, parsePrefix, type Prefix } from '../prefix.js';
import { DriverOption, readDriverOptions } from '../services/driver-options.js';
import { readAs } from './read-as.js';

/** Scope of the networks of "classic" Swarm, which kept them in a separate store; those of swarm mode have another. */
const CLASSIC_SCOPE = 'global';

const CONTAINER = z.object({
  Key: z.string(),
  Name: z.string(),
  EndpointID: z.string().optional(),
  MacAddress: z.string(),
  IPv4Address: z.string(),
  IPv6Address: z.string().optional(),
});

const VERBOSE_SERVICE = z.object({
  Key: z.string(),
  VIP: z.string().optional(),
  Ports: z.array(z.string()).nullish(),
  Tasks: z
    .array(
      z.object({
        Name: z.string(),
        EndpointID: z.string().optional(),
        EndpointIP: z.string().optional(),
        Info: z.object({ 'Host IP': z.string().optional() }).nullish(),
      }),
    )
    .nullish(),
});

/** A list of an object's members with their names, since the name `__proto__` would vanish from a record. */
function membersOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([Key, member]: [string, unknown]) =>
    typeof member === 'object' && member !== null ? { ...member, Key } : member,
  );
}

/** One network. Only the fields in use; further fields of newer engines are ignored. */
export const DOCKER_NETWORK = z.object({
  Name: z.string(),
  Id: z.string().optional(),
  Driver: z.string(),
  Scope: z.string().optional(),
  IPAM: z
    .object({
      Config: z.array(z.object({ Subnet: z.string().optional(), Gateway: z.string().optional() })).nullish(),
    })
    .optional(),
  Internal: z.boolean().optional(),
  Ingress: z.boolean().optional(),
  Containers: z.preprocess(membersOf, z.array(CONTAINER).nullish()).optional(),
  Options: z.record(z.string(), z.string()).nullish(),
  Peers: z.array(z.object({ Name: z.string(), IP: z.string() })).nullish(),
  Services: z.preprocess(membersOf, z.array(VERBOSE_SERVICE).nullish()).optional(),
});

const SCHEMA = z.array(DOCKER_NETWORK);

type Entry = z.infer<typeof DOCKER_NETWORK>;

/** An endpoint on the inspected node. */
export interface DockerEndpoint {
  readonly name: string;
  /** Id of its container, or `lb-...` and `ingress-sbox` for a load balancer. */
  readonly container: string;
  /** Docker's id of it, if shown. */
  readonly endpoint: string | undefined;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Its IPv4 address, or its IPv6 address if it has no IPv4 one; undefined if it has neither. */
  readonly ip: Uint8Array | undefined;
}

/** A task or container of a network on any node, as `--verbose` shows it. */
export interface VerboseTask {
  readonly name: string;
  /** Name of its service; empty for a plain container. */
  readonly service: string;
  /** The service's virtual IP on the network. */
  readonly vip: Uint8Array | undefined;
  readonly endpoint: string | undefined;
  readonly ip: Uint8Array;
  /** Address of its node's VTEP, if shown. */
  readonly host: Uint8Array | undefined;
  /** The service's published ports; their protocol isn't shown. */
  readonly ports: readonly { readonly target: number; readonly published: number }[];
}

/** An overlay network as seen by one node. */
export interface DockerNetwork {
  readonly name: string;
  /** Docker's id of it, if shown. */
  readonly id: string | undefined;
  /** Whether it carries the connections to published ports. */
  readonly ingress: boolean;
  /** Whether it has no route out. */
  readonly internal: boolean;
  /** Whether tasks answer clients directly. */
  readonly dsr: boolean;
  /** The tasks on all nodes; undefined without `--verbose`. */
  readonly tasks: readonly VerboseTask[] | undefined;
  /** One per IPv4 subnet, in the order of the subnets. Empty if the node doesn't use the network. */
  readonly vnis: readonly number[];
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Uint8Array[];
  readonly encrypted: boolean;
  /** Inner MTU in bytes, as Docker sets it. */
  readonly mtu: number;
  readonly endpoints: readonly DockerEndpoint[];
  /** Addresses of the nodes in the network, in the format of `formatAddress`. */
  readonly peers: readonly string[];
  /** Whether it is a network of "classic" Swarm, which keeps its VNI in a store and never shows it here. */
  readonly classic: boolean;
}

/**
 * Parses the JSON: one or more lists as Docker prints them, or one object per line (`--format json`), with shell
 * prompts before and between them. Networks of other drivers are ignored.
 * @throws OverlayError `BAD_IMPORT` with the location and the reason
 */
export function parseDockerNetworks(text: string): DockerNetwork[] {
  const documents = jsonDocuments(text);
  if ('what' in documents) {
    throw new OverlayError(
      'BAD_IMPORT',
      `line ${documents.line}: not JSON: ${documents.what} (is the output complete and unedited?)`,
    );
  }
  const what = describeText(text);
  if (documents.length === 0) {
    const like = what === undefined ? '' : `; it looks like ${what}`;
    throw new OverlayError('BAD_IMPORT', `not output of docker network inspect: it contains no JSON${like}`);
  }
  return documents.flatMap(({ value, line }) => {
    const parsed = SCHEMA.safeParse(Array.isArray(value) ? value : [value]);
    if (parsed.success) return parsed.data.filter(({ Driver }) => Driver === 'overlay').map(dockerNetworkOf);
    const [issue] = parsed.error.issues;
    const like = what === undefined || /docker network inspect|^JSON$/.test(what) ? '' : `; it looks like ${what}`;
    const where = documents.length > 1 ? `line ${line}: ` : '';
    throw new OverlayError(
      'BAD_IMPORT',
      `${where}not output of docker network inspect (${issue.path.join('.')}: ${issue.message})${like}`,
    );
  });
}

/**
 * The network that an entry of the output describes.
 * @throws OverlayError `BAD_IMPORT` with the network's name
 */
export function dockerNetworkOf(entry: Entry): DockerNetwork {
  const { Name: name, Scope, IPAM, Containers, Options, Peers } = entry;
  return readAs(`network ${name}`, () => {
    const { vnis, encrypted, mtu, dsr } = readDriverOptions(Options ?? {}, 'BAD_IMPORT');
    const configs = IPAM?.Config ?? [];
    const subnets = configs.flatMap(({ Subnet }) => (Subnet === undefined ? [] : [parsePrefix(Subnet)]));
    const four = subnets.filter(({ address }) => address.length === 4).length;
    if (vnis.length > 0 && vnis.length < four) {
      throw new OverlayError(
        'BAD_IMPORT',
        `it has ${four} IPv4 subnets but ${vnis.length} VNIs in its ${DriverOption.VniList}`,
      );
    }
    return {
      name,
      id: entry.Id,
      ingress: entry.Ingress ?? false,
      internal: entry.Internal ?? false,
      dsr,
      tasks: entry.Services?.flatMap(verboseTasksOf),
      vnis,
      subnets,
      gateways: configs.flatMap(({ Gateway }) => (Gateway ? [parseIp(Gateway.split('/')[0])] : [])),
      encrypted,
      mtu,
      endpoints: (Containers ?? []).map(endpointOf),
      peers: (Peers ?? []).flatMap(({ IP }) => (IP === '' ? [] : [formatAddress(parseIp(IP))])),
      classic: Scope === CLASSIC_SCOPE,
    };
  });
}

function verboseTasksOf({ Key: service, VIP = '', Ports, Tasks }: z.infer<typeof VERBOSE_SERVICE>): VerboseTask[] {
  const vip = addressOf(VIP);
  const ports = (Ports ?? []).flatMap((text) => {
    const match = /^Target: (\d{1,5}), Publish: (\d{1,5})$/.exec(text);
    return match === null ? [] : [{ target: Number(match[1]), published: Number(match[2]) }];
  });
  return (Tasks ?? []).flatMap(({ Name: name, EndpointID: endpoint, EndpointIP = '', Info }) => {
    const ip = addressOf(EndpointIP);
    if (ip === undefined) return [];
    return [{ name, service, vip, endpoint, ip, host: addressOf(Info?.['Host IP'] ?? ''), ports }];
  });
}

/** An address; undefined for what Docker prints instead of none. */
function addressOf(text: string): Uint8Array | undefined {
  return text === '' || text === '<nil>' ? undefined : parseIp(text.split('/')[0]);
}

function endpointOf(entry: z.infer<typeof CONTAINER>): DockerEndpoint {
  const { Key: container, Name, EndpointID: endpoint, MacAddress, IPv4Address, IPv6Address = '' } = entry;
  return readAs(`container ${Name}`, () => {
    const address = IPv4Address === '' ? IPv6Address : IPv4Address;
    const ip = address === '' ? undefined : parseIp(address.split('/')[0]);
    return { name: Name, container, endpoint, mac: parseMac(MacAddress), ip };
  });
}
