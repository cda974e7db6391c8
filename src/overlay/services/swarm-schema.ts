/** The parts of a config that describe a swarm: its services, and what networks and nodes have on account of them. */
import * as z from 'zod';
import { SubnetOrder } from '../ipam/subnet-pools.js';
import { bool, fields, NAME, not, oneOf, oneOrMore, text, whole } from '../schema.js';
import { Deployment, NodeAvailability, NodeOs, ServiceMode, TASK_STATES } from './model.js';
import { Compatibility } from './service-set.js';

/** Tasks of a service, so that a few characters can't ask for millions. */
const MAX_REPLICAS = 65_536;
const OPTION_VALUE = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: not('the value of a driver option'),
});

/** A network namespace: an `ip netns` name or a path. */
export const NETNS = text('a network namespace')
  .min(1, 'the name of a network namespace must not be empty')
  .max(4095, 'the name of a network namespace must not be longer than 4095 characters');
/** A task's id, which is a label of its name in DNS. */
const ID = text('an id').regex(/^[a-z0-9]{1,63}$/i, { error: not('an id: 1 to 63 letters and digits') });

/** A text for each network, or one for a service that has only one. */
function byNetwork(what: string): z.ZodUnion<readonly [z.ZodString, z.ZodRecord<z.ZodString, z.ZodString>]> {
  const error = not(`${what}, or a block of them by network`);
  return z.union([z.string(), z.record(z.string(), text(what))], { error });
}

/** Fields of a node. */
export const NODE_FIELDS = {
  advertise: text('an IP address').optional(),
  os: oneOf(NodeOs.Linux, NodeOs.Windows).default(NodeOs.Linux),
  availability: oneOf(NodeAvailability.Active, NodeAvailability.Drain).default(NodeAvailability.Active),
};

/** Fields of a network. */
export const NETWORK_FIELDS = {
  id: text('an id')
    .regex(/^[\w.-]{1,64}$/, { error: not('an id: 1 to 64 letters, digits and ._-') })
    .optional(),
  ipRange: oneOrMore('a subnet').optional(),
  labels: z.record(z.string(), text('a text'), { error: not('a block of labels') }).default({}),
  attachable: bool().optional(),
  internal: bool().default(false),
  ingress: bool().default(false),
  balancers: z.record(z.string(), text('an IP address'), { error: not('a block of addresses by node') }).default({}),
  options: z.record(z.string(), OPTION_VALUE, { error: not('a block of driver options') }).default({}),
};

const TASK = fields('the fields of a task', {
  slot: whole(1, MAX_REPLICAS, 'a slot').optional(),
  node: text('the name of a node').optional(),
  state: z.enum(TASK_STATES, { error: not('a state of a task such as running or shutdown') }).default('running'),
  drain: bool().default(false),
  id: ID.optional(),
  ip: byNetwork('an IP address').optional(),
  netns: NETNS.optional(),
  device: byNetwork('the name of a device').optional(),
});
const PORT = z.union([z.string(), z.number()], { error: not('a published port such as 8080:80/tcp') });
/** Further names. */
export const ALIASES = z.array(NAME, { error: not('a list of names') }).default([]);

const LABEL_VALUE = z.union([z.string(), z.number(), z.boolean(), z.null()], { error: not('the value of a label') });
/** Labels, in both forms of a Compose file. */
const LABELS = z.union(
  [
    z.record(NAME, LABEL_VALUE),
    z.array(
      text('a label such as com.docker.lb.port=8080').regex(/^[^=\p{Cc}]+(?:=[^]*)?$/u, {
        error: not('a label: NAME=VALUE or NAME'),
      }),
    ),
  ],
  { error: not('a block of labels, or a list of NAME=VALUE') },
);

/** The services. */
export const SERVICES = z.record(
  NAME,
  fields('the fields of a service', {
    id: ID.optional(),
    mode: oneOf(ServiceMode.Vip, ServiceMode.DnsRr).default(ServiceMode.Vip),
    deploy: oneOf(Deployment.Replicated, Deployment.Global).default(Deployment.Replicated),
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
    vip: byNetwork('an IP address').optional(),
    netns: NETNS.optional(),
    ports: z.array(PORT, { error: not('a list of published ports such as 8080:80/tcp') }).default([]),
    labels: LABELS.default({}),
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

/** The bridge to the outside. */
export const GATEWAY = fields('the fields of the gateway', {
  name: text('the name of a device').default('docker_gwbridge'),
  subnet: text('a subnet').default('172.18.0.0/16'),
  gateway: text('an IP address').optional(),
  mtu: whole(68, 65_535, 'an MTU').default(1500),
  icc: bool().default(false),
  masquerade: bool().default(true),
});

/** Whose behaviour is followed. */
export const COMPATIBILITY = oneOf(Compatibility.Docker, Compatibility.Improved).default(Compatibility.Docker);

/** What the schema gives for services. */
export type ParsedServices = z.infer<typeof SERVICES>;
/** What the schema gives for `ipam`. */
export type ParsedIpam = z.infer<typeof IPAM>;
/** What the schema gives for a network's fields here. */
export type ParsedNetworkFields = z.infer<z.ZodObject<typeof NETWORK_FIELDS>>;
/** What the schema gives for `gateway`. */
export type ParsedGateway = z.infer<typeof GATEWAY>;
