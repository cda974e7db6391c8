/**
 * Creates, changes and removes services. `TaskScheduler` makes their tasks.
 *
 * Creating: (1) the entry of `ipam/allocations`, `creating`, with the record and its ports; (2) a VIP per network; (3)
 * `services/NAME`; (4) the entry is `ready`. Removing: (1) the entry is `removing`; (2) `services/NAME`; (3) tasks and
 * VIPs; (4) the entry. A crash leaves an entry that is `creating` or `removing`: the next operation on the service, or
 * `Repair`, carries out the rest.
 */
import { isDeepStrictEqual } from 'node:util';
import { Deployment, OverlayError, ServiceMode } from '../../overlay/index.js';
import { segmentOf } from '../records/key-segment.js';
import { decodeRecord, NETWORKS, SERVICES } from '../records/records.js';
import { AllocationState, type IpamRecord, type ServiceRecord } from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { addressKey, type AddressOwner, claimAddress, releaseAddress } from './addresses.js';
import { type ControlContext, newId, timeText } from './context.js';
import { removeEndpoint } from './endpoints.js';
import { changeIpam, readIpam, type ServiceEntry, withoutService, withServiceState } from './ipam.js';
import { checkName } from './names.js';
import { networkEntry } from './networks.js';
import { deleteIfUnchanged, hasCode, readRecord, writeRecord } from './records-of.js';
import { adoptService, allocateService, type ServiceRequest } from './service-allocation.js';

/**
 * Creates a service: published ports that no other has, and a VIP in each network unless it is found by DNS alone.
 * @returns its record
 * @throws OverlayError `REFUSED` in Docker's words, `NO_PORT`, `NO_ADDRESS`, `BAD_CONFIG`; StoreError
 */
export async function createService(
  store: Store,
  request: ServiceRequest,
  { random, now }: ControlContext,
): Promise<ServiceRecord> {
  checkName(request.name);
  const id = newId(random);
  const created = timeText(now());
  for (const { network } of request.networks) await networkEntry(store, network);
  await adoptByName(store, request.name);
  const { services } = await changeIpam(store, (ipam) => allocateService(ipam, request, id, created).ipam);
  const entry = services.find((one) => one.id === id);
  if (entry === undefined) throw notFound(request.name);
  return finishService(store, entry);
}

/**
 * Carries out what an entry says that is `creating`. Any number may do so at once.
 * @throws OverlayError `REFUSED` if the service was removed meanwhile, `NO_ADDRESS` if there is none for a VIP: then the
 * service is removed
 */
export async function finishService(store: Store, entry: ServiceEntry): Promise<ServiceRecord> {
  const { id, name } = entry;
  if (entry.record === undefined) throw notFound(name);
  let record: ServiceRecord;
  try {
    record = await withVips(store, entry.record);
  } catch (error) {
    if (!hasCode(error, 'NO_ADDRESS') && !hasCode(error, 'REFUSED')) throw error;
    const done = await readRecord(store, 'service', SERVICES + segmentOf(name));
    if (done?.record.id === id) return done.record;
    await removeService(store, name, id);
    throw error;
  }
  const revision = await writeOnce(store, record);
  const found = await readRecord(store, 'service', SERVICES + segmentOf(name));
  // Someone else carried this out, too: their addresses count.
  if (found?.record.id === id) await keepVips(store, record, found.record);
  const { services } = await changeIpam(store, (ipam) => {
    const one = ipam.services.find((other) => other.id === id);
    return one?.state === AllocationState.Creating ? withServiceState(ipam, id, AllocationState.Ready) : undefined;
  });
  if (services.some((one) => one.id === id) && found?.record.id === id) return found.record;
  if (revision > 0) await deleteIfUnchanged(store, SERVICES + segmentOf(name), revision);
  await keepVips(store, record, undefined);
  throw notFound(name);
}

/** @returns its revision; 0 if there is one already */
async function writeOnce(store: Store, record: ServiceRecord): Promise<number> {
  try {
    return await writeRecord(store, { kind: 'service', record }, 0);
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
    return 0;
  }
}

/** Gives a service its VIPs; those that it has already are found by their owner. */
async function withVips(store: Store, record: ServiceRecord): Promise<ServiceRecord> {
  if (record.mode !== ServiceMode.Vip) return record;
  const owner = vipOwner(record);
  const networks: ServiceRecord['networks'] = [];
  for (const one of record.networks) {
    const found = await readRecord(store, 'network', NETWORKS + segmentOf(one.network));
    if (found === undefined) throw new OverlayError('REFUSED', `network ${one.network} not found`);
    const [held] = await addressesOf(store, one.network, owner);
    const vip = (held as string | undefined) ?? (await claimAddress(store, found.record, owner)).address;
    networks.push({ ...one, vip });
  }
  return { ...record, networks };
}

/** Frees the VIPs of a record that the one in the store doesn't have. */
async function keepVips(store: Store, made: ServiceRecord, kept: ServiceRecord | undefined): Promise<void> {
  for (const { network, vip } of made.networks) {
    const used = kept?.networks.some((one) => one.network === network && one.vip === vip) === true;
    if (vip !== undefined && !used) await releaseAddress(store, { name: network }, vip, vipOwner(made));
  }
}

/** Who has the VIPs of a service. */
export function vipOwner({ id }: Pick<ServiceRecord, 'id'>): AddressOwner {
  return { kind: 'service', id };
}

async function addressesOf(store: Store, network: string, { kind, id }: AddressOwner): Promise<string[]> {
  const { records } = await store.snapshot(`${NETWORKS}${segmentOf(network)}/addresses/`);
  return records.flatMap(({ key, value }) => {
    const decoded = decodeRecord(key, value);
    if (decoded.kind !== 'allocation') return [];
    const { owner, address } = decoded.record;
    return owner.kind === kind && owner.id === id ? [address] : [];
  });
}

