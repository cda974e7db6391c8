/**
 * The record of what must be unique over all networks and services. An operation begins with one compare-and-set of it,
 * which says all that will be done. The other writes follow from its entry, so anyone can carry them out.
 */
import { StoreError } from '../error.js';
import { encodeRecord, IPAM } from '../records/records.js';
import { type AllocationState, type IpamRecord, RECORD_VERSION } from '../records/schemas.js';
import { MAX_VALUE_LENGTH } from '../store/key.js';
import { type Store } from '../store/store.js';
import { hasCode, readRecord, writeRecord } from './records-of.js';

export type NetworkEntry = IpamRecord['networks'][number];
export type ServiceEntry = IpamRecord['services'][number];

/** Every lost race is someone else's success. */
const MAX_ATTEMPTS = 1000;

/** Bytes that networks and services leave free, so that what marks them as being removed always has room. */
const RESERVE = 1024;

/** With nothing in it. */
export const EMPTY_IPAM: IpamRecord = {
  version: RECORD_VERSION,
  nextVni: 0,
  nextPorts: { tcp: 0, udp: 0, sctp: 0 },
  networks: [],
  services: [],
};

/** @throws StoreError `BAD_RECORD`, and as of `Store.get` */
export async function readIpam(store: Store): Promise<IpamRecord> {
  return (await readRecord(store, 'ipam', IPAM))?.record ?? EMPTY_IPAM;
}

/**
 * Changes the record by compare-and-set.
 * @param change makes the record anew; it runs again when someone else was faster. Undefined leaves the record as it is.
 * What it throws ends the attempt
 * @throws StoreError `FULL` if the record has no room for another network or service, and as of `Store.put`
 */
export async function changeIpam(
  store: Store,
  change: (ipam: IpamRecord) => IpamRecord | undefined,
): Promise<IpamRecord> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = await readRecord(store, 'ipam', IPAM);
    const before = found?.record ?? EMPTY_IPAM;
    const after = change(before);
    if (after === undefined) return before;
    checkRoom(before, after);
    try {
      await writeRecord(store, { kind: 'ipam', record: after }, found?.revision ?? 0);
      return after;
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
    }
  }
  throw new StoreError('CONFLICT', `${MAX_ATTEMPTS} others changed networks or services at the same time; try again`);
}

/** @throws StoreError `FULL` if an entry is added for which there is no room */
function checkRoom(before: IpamRecord, after: IpamRecord): void {
  const entries = ({ networks, services }: IpamRecord): number => networks.length + services.length;
  if (entries(after) <= entries(before)) return;
  const { length } = encodeRecord({ kind: 'ipam', record: after });
  if (length <= MAX_VALUE_LENGTH - RESERVE) return;
  const { networks, services } = before;
  throw new StoreError(
    'FULL',
    `the overlay has no room for another network or service: its record ${IPAM} would have ${length} bytes of ` +
      `${MAX_VALUE_LENGTH - RESERVE}, with ${networks.length} networks and ${services.length} services; remove some, ` +
      'or use another overlay',
  );
}

/** The record without a network's entry. */
export function withoutNetwork(ipam: IpamRecord, id: string): IpamRecord {
  return { ...ipam, networks: ipam.networks.filter((entry) => entry.id !== id) };
}

/** The record without a service's entry. */
export function withoutService(ipam: IpamRecord, id: string): IpamRecord {
  return { ...ipam, services: ipam.services.filter((entry) => entry.id !== id) };
}

/** The record with a network's entry in another state, which needs no record in it. */
export function withNetworkState(ipam: IpamRecord, id: string, state: AllocationState): IpamRecord {
  return { ...ipam, networks: ipam.networks.map((entry) => (entry.id === id ? inState(entry, state) : entry)) };
}

/** The record with a service's entry in another state. */
export function withServiceState(ipam: IpamRecord, id: string, state: AllocationState): IpamRecord {
  return { ...ipam, services: ipam.services.map((entry) => (entry.id === id ? inState(entry, state) : entry)) };
}

function inState<T extends NetworkEntry | ServiceEntry>(entry: T, state: AllocationState): T {
  const after = { ...entry, state };
  delete after.record;
  return after;
}
