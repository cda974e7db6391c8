/**
 * Endpoints of a network: an interface of a container, of a task or of a node's load balancer.
 *
 * Creating writes the address, then the endpoint; removing deletes the endpoint, then the address. So a crash leaves an
 * address without its endpoint, which `Repair` frees after a while. A creator that took longer than that finds out: it
 * reads its address again once the endpoint is written, and takes the endpoint back if the address is no longer its own.
 */
import { formatMac } from '../../wire/index.js';
import { OverlayError, parseIp } from '../../overlay/index.js';
import { segmentOf } from '../records/key-segment.js';
import { IPAM, NETWORKS } from '../records/records.js';
import {
  AllocationState,
  type EndpointRecord,
  FleetEndpointKind,
  type NetworkRecord,
  RECORD_VERSION,
} from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { type AddressClaim, addressKey, type AddressOwner, claimAddress, sameOwner } from './addresses.js';
import { deleteIfUnchanged, hasCode, readRecord, writeRecord } from './records-of.js';

/** What an endpoint is created with. */
export interface EndpointRequest extends Omit<
  EndpointRecord,
  'version' | 'network' | 'mac' | 'ip' | 'running' | 'aliases'
> {
  readonly network: NetworkRecord;
  /** @default 02:42 and the bytes of its address, as Docker makes it */
  readonly mac?: string;
  /** @default the next free one */
  readonly ip?: string;
  readonly aliases?: readonly string[];
  /** @default false */
  readonly running?: boolean;
}

/** Docker's prefix of a MAC that is made of an IPv4 address. */
const MAC_PREFIX = [0x02, 0x42];

/** Who has the address of an endpoint. */
export function ownerOf({ kind, id }: Pick<EndpointRecord, 'kind' | 'id'>): AddressOwner {
  return { kind: kind === FleetEndpointKind.Balancer ? 'balancer' : 'endpoint', id };
}

/** The key of an endpoint's record. */
export function endpointKey(network: string, id: string): string {
  return `${NETWORKS}${segmentOf(network)}/endpoints/${segmentOf(id)}`;
}

/**
 * Creates an endpoint, with an address of its network.
 * @returns its record
 * @throws OverlayError `REFUSED` in Docker's words, `NO_ADDRESS` if no address is left; StoreError as of `Store.put`
 */
export async function createEndpoint(store: Store, request: EndpointRequest): Promise<EndpointRecord> {
  const { network, ip, mac, aliases = [], running = false, ...given } = request;
  const key = endpointKey(network.name, given.id);
  if ((await store.get(key)) !== undefined) throw alreadyExists(given.name, network);
  const claim = await claimAddress(store, network, ownerOf(given), ip);
  const record: EndpointRecord = {
    version: RECORD_VERSION,
    ...given,
    network: network.name,
    ip: claim.address,
    mac: mac ?? macOf(claim.address),
    aliases: [...aliases],
    running,
  };
  try {
    await checkNetwork(store, network);
  } catch (error) {
    await giveBack(store, claim);
    throw error;
  }
  const revision = await writeEndpoint(store, record, network, claim);
  if ((await store.get(claim.key))?.revision === claim.revision) return record;
  await deleteIfUnchanged(store, key, revision);
  throw new OverlayError(
    'REFUSED',
    `${claim.address} was freed meanwhile, as creating ${given.name} took too long; try again`,
  );
}

async function writeEndpoint(
  store: Store,
  record: EndpointRecord,
  network: NetworkRecord,
  claim: AddressClaim,
): Promise<number> {
  try {
    return await writeRecord(store, { kind: 'endpoint', record }, 0);
  } catch (error) {
    // Whether it was written is unknown: then the address must stay.
    if (hasCode(error, 'OUTCOME_UNKNOWN')) throw error;
    await giveBack(store, claim);
    throw hasCode(error, 'CONFLICT') ? alreadyExists(record.name, network) : error;
  }
}

/**
 * Removes an endpoint and frees its address.
 * @returns whether there was one
 * @throws StoreError as of `Store.delete`, except `CONFLICT`
 */
export async function removeEndpoint(store: Store, network: Pick<NetworkRecord, 'name'>, id: string): Promise<boolean> {
  const key = endpointKey(network.name, id);
  for (;;) {
    const found = await readRecord(store, 'endpoint', key);
    if (found === undefined) return false;
    const { ip } = found.record;
    // Read before: an address that someone else takes once the endpoint is gone has another revision.
    const held = ip === undefined ? undefined : await readRecord(store, 'allocation', addressKey(network.name, ip));
    if (!(await deleteIfUnchanged(store, key, found.revision))) continue;
    if (ip !== undefined && held !== undefined && sameOwner(held.record.owner, ownerOf(found.record))) {
      await deleteIfUnchanged(store, addressKey(network.name, ip), held.revision);
    }
    return true;
  }
}

/** The MAC that Docker gives an address of IPv4. */
export function macOf(ip: string): string {
  return formatMac(Uint8Array.from([...MAC_PREFIX, ...parseIp(ip)]));
}

async function giveBack(store: Store, { key, revision }: AddressClaim): Promise<void> {
  await deleteIfUnchanged(store, key, revision);
}

function alreadyExists(name: string, { name: network }: NetworkRecord): OverlayError {
  return new OverlayError('REFUSED', `endpoint with name ${name} already exists in network ${network}`);
}

/**
 * A network that is removed is first marked, then its addresses are looked for. Who looks at the mark after the address
 * is written is seen, or sees.
 */
async function checkNetwork(store: Store, { id, name }: NetworkRecord): Promise<void> {
  const ipam = await readRecord(store, 'ipam', IPAM);
  const entry = ipam?.record.networks.find((one) => one.id === id);
  if (entry !== undefined && entry.state !== AllocationState.Removing) return;
  // Another program may have written the network, without an entry.
  const found = entry === undefined ? await readRecord(store, 'network', NETWORKS + segmentOf(name)) : undefined;
  if (found?.record.id !== id) throw new OverlayError('REFUSED', `network ${name} not found`);
}