/**
 * Asks for another number of tasks.
 * @throws OverlayError `REFUSED` in Docker's words; StoreError
 */
export function scaleService(
  store: Store,
  name: string,
  replicas: number,
  context: Pick<ControlContext, 'now'>,
): Promise<ServiceRecord> {
  return changeService(store, name, context, (record) => {
    if (record.deploy === Deployment.Global) {
      throw new OverlayError('REFUSED', 'scale can only be used with replicated or replicated-job mode');
    }
    return record.replicas === replicas ? record : { ...record, replicas };
  });
}

/** What changes of a service. */
export interface ServiceUpdate {
  /** @default as before */
  readonly replicas?: number;
  /** Labels that it gets, or whose values change. */
  readonly addedLabels?: Readonly<Record<string, string>>;
  /** Labels that it loses, also those that were just added, as with Docker. Others are ignored. */
  readonly removedLabels?: readonly string[];
}

/**
 * Changes a service. Without a change, nothing is written.
 * @throws OverlayError `REFUSED` in Docker's words; StoreError, `BAD_RECORD` for labels that don't fit
 */
export function updateService(
  store: Store,
  name: string,
  { replicas, addedLabels = {}, removedLabels = [] }: ServiceUpdate,
  context: Pick<ControlContext, 'now'>,
): Promise<ServiceRecord> {
  const removed = new Set(removedLabels);
  return changeService(store, name, context, (record) => {
    if (replicas !== undefined && record.deploy === Deployment.Global) {
      throw new OverlayError('REFUSED', 'replicas can only be used with replicated or replicated-job mode');
    }
    const kept = Object.entries({ ...record.labels, ...addedLabels }).filter(([key]) => !removed.has(key));
    const updated = { ...record, labels: Object.fromEntries(kept), replicas: replicas ?? record.replicas };
    return isDeepStrictEqual(updated, record) ? record : updated;
  });
}

/**
 * Replaces a service's record, again if another program has written it meanwhile.
 * @param change the record as it should be; the same object if it is as it should be
 */
async function changeService(
  store: Store,
  name: string,
  { now }: Pick<ControlContext, 'now'>,
  change: (record: ServiceRecord) => ServiceRecord,
): Promise<ServiceRecord> {
  for (;;) {
    const found = await readRecord(store, 'service', SERVICES + segmentOf(name));
    if (found === undefined) throw notFound(name);
    const changed = change(found.record);
    if (changed === found.record) return changed;
    const record = { ...changed, updated: timeText(now()) };
    try {
      await writeRecord(store, { kind: 'service', record }, found.revision);
      return record;
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
    }
  }
}

/**
 * Removes a service with its tasks, VIPs and ports.
 * @param id the id it must have. Default: any
 * @throws OverlayError `REFUSED` in Docker's words if there is none; StoreError
 */
export async function removeService(store: Store, name: string, id?: string): Promise<void> {
  const { services } = await adoptByName(store, name);
  const entry = services.find((one) => one.name === name && (id === undefined || one.id === id));
  if (entry === undefined) throw notFound(name);
  await changeIpam(store, (ipam) =>
    ipam.services.some((one) => one.id === entry.id)
      ? withServiceState(ipam, entry.id, AllocationState.Removing)
      : undefined,
  );
  await finishServiceRemoval(store, entry);
}

/** Carries out what an entry says that is `removing`. */
export async function finishServiceRemoval(store: Store, { id, name, networks }: ServiceEntry): Promise<void> {
  const found = await store.get(SERVICES + segmentOf(name));
  const decoded = found && decodeRecord(found.key, found.value);
  const another = decoded?.kind === 'service' && decoded.record.id !== id;
  if (found !== undefined && !another) await deleteIfUnchanged(store, found.key, found.revision);
  for (const network of networks) {
    const { records } = await store.snapshot(`${NETWORKS}${segmentOf(network)}/`);
    // Only while the entry is there can nobody have made a new service of the same name.
    if (!(await isRemoving(store, id))) return;
    for (const { key, value, revision } of records) {
      const record = decodeRecord(key, value);
      if (record.kind === 'endpoint' && record.record.service === name) {
        await removeEndpoint(store, { name: network }, record.record.id);
      }
      if (record.kind === 'allocation' && record.record.owner.kind === 'service' && record.record.owner.id === id) {
        await deleteIfUnchanged(store, addressKey(network, record.record.address), revision);
      }
    }
  }
  await changeIpam(store, (now) => (now.services.some((one) => one.id === id) ? withoutService(now, id) : undefined));
}

async function isRemoving(store: Store, id: string): Promise<boolean> {
  const { services } = await readIpam(store);
  return services.some((one) => one.id === id && one.state === AllocationState.Removing);
}

/** Makes an entry for a service that another program wrote, if there is such a one. */
async function adoptByName(store: Store, name: string): Promise<IpamRecord> {
  const ipam = await readIpam(store);
  if (ipam.services.some((one) => one.name === name)) return ipam;
  const found = await readRecord(store, 'service', SERVICES + segmentOf(name));
  return found === undefined ? ipam : adoptServiceRecord(store, found.record);
}

/** @throws OverlayError `REFUSED` if another service has its name or a port of it */
export async function adoptServiceRecord(store: Store, record: ServiceRecord): Promise<IpamRecord> {
  return changeIpam(store, (ipam) =>
    ipam.services.some((one) => one.id === record.id) ? undefined : adoptService(ipam, record),
  );
}

function notFound(name: string): OverlayError {
  return new OverlayError('REFUSED', `service ${name} not found`);
}
