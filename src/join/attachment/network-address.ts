/** An address of this node on an overlay network, with what the swarm says about the network. */
import { VtepError } from '../../error.js';
import { formatPrefix, parseIp, parsePrefix, type Prefix, prefixContains } from '../../overlay/index.js';
import { type DriverOptions, formatAddress, readDriverOptions } from '../../overlay/internal.js';
import { quoted } from '../../text/plain-text.js';
import { macOfIpv4 } from '../../wire/index.js';
import { JoinError } from '../error.js';
import type { NetworkAttachment } from '../messages.js';

const OVERLAY = 'overlay';
const MAX_OPTIONS = 256;

/** A subnet of a network. */
export interface AttachedSubnet {
  readonly subnet: string;
  readonly gateway: string | undefined;
  readonly vni: number;
}

/** An address on a network. */
export interface NetworkAddress {
  readonly networkId: string;
  readonly networkName: string;
  readonly subnets: readonly AttachedSubnet[];
  /** VNI of the subnet that the address is in. */
  readonly vni: number;
  /** The address, with the prefix length of its subnet: `10.0.9.4/24`. */
  readonly address: string;
  /** The MAC that Docker derives from the address: 6 bytes. */
  readonly mac: Uint8Array;
  /** MTU of an endpoint's interface in bytes, by Docker's arithmetic. */
  readonly mtu: number;
  /** Whether the network only carries ESP. */
  readonly encrypted: boolean;
  /** Whether the network has no route to the outside. */
  readonly internal: boolean;
  /** Whether the network carries the connections to published ports. */
  readonly ingress: boolean;
  /** Whether tasks answer clients directly (`--opt dsr`). */
  readonly dsr: boolean;
  /** Options of the network's driver. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Reads an address of this node.
 * @param fallback name for errors, if the network has none
 * @throws JoinError `BAD_ANSWER` with the network's name, if it isn't an overlay network with IPv4 subnets and VNIs
 */
export function readNetworkAddress({ network, addresses }: NetworkAttachment, fallback: string): NetworkAddress {
  const name = network?.spec?.annotations?.name ?? '';
  const label = quoted(name || fallback);
  const bad = (what: string): JoinError => new JoinError('BAD_ANSWER', `network ${label}: ${what}`);
  const driver = network?.driverState;
  if (network === undefined || network.id === '' || driver?.name !== OVERLAY) throw bad('not an overlay network');
  const { options } = driver;
  if (options.size > MAX_OPTIONS) throw bad('too many driver options');
  const configs = (network.ipam?.configs ?? []).filter(({ subnet }) => !subnet.includes(':'));
  let driverOptions: DriverOptions;
  let subnets: { prefix: Prefix; gateway: string | undefined }[];
  let address: Uint8Array;
  try {
    driverOptions = readDriverOptions(Object.fromEntries(options), 'BAD_IMPORT');
    subnets = configs.map(({ subnet, gateway }) => ({
      prefix: parsePrefix(subnet),
      gateway: gateway === '' ? undefined : formatAddress(parseIp(gateway.split('/')[0])),
    }));
    address = parseIp(addresses.at(0)?.split('/')[0] ?? '');
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new JoinError('BAD_ANSWER', `network ${label}: ${error.message}`, { cause: error });
  }
  const { vnis, encrypted, mtu, dsr } = driverOptions;
  if (subnets.length === 0 || subnets.length > vnis.length) throw bad('not one VNI for each IPv4 subnet');
  const index = subnets.findIndex(({ prefix }) => prefixContains(prefix, address));
  if (address.length !== 4 || index < 0) throw bad('the assigned address is in none of its IPv4 subnets');
  return {
    networkId: network.id,
    networkName: name,
    subnets: subnets.map(({ prefix, gateway }, i) => ({ subnet: formatPrefix(prefix), gateway, vni: vnis[i] })),
    vni: vnis[index],
    address: `${formatAddress(address)}/${subnets[index].prefix.length}`,
    mac: macOfIpv4(address),
    mtu,
    encrypted,
    internal: network.spec?.internal ?? false,
    ingress: network.spec?.ingress ?? false,
    dsr,
    options,
  };
}
