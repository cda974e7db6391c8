/** The parts of a config that describe a swarm: its services, and what networks and nodes have on account of them. */
import * as z from 'zod';
import { SubnetOrder } from '../ipam/subnet-pools.js';
import { bool, fields, NAME, not, oneOf, oneOrMore, text, whole } from '../schema.js';
import { NodeOs, ServiceMode, TASK_STATES } from './model.js';

/** Tasks of a service, so that a few characters can't ask for millions. */
const MAX_REPLICAS = 65_536;
const OPTION_VALUE = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: not('the value of a driver option'),
});

/** Fields of a node. */
export const NODE_FIELDS = {
  advertise: text('an IP address').optional(),
  os: oneOf(NodeOs.Linux, NodeOs.Windows).default(NodeOs.Linux),
};

/** Fields of a network. */
export const NETWORK_FIELDS = {
  ipRange: oneOrMore('a subnet').optional(),
  labels: z.record(z.string(), text('a text'), { error: not('a block of labels') }).default({}),
  attachable: bool().optional(),
  internal: bool().default(false),
  ingress: bool().default(false),
  options: z.record(z.string(), OPTION_VALUE, { error: not('a block of driver options') }).default({}),
};

const TASK = fields('the fields of a task', {
  slot: whole(1, MAX_REPLICAS, 'a slot').optional(),
  node: text('the name of a node').optional(),
  state: z.enum(TASK_STATES, { error: not('a state of a task such as running or shutdown') }).default('running'),
});
const PORT = z.union([z.string(), z.number()], { error: not('a published port such as 8080:80/tcp') });
const ALIASES = z.array(NAME, { error: not('a list of names') }).default([]);

/** The services. */
export const SERVICES = z.record(
  NAME,
  fields('the fields of a service', {
    mode: oneOf(ServiceMode.Vip, ServiceMode.DnsRr).default(ServiceMode.Vip),
    networks: z
      .union(
        [
          z.array(z.string()),
          z.record(z.string(), z.union([fields('the fields of a membership', { aliases: ALIASES }), z.null()])),
        ],
        { error: not('a list of networks, or a block of them with their aliases') },
      )
      .default([]),
    aliases: ALIASES,
    ports: z.array(PORT, { error: not('a list of published ports such as 8080:80/tcp') }).default([]),
    replicas: whole(0, MAX_REPLICAS, 'a number of replicas').optional(),
    tasks: z.array(TASK, { error: not('a list of tasks such as - { node: node1 }') }).optional(),
  }),
  { error: not('a block of named services, each with its networks') },
);

/** Where subnets come from. */
export const IPAM = fields('the fields of ipam', {
  pools: oneOrMore('a subnet').optional(),
  length: whole(1, 29, 'a prefix length').optional(),
  order: oneOf(SubnetOrder.Lowest, SubnetOrder.Next).optional(),
});

/** What the schema gives for services. */
export type ParsedServices = z.infer<typeof SERVICES>;
/** What the schema gives for `ipam`. */
export type ParsedIpam = z.infer<typeof IPAM>;
/** What the schema gives for a network's fields here. */
export type ParsedNetworkFields = z.infer<z.ZodObject<typeof NETWORK_FIELDS>>;
