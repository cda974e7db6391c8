/**
 * Addresses of a network. An address belongs to who creates its record `networks/NAME/addresses/IP` while there is none,
 * so no two can have the same, however many ask at once. The network's gateways need no records: nobody is given them.
 *
 * What a crash leaves: an address whose owner was never written, or is gone. `Repair` frees it after a while.
 */
import {
  formatAddress,
  formatPrefix,
  OverlayError,
  parseIp,
  parsePrefix,
  type Prefix,
  prefixContains,
} from '../../overlay/index.js';
import { addressOf, lastOf, numberOf } from '../../overlay/internal.js';
import { CURSORS, decodeRecord, NETWORKS, recordKey } from '../records/records.js';
import { segmentOf } from '../records/key-segment.js';
import { type AllocationRecord, type CursorRecord, type NetworkRecord, RECORD_VERSION } from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { deleteIfUnchanged, hasCode, readRecord, writeRecord } from './records-of.js';

/** Who has an address: an endpoint or a load balancer by the endpoint's id, a service by its id. */
export type AddressOwner = AllocationRecord['owner'];

/** An address that was just allocated; the revision tells this allocation from later ones of the same address. */
export interface AddressClaim {
  readonly address: string;
  readonly key: string;
  readonly revision: number;
}

/** Addresses that are tried one after the other, before all that are in use are read. */
const TRIES = 8;
/** Subnets longer than this have neither a network nor a broadcast address (RFC 3021). */
const LAST_WITH_BROADCAST = 30;

const KIND_NAMES: Readonly<Record<AddressOwner['kind'], string>> = {
  endpoint: 'endpoint',
  service: 'VIP of',
  balancer: 'load balancer',
  gateway: 'gateway',
};

/** The part of a subnet that addresses are given out from. */
interface Span {
  readonly subnet: Prefix;
  readonly first: number;
  readonly last: number;
}

/**
 * Allocates an address: the next one after the last that was given out, or the one that is wanted.
 * @param network a network with a subnet of IPv4
 * @param wanted an address of one of its subnets, also outside the range
 * @returns the address
 * @throws OverlayError `REFUSED` in Docker's words if the wanted one can't be had, `NO_ADDRESS` if none is left;
 * StoreError as of `Store.put`
 */
export async function allocateAddress(
  store: Store,
  network: NetworkRecord,
  owner: AddressOwner,
  wanted?: string,
): Promise<string> {
  const { address } = await claimAddress(store, network, owner, wanted);
  return address;
}

/**
 * Frees an address, if this owner has it.
 * @returns whether it had it
 * @throws StoreError as of `Store.delete`, except `CONFLICT`
 */
export async function releaseAddress(
  store: Store,
  network: Pick<NetworkRecord, 'name'>,
  address: string,
  owner: AddressOwner,
): Promise<boolean> {
  const key = addressKey(network.name, address);
  const found = await readRecord(store, 'allocation', key);
  if (found === undefined || !sameOwner(found.record.owner, owner)) return false;
  return deleteIfUnchanged(store, key, found.revision);
}

/** Whether two owners are the same. */
export function sameOwner(one: AddressOwner, other: AddressOwner): boolean {
  return one.kind === other.kind && one.id === other.id;
}

/** The key of an address's record. */
export function addressKey(network: string, address: string): string {
  return `${NETWORKS}${segmentOf(network)}/addresses/${segmentOf(address)}`;
}

/** As `allocateAddress`, with what tells this allocation from others. */
export async function claimAddress(
  store: Store,
  network: NetworkRecord,
  owner: AddressOwner,
  wanted?: string,
): Promise<AddressClaim> {
  if (wanted !== undefined) return claimWanted(store, network, owner, wanted);
  const cursor = await cursorOf(store, network);
  for (const [index, span] of spansOf(network).entries()) {
    const after = cursor.find((address) => prefixContains(span.subnet, address));
    const start = after === undefined ? span.first : numberOf(after);
    const claim = await claimIn(store, network, owner, span, start);
    if (claim === undefined) continue;
    await moveCursor(store, network, cursor, index, claim.address);
    return claim;
  }
  throw new OverlayError('NO_ADDRESS', 'no available IPv4 addresses on this network');
}

/** The IPv4 spans of a network. */
function spansOf({ subnets }: NetworkRecord): Span[] {
  return subnets.flatMap(({ subnet: text, range: part }) => {
    const subnet = parsePrefix(text);
    if (subnet.address.length !== 4) return [];
    const range = part === undefined ? subnet : parsePrefix(part);
    const reserved = subnet.length <= LAST_WITH_BROADCAST ? 1 : 0;
    const first = Math.max(numberOf(range.address), numberOf(subnet.address) + reserved);
    const last = Math.min(lastOf(range), lastOf(subnet) - reserved);
    return [{ subnet, first, last }];
  });
}

