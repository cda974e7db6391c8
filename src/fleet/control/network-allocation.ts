/** What a new network gets: name, VNI, subnets and gateways that no other has. Pure: a record in, a record out. */
import {
  formatAddress,
  formatPrefix,
  OverlayError,
  parsePrefix,
  readDriverOptions,
  type SubnetRequest,
} from '../../overlay/index.js';
import { NetworkAllocation, SubnetPools, VniPool } from '../../overlay/internal.js';
import { AllocationState, type IpamRecord, type NetworkRecord, RECORD_VERSION } from '../records/schemas.js';

/** A network as it is asked for. */
export interface NetworkRequest {
  readonly name: string;
  /** Empty: a /24 of 10.0.0.0/8. */
  readonly subnets: readonly SubnetRequest[];
  /** Options of Docker's overlay driver. */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly attachable: boolean;
  readonly internal: boolean;
  readonly ingress: boolean;
}

/**
 * Gives a network what it needs.
 * @throws OverlayError `REFUSED` in Docker's words, `NO_SUBNET`, `NO_VNI`, `BAD_PREFIX`, `BAD_CONFIG`
 */
export function allocateNetwork(
  ipam: IpamRecord,
  request: NetworkRequest,
  id: string,
  created: string,
): { readonly ipam: IpamRecord; readonly record: NetworkRecord } {
  const { name, ingress } = request;
  if (ipam.networks.some((entry) => entry.name === name)) {
    throw new OverlayError('REFUSED', `network with name ${name} already exists`);
  }
  if (ingress && request.attachable) throw new OverlayError('REFUSED', 'ingress network cannot be attachable');
  const other = ingress ? ipam.networks.find((entry) => entry.ingress) : undefined;
  if (other !== undefined) throw new OverlayError('REFUSED', `ingress network (${other.name}) is already present`);
  const { encrypted, dsr, vnis, mtu, hasMtu } = readDriverOptions(request.options);
  if (vnis.length > 1) throw new OverlayError('REFUSED', 'a network has one VNI here, for all of its subnets');
  const pool = new VniPool(ipam.nextVni);
  for (const { vni } of ipam.networks) pool.claim(vni);
  const [given] = vnis as readonly (number | undefined)[];
  if (given !== undefined) pool.claim(given);
  const vni = given ?? pool.take();
  const record: NetworkRecord = {
    ...{ version: RECORD_VERSION, id, name, created, vni, subnets: subnetsOf(ipam, request, vni), encrypted },
    ...(hasMtu && { mtu }),
    ...{ dsr, attachable: request.attachable, internal: request.internal, ingress },
    ...{ options: { ...request.options }, labels: { ...request.labels } },
  };
  const entry = { ...entryOf(record), state: AllocationState.Creating, record };
  return { ipam: { ...ipam, nextVni: pool.next, networks: [...ipam.networks, entry] }, record };
}

/** The entry of a network whose record is there. */
export function entryOf({ id, name, vni, subnets, ingress }: NetworkRecord): IpamRecord['networks'][number] {
  const state = AllocationState.Ready;
  return {
    ...{ id, name, vni, ingress, state },
    subnets: subnets.map(({ subnet, range }) => ({ subnet, shared: range !== undefined })),
  };
}

/**
 * The record with a network that another program wrote.
 * @throws OverlayError `REFUSED` if another network has its name, VNI or a subnet of it
 */
export function adoptNetwork(ipam: IpamRecord, record: NetworkRecord): IpamRecord {
  if (ipam.networks.some(({ name }) => name === record.name)) {
    throw new OverlayError('REFUSED', `network with name ${record.name} already exists`);
  }
  const pool = new VniPool();
  for (const { vni } of [...ipam.networks, record]) pool.claim(vni);
  const pools = poolsOf(ipam);
  for (const { subnet, range } of record.subnets) pools.claim(parsePrefix(subnet), range !== undefined);
  return { ...ipam, networks: [...ipam.networks, entryOf(record)] };
}

function poolsOf({ networks }: IpamRecord): SubnetPools {
  const pools = new SubnetPools();
  for (const { subnets } of networks) for (const { subnet } of subnets) pools.claim(parsePrefix(subnet), true);
  return pools;
}

function subnetsOf(
  ipam: IpamRecord,
  { name, subnets, ingress }: NetworkRequest,
  vni: number,
): NetworkRecord['subnets'] {
  const pools = poolsOf(ipam);
  const all = [...subnets];
  for (const { subnet, range } of all) pools.claim(subnet, range !== undefined);
  if (!all.some(({ subnet }) => subnet.address.length === 4)) all.unshift({ subnet: pools.take() });
  return all.map(({ subnet, gateway, range }) => {
    const text = formatPrefix(subnet);
    if (subnet.address.length !== 4) return { subnet: text, ...(gateway && { gateway: formatAddress(gateway) }) };
    const allocation = new NetworkAllocation(name, ingress);
    allocation.addSubnet(vni, subnet, range, gateway);
    const [{ gateway: chosen }] = allocation.subnets;
    return { subnet: text, gateway: formatAddress(chosen), ...(range && { range: formatPrefix(range) }) };
  });
}
