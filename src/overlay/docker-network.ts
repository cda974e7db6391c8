/** Reads `docker network inspect`: the overlay networks of a node, and the endpoints that it has there. */
import * as z from 'zod';
import { parseMac, VtepError } from '../wire/index.js';
import { OverlayError } from './error.js';
import { dockerMtu } from './mtu.js';
import { parseIp, parsePrefix, type Prefix } from './prefix.js';

const VNI_LIST = 'com.docker.network.driver.overlay.vxlanid_list';
const MTU = 'com.docker.network.driver.mtu';
const ENCRYPTED = 'encrypted';
const DEFAULT_MTU = 1500;

// Only what is read; a newer engine's further fields are let be.
const SCHEMA = z.array(
  z.object({
    Name: z.string(),
    Driver: z.string(),
    IPAM: z
      .object({
        Config: z.array(z.object({ Subnet: z.string().optional(), Gateway: z.string().optional() })).nullish(),
      })
      .optional(),
    Containers: z
      .record(z.string(), z.object({ Name: z.string(), MacAddress: z.string(), IPv4Address: z.string() }))
      .nullish(),
    Options: z.record(z.string(), z.string()).nullish(),
    Peers: z.array(z.object({ Name: z.string(), IP: z.string() })).nullish(),
  }),
);

/** An endpoint that the inspected node has. */
export interface DockerEndpoint {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly ip: Uint8Array | undefined;
}

/** An overlay network as a node knows it. */
export interface DockerNetwork {
  readonly name: string;
  /** One for each IPv4 subnet. */
  readonly vnis: readonly number[];
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Uint8Array[];
  readonly encrypted: boolean;
  /** MTU inside, as Docker sets it. */
  readonly mtu: number;
  readonly endpoints: readonly DockerEndpoint[];
  /** VTEP addresses of the nodes that are in it. */
  readonly peers: readonly string[];
}

/**
 * Reads the JSON. Networks of other drivers are passed over.
 * @throws OverlayError `BAD_IMPORT` with what is wrong where
 */
export function parseDockerNetworks(text: string): DockerNetwork[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The cause would quote the text.
    throw new OverlayError('BAD_IMPORT', 'it is no JSON');
  }
  const parsed = SCHEMA.safeParse(Array.isArray(json) ? json : [json]);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OverlayError(
      'BAD_IMPORT',
      `no output of docker network inspect (${issue.path.join('.')}: ${issue.message})`,
    );
  }
  return parsed.data.filter(({ Driver }) => Driver === 'overlay').map(networkOf);
}

function networkOf(entry: z.infer<typeof SCHEMA>[number]): DockerNetwork {
  const { Name: name, IPAM, Containers, Options, Peers } = entry;
  try {
    const options = Options ?? {};
    const list = options[VNI_LIST] as string | undefined;
    const vnis = (list ?? '')
      .split(',')
      .filter((part) => /^\d+$/.test(part))
      .map(Number);
    if (vnis.length === 0) {
      throw new OverlayError('BAD_IMPORT', `it has no ${VNI_LIST}; inspect it on a node that runs a task of it`);
    }
    const configs = IPAM?.Config ?? [];
    // Docker looks at the option's presence alone: even encrypted=false encrypts.
    const encrypted = ENCRYPTED in options;
    return {
      name,
      vnis,
      subnets: configs.flatMap(({ Subnet }) => (Subnet === undefined ? [] : [parsePrefix(Subnet)])),
      gateways: configs.flatMap(({ Gateway }) => (Gateway === undefined ? [] : [parseIp(Gateway)])),
      encrypted,
      mtu: dockerMtu(Number(options[MTU] ?? DEFAULT_MTU), encrypted),
      endpoints: Object.values(Containers ?? {}).map(({ Name, MacAddress, IPv4Address }) => ({
        name: Name,
        mac: parseMac(MacAddress),
        ip: IPv4Address === '' ? undefined : parseIp(IPv4Address.split('/')[0]),
      })),
      peers: (Peers ?? []).map(({ IP }) => IP),
    };
  } catch (error) {
    if (error instanceof VtepError) {
      throw new OverlayError('BAD_IMPORT', `network ${name}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