function gatewaysOf({ subnets }: NetworkRecord): Set<number> {
  const gateways = subnets.flatMap(({ gateway }) => (gateway === undefined ? [] : [parseIp(gateway)]));
  return new Set(gateways.filter(({ length }) => length === 4).map(numberOf));
}

async function claimWanted(
  store: Store,
  network: NetworkRecord,
  owner: AddressOwner,
  wanted: string,
): Promise<AddressClaim> {
  const address = parseIp(wanted);
  const text = formatAddress(address);
  const span = spansOf(network).find(({ subnet }) => prefixContains(subnet, address));
  if (span === undefined) throw new OverlayError('REFUSED', 'requested address is out of range');
  const { subnet } = span;
  const number = numberOf(address);
  if (gatewaysOf(network).has(number)) throw new OverlayError('REFUSED', 'Address already in use (the gateway)');
  if (subnet.length <= LAST_WITH_BROADCAST && (number === numberOf(subnet.address) || number === lastOf(subnet))) {
    throw new OverlayError(
      'REFUSED',
      `Address already in use (${text} is the network or broadcast address of ${formatPrefix(subnet)})`,
    );
  }
  const claim = await tryClaim(store, network, owner, text);
  if (claim !== undefined) return claim;
  const found = await readRecord(store, 'allocation', addressKey(network.name, text));
  const holder = found === undefined ? '' : ` (${KIND_NAMES[found.record.owner.kind]} ${found.record.owner.id})`;
  throw new OverlayError('REFUSED', `Address already in use${holder}`);
}

/** @returns undefined if someone has it */
async function tryClaim(
  store: Store,
  { name: network }: NetworkRecord,
  owner: AddressOwner,
  address: string,
): Promise<AddressClaim | undefined> {
  const record: AllocationRecord = { version: RECORD_VERSION, network, address, owner };
  try {
    const revision = await writeRecord(store, { kind: 'allocation', record }, 0);
    return { address, key: recordKey({ kind: 'allocation', record }), revision };
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
    return undefined;
  }
}

/** The numbers of a span in the order of Docker's bitmaps: from a start, then from the beginning. */
function* serial({ first, last }: Span, start: number): Generator<number> {
  const from = start > first && start <= last ? start : first;
  for (let number = from; number <= last; number++) yield number;
  for (let number = first; number < from; number++) yield number;
}

/** Tries the next few; if others have them all, reads which are in use, and tries the rest. */
async function claimIn(
  store: Store,
  network: NetworkRecord,
  owner: AddressOwner,
  span: Span,
  start: number,
): Promise<AddressClaim | undefined> {
  let used: ReadonlySet<number> = gatewaysOf(network);
  let tries = 0;
  for (const number of serial(span, start)) {
    if (used.has(number)) continue;
    if (tries++ === TRIES) {
      used = await usedOf(store, network);
      if (used.has(number)) continue;
    }
    const claim = await tryClaim(store, network, owner, formatAddress(addressOf(number)));
    if (claim !== undefined) return claim;
  }
  return undefined;
}

/** The gateways of a network, and the addresses that someone has. */
async function usedOf(store: Store, network: NetworkRecord): Promise<Set<number>> {
  const { records } = await store.snapshot(`${NETWORKS}${segmentOf(network.name)}/addresses/`);
  const used = gatewaysOf(network);
  for (const { key, value } of records) {
    const decoded = decodeRecord(key, value);
    if (decoded.kind !== 'allocation') continue;
    const address = parseIp(decoded.record.address);
    if (address.length === 4) used.add(numberOf(address));
  }
  return used;
}

/** Where to search; empty if that isn't known. It is a hint, so what can't be read doesn't count. */
async function cursorOf(store: Store, { name, id }: NetworkRecord): Promise<Uint8Array[]> {
  const found = await store.get(CURSORS + segmentOf(name));
  const decoded = found && decodeRecord(found.key, found.value);
  return decoded?.kind === 'cursor' && decoded.record.id === id ? decoded.record.next.map(parseIp) : [];
}

async function moveCursor(
  store: Store,
  network: NetworkRecord,
  before: readonly Uint8Array[],
  index: number,
  address: string,
): Promise<void> {
  const { subnet, last } = spansOf(network)[index];
  const next = addressOf(Math.min(numberOf(parseIp(address)) + 1, last + 1, 0xffffffff));
  const others = before.filter((one) => !prefixContains(subnet, one));
  const record: CursorRecord = {
    version: RECORD_VERSION,
    network: network.name,
    id: network.id,
    next: [...others, next].map(formatAddress),
  };
  try {
    await writeRecord(store, { kind: 'cursor', record });
  } catch {
    // The address is allocated all the same, and the next search only takes longer.
  }
}
