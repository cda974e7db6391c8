/** The schema of a config. */
import * as z from 'zod';
import { VXLAN_PORT } from '../wire/index.js';
import { Profile } from './profile.js';
import { bool, fields, NAME, not, oneOf, oneOrMore, text, whole } from './schema.js';
import { MESH } from './services/mesh-schema.js';
import {
  ALIASES,
  COMPATIBILITY,
  GATEWAY,
  IPAM,
  NETNS,
  NETWORK_FIELDS,
  NODE_FIELDS,
  SERVICES,
} from './services/swarm-schema.js';
import { FloodPolicy } from './topology.js';

const DEFAULT_MTU = 1500;
/** Datagram size that every IPv4 host accepts (RFC 791). */
const MIN_MTU = 576;
const MAX_MTU = 65_535;
const MAX_VNI = 0xffffff;

/** A config, before its addresses are parsed and its names looked up. */
export const CONFIG_SCHEMA = fields('a config', {
  profile: oneOf(Profile.Swarm, Profile.Strict).default(Profile.Swarm),
  port: whole(1, 65_535, 'a UDP port').default(VXLAN_PORT),
  nodes: z.record(
    NAME,
    fields('the fields of a node', {
      // Needed unless there is an advertise address.
      vtep: text('an IP address').optional(),
      ...NODE_FIELDS,
      mac: text('a MAC address').optional(),
      mtu: whole(MIN_MTU, MAX_MTU, 'an MTU').default(DEFAULT_MTU),
    }),
    { error: not('a block of named nodes, each with its vtep') },
  ),
  networks: z.record(
    NAME,
    fields('the fields of a network', {
      // Without one, the network gets what it lacks as in a swarm.
      vni: whole(0, MAX_VNI, 'a VNI').optional(),
      subnet: oneOrMore('a subnet').optional(),
      gateway: oneOrMore('an IP address').optional(),
      encrypted: bool().default(false),
      mtu: whole(68, MAX_MTU, 'an MTU').optional(),
      flood: oneOf(FloodPolicy.Drop, FloodPolicy.Replicate).default(FloodPolicy.Drop),
      learning: bool().optional(),
      ...NETWORK_FIELDS,
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
        netns: NETNS.optional(),
        aliases: ALIASES,
      }),
      { error: not('a block of named endpoints, each with its network and node') },
    )
    .default({}),
  services: SERVICES.optional(),
  ipam: IPAM.optional(),
  gateway: GATEWAY.optional(),
  compatibility: COMPATIBILITY,
  mesh: MESH.optional(),
  keys: z
    .array(z.unknown(), { error: () => 'not a list of keys such as - { tag: 4, key: "32 hexadecimal digits" }' })
    .optional(),
  acceptUnknownVteps: bool().optional(),
});

/** What the schema gives. */
export type ParsedConfig = z.infer<typeof CONFIG_SCHEMA>;
