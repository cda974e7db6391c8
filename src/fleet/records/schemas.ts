/** What the records of an overlay say. Unknown fields are ignored: a later version may add some. */
import * as z from 'zod';
import { Deployment, parseIp, parsePrefix, PortProtocol, PublishMode, ServiceMode } from '../../overlay/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { parseMac } from '../../wire/index.js';

/** The version of these records. One that older readers would misunderstand gets a higher one. */
export const RECORD_VERSION = 1;

const MAX_NAME = 128;
const MAX_TEXT = 1024;
/** Characters of a sealed key ring; 64 keys have 8,000 bytes. */
const MAX_SEALED = 32_768;
/** Most entries of each list. */
const MAX_LIST = 64;

const version = z.literal(RECORD_VERSION);
const name = printable(1, MAX_NAME);
const namespace = printable(1, MAX_TEXT);
/** In one form only: two forms of an address would be two keys, and the address would be allocated twice. */
const ip = parsedBy((text) => {
  if (formatAddress(parseIp(text)) !== text) throw new RangeError();
}, 'an IP address in its shortest form');
const mac = parsedBy(parseMac, 'a MAC address');
const prefix = parsedBy(parsePrefix, 'a subnet');
const port = z.int().min(1).max(65_535);

function parsedBy(parse: (text: string) => unknown, what: string): z.ZodString {
  return z
    .string()
    .max(64)
    .refine((text) => {
      try {
        parse(text);
        return true;
      } catch {
        return false;
      }
    }, `is not ${what}`);
}

function printable(least: number, most: number): z.ZodString {
  return z
    .string()
    .min(least)
    .max(most)
    .refine((text) => !/\p{Cc}/u.test(text), 'has control characters');
}

function list<T extends z.ZodType>(of: T): z.ZodArray<T> {
  return z.array(of).max(MAX_LIST);
}

/** Labels, and options of a driver: text by name. */
const texts = z
  .record(name, printable(0, MAX_TEXT))
  .refine((all) => Object.keys(all).length <= MAX_LIST, 'has too many entries');
/** Docker's ids: 25 digits and small letters. */
const id = z.string().regex(/^[0-9a-z]{25}$/, 'is not an id');
const time = z.iso.datetime();

/** A host with a VTEP, which is there while this record is. */
export const NODE_RECORD = z.object({
  version,
  name,
  vtep: ip,
  mac: mac.optional(),
  mtu: z.int().min(576).max(65_535),
});

/** An overlay network. */
export const NETWORK_RECORD = z.object({
  version,
  id,
  name,
  created: time,
  vni: z.int().min(0).max(0xffffff),
  /** The first one of IPv4 is the one that VIPs and load balancers have addresses of. */
  subnets: list(z.object({ subnet: prefix, gateway: ip.optional(), range: prefix.optional() })),
  encrypted: z.boolean(),
  /** The MTU inside, if it was given. */
  mtu: z.int().min(68).max(65_535).optional(),
  dsr: z.boolean(),
  attachable: z.boolean(),
  internal: z.boolean(),
  ingress: z.boolean(),
  /** Options of the driver as they were given. */
  options: texts,
  labels: texts,
});

/** What has an interface in a network. */
export const FleetEndpointKind = {
  /** A container, or what takes its place: an interface for others to use. */
  Container: 'container',
  /** The load balancer of the network on a node. */
  Balancer: 'balancer',
} as const;
export type FleetEndpointKind = (typeof FleetEndpointKind)[keyof typeof FleetEndpointKind];

/** An interface in a network. */
export const ENDPOINT_RECORD = z.object({
  version,
  /** Unique in its network. A task has the same one in each of its networks, a load balancer `lb-NODE`. */
  id: name,
  kind: z.enum(FleetEndpointKind),
  name,
  network: name,
  node: name,
  mac,
  ip: ip.optional(),
  created: time,
  /** Whether its node has its interface: before that, it gets no connections of a service. Its node writes it. */
  running: z.boolean(),
  /** The service whose task it is. */
  service: name.optional(),
  /** Which task of its service: a number from 1, or the node's name for a global service. */
  slot: z.union([z.int().min(1).max(1_000_000), name]).optional(),
  aliases: list(name),
  /** Name of its interface, and its network namespace: an `ip netns` name or a path. */
  device: z
    .string()
    .regex(/^[\w.-]{1,15}$/)
    .optional(),
  netns: namespace.optional(),
});

