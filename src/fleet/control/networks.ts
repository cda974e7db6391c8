/**
 * Creates and removes networks.
 *
 * Creating: (1) the entry of `ipam/allocations`, `creating`, with the whole record; (2) `networks/NAME`; (3) the entry
 * is `ready`. Removing: (1) the entry is `removing`; (2) `networks/NAME`, then everything below it; (3) the entry. A
 * crash leaves an entry that is `creating` or `removing`: the next operation on the network, or `Repair`, carries out
 * the rest. A creator that was so slow that others did, and then removed the network, takes its record back.
 */
import { OverlayError } from '../../overlay/index.js';
import { segmentOf } from '../records/key-segment.js';
import { CURSORS, decodeRecord, NETWORKS } from '../records/records.js';
import { AllocationState, FleetEndpointKind, type IpamRecord, type NetworkRecord } from '../records/schemas.js';
import { type Store, type StoreRecord } from '../store/store.js';
import { type ControlContext, newId, timeText } from './context.js';
import { changeIpam, type NetworkEntry, readIpam, withNetworkState, withoutNetwork } from './ipam.js';
import { checkName } from './names.js';
import { adoptNetwork, allocateNetwork, type NetworkRequest } from './network-allocation.js';
import { deleteIfUnchanged, hasCode, readRecord, writeRecord } from './records-of.js';

/**
 * Creates a network: an id, a VNI from 4096 on, and a subnet of 10.0.0.0/8 unless it names its own. Names, VNIs and
 * subnets are unique, however many create networks at once.
 * @throws OverlayError `REFUSED` in Docker's words, `NO_SUBNET`, `NO_VNI`, `BAD_PREFIX`, `BAD_CONFIG`; StoreError
 */
export async function createNetwork(
  store: Store,
  request: NetworkRequest,
  { random, now }: ControlContext,
): Promise<NetworkRecord> {
  checkName(request.name);
  const id = newId(random);
  const created = timeText(now());
  await adoptByName(store, request.name);
  const { networks } = await changeIpam(store, (ipam) => allocateNetwork(ipam, request, id, created).ipam);
  const entry = networks.find((one) => one.id === id);
  if (entry?.record === undefined) throw new OverlayError('REFUSED', `network ${request.name} not found`);
  await finishNetwork(store, entry);
  return entry.record;
}

/**
 * Carries out what an entry says that is `creating`. Any number may do so at once.
 * @throws OverlayError `REFUSED` if the network was removed meanwhile
 */
export async function finishNetwork(store: Store, { id, name, record }: NetworkEntry): Promise<void> {
  if (record === undefined) return;
  let revision = 0;
  try {
    revision = await writeRecord(store, { kind: 'network', record }, 0);
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
    const found = await readRecord(store, 'network', NETWORKS + segmentOf(name));
    if (found !== undefined && found.record.id !== id) {
      // Another program wrote one of this name.
      await changeIpam(store, (ipam) => withoutNetwork(ipam, id));
      throw new OverlayError('REFUSED', `network with name ${name} already exists`, { cause: error });
    }
  }
  const { networks } = await changeIpam(store, (ipam) => {
    const entry = ipam.networks.find((one) => one.id === id);
    return entry?.state === AllocationState.Creating ? withNetworkState(ipam, id, AllocationState.Ready) : undefined;
  });
  if (networks.some((one) => one.id === id)) return;
  if (revision > 0) await deleteIfUnchanged(store, NETWORKS + segmentOf(name), revision);
  throw new OverlayError('REFUSED', `network ${name} not found`);
}

/**
 * Removes a network that nothing uses. Load balancers of nodes go with it.
 * @throws OverlayError `REFUSED` in Docker's words if there is none, or if it is in use; StoreError
 */
export async function removeNetwork(store: Store, name: string): Promise<void> {
  const entry = await networkEntry(store, name);
  if (entry.state === AllocationState.Creating) await finishNetwork(store, entry);
  await changeIpam(store, (ipam) => {
    if (!ipam.networks.some(({ id }) => id === entry.id)) throw notFound(name);
    const user = ipam.services.find(({ networks }) => networks.includes(name));
    if (user !== undefined) throw new OverlayError('REFUSED', `network ${name} is in use by service ${user.name}`);
    return withNetworkState(ipam, entry.id, AllocationState.Removing);
  });
  await finishRemoval(store, entry);
}

/**
 * Carries out what an entry says that is `removing`; or sets it `ready` again if the network is in use.
 * @throws OverlayError `REFUSED` if it is in use
 */
export async function finishRemoval(store: Store, { id, name }: NetworkEntry): Promise<void> {
  const key = NETWORKS + segmentOf(name);
  const { records } = await store.snapshot(`${key}/`);
  // Only while the entry is there can nobody have made a new network of the same name.
  const ipam = await readIpam(store);
  if (!ipam.networks.some((one) => one.id === id && one.state === AllocationState.Removing)) return;
  const user = userOf(name, records);
  if (user !== undefined) {
    await changeIpam(store, (now) =>
      now.networks.some((one) => one.id === id) ? withNetworkState(now, id, AllocationState.Ready) : undefined,
    );
    throw new OverlayError('REFUSED', user);
  }
  const network = await store.get(key);
  const decoded = network && decodeRecord(key, network.value);
  if (network !== undefined && !(decoded?.kind === 'network' && decoded.record.id !== id)) {
    await deleteIfUnchanged(store, key, network.revision);
  }
  for (const record of records) await deleteIfUnchanged(store, record.key, record.revision);
  const cursor = await store.get(CURSORS + segmentOf(name));
  if (cursor !== undefined) await deleteIfUnchanged(store, cursor.key, cursor.revision);
  await changeIpam(store, (now) => (now.networks.some((one) => one.id === id) ? withoutNetwork(now, id) : undefined));
}

/** Who uses a network, in Docker's words. */
function userOf(network: string, records: readonly StoreRecord[]): string | undefined {
  for (const { key, value } of records) {
    const decoded = decodeRecord(key, value);
    if (decoded.kind !== 'endpoint' || decoded.record.kind === FleetEndpointKind.Balancer) continue;
    const { name, id, service } = decoded.record;
    if (service !== undefined) return `network ${network} is in use by task ${id}`;
    return `network ${network} has active endpoints (name:"${name}" id:"${id}")`;
  }
  return undefined;
}

/**
 * The entry of a network, also of one that another program wrote.
 * @throws OverlayError `REFUSED` if there is none, or if it clashes with another
 */
export async function networkEntry(store: Store, name: string): Promise<NetworkEntry> {
  const entry = (await adoptByName(store, name)).networks.find((one) => one.name === name);
  if (entry === undefined) throw notFound(name);
  return entry;
}

/** Makes an entry for a network that another program wrote, if there is such a one. */
async function adoptByName(store: Store, name: string): Promise<IpamRecord> {
  const ipam = await readIpam(store);
  if (ipam.networks.some((one) => one.name === name)) return ipam;
  const found = await readRecord(store, 'network', NETWORKS + segmentOf(name));
  if (found === undefined) return ipam;
  return adoptRecord(store, found.record);
}

/** @throws OverlayError `REFUSED` if another network has its name, VNI or a subnet of it */
export async function adoptRecord(store: Store, record: NetworkRecord): Promise<IpamRecord> {
  return changeIpam(store, (ipam) => {
    if (ipam.networks.some((one) => one.id === record.id)) return undefined;
    return adoptNetwork(ipam, record);
  });
}

function notFound(name: string): OverlayError {
  return new OverlayError('REFUSED', `network ${name} not found`);
}
