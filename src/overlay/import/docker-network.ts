/** Parses `docker network inspect`: the overlay networks of a node, and its endpoints in them. */
import * as z from 'zod';
import { jsonDocuments } from '../../text/json-text.js';
import { describeText } from '../../text/recognised-text.js';
import { parseMac, VtepError } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import { formatAddress, parseIp, parsePrefix, type Prefix } from '../prefix.js';
import { DriverOption, readDriverOptions } from '../services/driver-options.js';

/** Scope of the networks of "classic" Swarm, which kept them in a separate store; those of swarm mode have another. */
const CLASSIC_SCOPE = 'global';

const CONTAINER = z.object({
  Name: z.string(),
  MacAddress: z.string(),
  IPv4Address: z.string(),
  IPv6Address: z.string().optional(),
});

// Only the fields in use; further fields of newer engines are ignored.
const SCHEMA = z.array(
  z.object({
    Name: z.string(),
    Driver: z.string(),
    Scope: z.string().optional(),
    IPAM: z
      .object({
        Config: z.array(z.object({ Subnet: z.string().optional(), Gateway: z.string().optional() })).nullish(),
      })
      .optional(),
    // Converted to a list, since the name `__proto__` would vanish from a record.
    Containers: z
      .preprocess(
        (value) => (typeof value === 'object' && value !== null ? Object.values(value) : value),
        z.array(CONTAINER).nullish(),
      )
      .optional(),
    Options: z.record(z.string(), z.string()).nullish(),
    Peers: z.array(z.object({ Name: z.string(), IP: z.string() })).nullish(),
  }),
);

type Entry = z.infer<typeof SCHEMA>[number];

/** An endpoint on the inspected node. */
export interface DockerEndpoint {
  readonly name: string;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Its IPv4 address, or its IPv6 address if it has no IPv4 one; undefined if it has neither. */
  readonly ip: Uint8Array | undefined;
}

/** An overlay network as seen by one node. */
export interface DockerNetwork {
  readonly name: string;
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
    if (parsed.success) return parsed.data.filter(({ Driver }) => Driver === 'overlay').map(networkOf);
    const [issue] = parsed.error.issues;
    const like = what === undefined || /docker network inspect|^JSON$/.test(what) ? '' : `; it looks like ${what}`;
    const where = documents.length > 1 ? `line ${line}: ` : '';
    throw new OverlayError(
      'BAD_IMPORT',
      `${where}not output of docker network inspect (${issue.path.join('.')}: ${issue.message})${like}`,
    );
  });
}

function networkOf(entry: Entry): DockerNetwork {
  const { Name: name, Scope, IPAM, Containers, Options, Peers } = entry;
  try {
    const { vnis, encrypted, mtu } = readDriverOptions(Options ?? {}, 'BAD_IMPORT');
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
      vnis,
      subnets,
      gateways: configs.flatMap(({ Gateway }) => (Gateway ? [parseIp(Gateway.split('/')[0])] : [])),
      encrypted,
      mtu,
      endpoints: (Containers ?? []).map(endpointOf),
      peers: (Peers ?? []).flatMap(({ IP }) => (IP === '' ? [] : [formatAddress(parseIp(IP))])),
      classic: Scope === CLASSIC_SCOPE,
    };
  } catch (error) {
    if (error instanceof VtepError) {
      throw new OverlayError('BAD_IMPORT', `network ${name}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function endpointOf({ Name, MacAddress, IPv4Address, IPv6Address = '' }: z.infer<typeof CONTAINER>): DockerEndpoint {
  try {
    const address = IPv4Address === '' ? IPv6Address : IPv4Address;
    const ip = address === '' ? undefined : parseIp(address.split('/')[0]);
    return { name: Name, mac: parseMac(MacAddress), ip };
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new OverlayError('BAD_IMPORT', `container ${Name}: ${error.message}`, { cause: error });
  }
}