/** A service: what is asked for, not where its tasks are. */
export const SERVICE_RECORD = z.object({
  version,
  id,
  name,
  created: time,
  updated: time,
  mode: z.enum(ServiceMode),
  deploy: z.enum(Deployment),
  /** How many tasks, if it is replicated. */
  replicas: z.int().min(0).max(100_000),
  networks: list(z.object({ network: name, vip: ip.optional(), aliases: list(name) })),
  ports: list(
    z.object({
      protocol: z.enum(PortProtocol),
      target: port,
      published: port,
      mode: z.enum(PublishMode),
    }),
  ),
  labels: texts,
  /**
   * The network namespace of each task's interfaces, with Docker's templates: `{{.Service.Name}}`, `{{.Task.Name}}`,
   * `{{.Task.Slot}}`, `{{.Node.Hostname}}`. Without it they are in the host's.
   */
  netns: namespace.optional(),
});

/** The cluster's key ring, sealed with a key that isn't in the store. */
export const KEYS_RECORD = z.object({
  version,
  /** When the ring was made or last rotated, by the clock of who did it. */
  rotated: time,
  /** How often it was. */
  rotations: z.int().min(0),
  /** Base64. */
  sealed: z.base64().max(MAX_SEALED),
});

/** Who has an address of a network. Creating this record, if there is none, allocates the address. */
export const ALLOCATION_RECORD = z.object({
  version,
  network: name,
  address: ip,
  owner: z.object({ kind: z.enum(['endpoint', 'service', 'balancer', 'gateway']), id: name }),
});

/** How far the writes of a creation or removal are. */
export const AllocationState = {
  /** The records that follow from the entry may be missing. */
  Creating: 'creating',
  Ready: 'ready',
  /** The records may be gone in part. */
  Removing: 'removing',
} as const;
export type AllocationState = (typeof AllocationState)[keyof typeof AllocationState];

/** Most networks, and services, of an overlay. The length of a record ends it before, where names are long. */
const MAX_ENTRIES = 4096;
const nextPort = z.int().min(0).max(65_536);

/**
 * What must be unique over all networks and services: names, VNIs, subnets, published ports. One record, so that one
 * compare-and-set decides.
 */
export const IPAM_RECORD = z.object({
  version,
  /** Where the search for the next VNI and port begins. */
  nextVni: z.int().min(0).max(0x1000000),
  nextPorts: z.object({ tcp: nextPort, udp: nextPort, sctp: nextPort }),
  networks: z
    .array(
      z.object({
        id,
        name,
        vni: z.int().min(0).max(0xffffff),
        /** Those with a range may overlap others, as in Docker. */
        subnets: list(z.object({ subnet: prefix, shared: z.boolean() })),
        ingress: z.boolean(),
        state: z.enum(AllocationState),
        /** Of one that is being created: what its record will be. */
        record: NETWORK_RECORD.optional(),
      }),
    )
    .max(MAX_ENTRIES),
  services: z
    .array(
      z.object({
        id,
        name,
        networks: list(name),
        mode: z.enum(ServiceMode),
        ports: list(z.object({ protocol: z.enum(PortProtocol), published: port, mode: z.enum(PublishMode) })),
        state: z.enum(AllocationState),
        /** Of one that is being created: what its record will be, without VIPs. */
        record: SERVICE_RECORD.optional(),
      }),
    )
    .max(MAX_ENTRIES),
});

/** Where the search for the next address of a network begins: a hint, so that it need not read all that are in use. */
export const CURSOR_RECORD = z.object({
  version,
  network: name,
  /** The network's id. */
  id,
  /** By subnet, the address after the last one that was given out. */
  next: list(ip),
});

export type NodeRecord = z.infer<typeof NODE_RECORD>;
export type NetworkRecord = z.infer<typeof NETWORK_RECORD>;
export type EndpointRecord = z.infer<typeof ENDPOINT_RECORD>;
export type ServiceRecord = z.infer<typeof SERVICE_RECORD>;
export type KeysRecord = z.infer<typeof KEYS_RECORD>;
export type AllocationRecord = z.infer<typeof ALLOCATION_RECORD>;
export type IpamRecord = z.infer<typeof IPAM_RECORD>;
export type CursorRecord = z.infer<typeof CURSOR_RECORD>;
