/** What the records of an overlay say. Unknown fields are ignored: a later version may add some. */
import * as z from 'zod';
import { Deployment, parseIp, parsePrefix, PortProtocol, PublishMode, ServiceMode } from '../../overlay/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { parseMac } from '../../wire/index.js';

/** The version of these records. One that older readers would misunderstand gets a higher one. */
export const RECORD_VERSION = 1;

const MAX_NAME = 128;
/** Most entries of each list. */
const MAX_LIST = 64;

const version = z.literal(RECORD_VERSION);
const name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .refine((text) => !/\p{Cc}/u.test(text), 'has control characters');
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

function list<T extends z.ZodType>(of: T): z.ZodArray<T> {
  return z.array(of).max(MAX_LIST);
}

/** A host with a VTEP, in the record of its lease. */
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
  name,
  vni: z.int().min(0).max(0xffffff),
  subnets: list(prefix),
  gateways: list(ip),
  encrypted: z.boolean(),
  mtu: z.int().min(68).max(65_535).optional(),
});

/** A container's interface in a network. */
export const ENDPOINT_RECORD = z.object({
  version,
  id: name,
  name,
  network: name,
  node: name,
  mac,
  ip: ip.optional(),
  service: name.optional(),
  aliases: list(name),
});

/** A service: what is asked for, not where its tasks are. */
export const SERVICE_RECORD = z.object({
  version,
  name,
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
});

/** Who has an address of a network. Creating this record, if there is none, allocates the address. */
export const ALLOCATION_RECORD = z.object({
  version,
  network: name,
  address: ip,
  owner: z.object({ kind: z.enum(['endpoint', 'service', 'balancer', 'gateway']), id: name }),
});

export type NodeRecord = z.infer<typeof NODE_RECORD>;
export type NetworkRecord = z.infer<typeof NETWORK_RECORD>;
export type EndpointRecord = z.infer<typeof ENDPOINT_RECORD>;
export type ServiceRecord = z.infer<typeof SERVICE_RECORD>;
export type AllocationRecord = z.infer<typeof ALLOCATION_RECORD>;
