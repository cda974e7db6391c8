/**
 * Carries out what crashed operations left to do, and frees what nobody has any more. Passive: it has no timer, and
 * judges by what it sees again and again for `patience`, on one clock. So an operation that is under way isn't taken for
 * one that crashed; and if it is after all, because it took longer, it finds out and takes its last write back.
 */
import { isVtepError } from '../../error.js';
import { OverlayError } from '../../overlay/index.js';
import { segmentOf } from '../records/key-segment.js';
import { NETWORKS, SERVICES } from '../records/records.js';
import { AllocationState, type EndpointRecord, type NetworkRecord } from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { addressKey, claimAddress, sameOwner } from './addresses.js';
import { endpointKey, ownerOf, removeEndpoint } from './endpoints.js';
import { changeIpam, withNetworkState, withServiceState } from './ipam.js';
import { adoptRecord, finishNetwork, finishRemoval } from './networks.js';
import { type HeldAddress, type NetworkView, type OverlayView } from './overlay-view.js';
import { deleteIfUnchanged, readRecord } from './records-of.js';
import { adoptServiceRecord, finishService, finishServiceRemoval, vipOwner } from './services.js';

export interface RepairOptions {
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  /**
   * Milliseconds for which something must look abandoned.
   * @default 30000
   */
  readonly patience?: number;
  /** Gets a line for each thing that is put right, and for each that can't be. */
  readonly onEvent?: (text: string) => void;
}

/** A step, by what it is about; the same text as long as that doesn't change. */
interface Step {
  readonly about: string;
  readonly text: string;
  readonly carryOut: () => Promise<unknown>;
}

/** Puts an overlay's records in order. */
export class Repair {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #patience: number;
  readonly #onEvent: (text: string) => void;
  /** When each step was first seen to be necessary. */
  #seen = new Map<string, number>();

  constructor(store: Store, { clock, patience = 30_000, onEvent = () => undefined }: RepairOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#patience = patience;
    this.#onEvent = onEvent;
  }

  /** When the next step will have been necessary for long enough, on the clock; undefined if there is none. */
  get due(): number | undefined {
    const first = Math.min(...this.#seen.values());
    return first === Infinity ? undefined : first + this.#patience;
  }

  /**
   * Takes the steps that have been necessary for long enough.
   * @param check called before each step; what it throws ends the turn
   * @returns how many it took
   * @throws StoreError as of `Store.put`
   */
  async turn(view: OverlayView, check: () => void): Promise<number> {
    const now = this.#clock();
    const before = this.#seen;
    const seen = new Map<string, number>();
    this.#seen = seen;
    let taken = 0;
    for (const { about, text, carryOut } of this.#steps(view)) {
      const since = before.get(about) ?? now;
      seen.set(about, since);
      if (now - since < this.#patience) continue;
      check();
      taken++;
      seen.delete(about);
      try {
        await carryOut();
        this.#onEvent(text);
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        this.#onEvent(`${text}: ${error.message}`);
      }
    }
    return taken;
  }

  *#steps(view: OverlayView): Generator<Step> {
    yield* this.#entries(view);
    yield* this.#foreign(view);
    for (const [name, network] of view.networks) {
      if (network.record === undefined) yield* this.#strays(view, name, network);
      else yield* this.#addresses(view, network.record, network);
    }
  }

  /** Entries of operations that weren't completed, or whose records are gone. */
  *#entries({ ipam, networks, services }: OverlayView): Generator<Step> {
    const store = this.#store;
    for (const entry of ipam.networks) {
      const { id, name, state } = entry;
      const about = `network ${id} ${state}`;
      if (state === AllocationState.Creating) {
        yield { about, text: `creation of network ${name} completed`, carryOut: () => finishNetwork(store, entry) };
      } else if (state === AllocationState.Removing) {
        yield { about, text: `removal of network ${name} completed`, carryOut: () => finishRemoval(store, entry) };
      } else if (networks.get(name)?.record === undefined) {
        const carryOut = async (): Promise<void> => {
          if ((await store.get(NETWORKS + segmentOf(name))) !== undefined) return;
          await changeIpam(store, (now) => withNetworkState(now, id, AllocationState.Removing));
          await finishRemoval(store, entry);
        };
        yield { about: `${about} without record`, text: `network ${name}, whose record is gone, removed`, carryOut };
      }
    }
    for (const entry of ipam.services) {
      const { id, name, state } = entry;
      const about = `service ${id} ${state}`;
      if (state === AllocationState.Creating) {
        yield { about, text: `creation of service ${name} completed`, carryOut: () => finishService(store, entry) };
      } else if (state === AllocationState.Removing) {
        const carryOut = (): Promise<void> => finishServiceRemoval(store, entry);
        yield { about, text: `removal of service ${name} completed`, carryOut };
      } else if (!services.has(name)) {
        const carryOut = async (): Promise<void> => {
          if ((await store.get(SERVICES + segmentOf(name))) !== undefined) return;
          await changeIpam(store, (now) => withServiceState(now, id, AllocationState.Removing));
          await finishServiceRemoval(store, entry);
        };
        yield { about: `${about} without record`, text: `service ${name}, whose record is gone, removed`, carryOut };
      }
    }
  }

  /** Networks and services without an entry: other programs wrote them, or a creator that came too late. */
  *#foreign({ ipam, networks, services }: OverlayView): Generator<Step> {
    const store = this.#store;
    for (const [name, { record }] of networks) {
      if (record === undefined || ipam.networks.some(({ id }) => id === record.id)) continue;
      const key = NETWORKS + segmentOf(name);
      const carryOut = async (): Promise<void> => {
        const found = await readRecord(store, 'network', key);
        if (found?.record.id !== record.id) return;
        await this.#adoptOrDelete(key, found.revision, () => adoptRecord(store, found.record));
      };
      yield { about: `network ${record.id} without entry`, text: `network ${name} taken over`, carryOut };
    }
    for (const [name, record] of services) {
      if (ipam.services.some(({ id }) => id === record.id)) continue;
      const key = SERVICES + segmentOf(name);
      const carryOut = async (): Promise<void> => {
        const found = await readRecord(store, 'service', key);
        if (found?.record.id !== record.id) return;
        await this.#adoptOrDelete(key, found.revision, () => adoptServiceRecord(store, found.record));
      };
      yield { about: `service ${record.id} without entry`, text: `service ${name} taken over`, carryOut };
    }
  }

  /** What clashes with another can't stay: a VNI, a subnet or a port would be given twice. */
  async #adoptOrDelete(key: string, revision: number, adopt: () => Promise<unknown>): Promise<void> {
    try {
      await adopt();
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'REFUSED') throw error;
      await deleteIfUnchanged(this.#store, key, revision);
      throw new OverlayError('REFUSED', `deleted instead, as it clashes with another: ${error.message}`);
    }
  }

  /** Records below a network that isn't there. */
  *#strays({ ipam }: OverlayView, name: string, { endpoints, addresses }: NetworkView): Generator<Step> {
    // Its removal takes them along.
    if (ipam.networks.some((entry) => entry.name === name)) return;
    const store = this.#store;
    for (const { id, created } of endpoints.values()) {
      const carryOut = async (): Promise<void> => {
        if ((await store.get(NETWORKS + segmentOf(name))) === undefined) await removeEndpoint(store, { name }, id);
      };
      const text = `endpoint ${id} removed, as there is no network ${name}`;
      yield { about: `stray ${endpointKey(name, id)} ${created}`, text, carryOut };
    }
    for (const { key, revision, record } of addresses.values()) {
      const text = `${record.address} freed, as there is no network ${name}`;
      yield { about: `stray ${key} ${revision}`, text, carryOut: () => deleteIfUnchanged(store, key, revision) };
    }
  }

  /** Addresses whose owners are gone or never came, and endpoints without theirs. */
  *#addresses(view: OverlayView, network: NetworkRecord, { endpoints, addresses }: NetworkView): Generator<Step> {
    const store = this.#store;
    for (const held of addresses.values()) {
      const { key, revision, record } = held;
      if (isOwned(view, network, endpoints, held)) continue;
      const text = `${record.address} of network ${network.name} freed: ${record.owner.kind} ${record.owner.id} is gone`;
      yield { about: `${key} ${revision}`, text, carryOut: () => deleteIfUnchanged(store, key, revision) };
    }
    for (const endpoint of endpoints.values()) {
      const { id, ip, created } = endpoint;
      if (ip === undefined || network.subnets.some(({ gateway }) => gateway === ip)) continue;
      const held = addresses.get(ip);
      if (held !== undefined && sameOwner(held.record.owner, ownerOf(endpoint))) continue;
      const text = `address ${ip} of endpoint ${id} of network ${network.name} taken up`;
      const about = `${endpointKey(network.name, id)} ${created} without ${ip}`;
      yield { about, text, carryOut: () => takeUp(store, network, endpoint, ip) };
    }
  }
}

function isOwned(
  { services, ipam }: OverlayView,
  { name }: NetworkRecord,
  endpoints: ReadonlyMap<string, EndpointRecord>,
  { record: { owner, address } }: HeldAddress,
): boolean {
  if (owner.kind === 'gateway') return true;
  if (owner.kind !== 'service') {
    const endpoint = endpoints.get(owner.id);
    return endpoint?.ip === address && sameOwner(ownerOf(endpoint), owner);
  }
  // Those of one that is being created or removed are seen to with it.
  if (ipam.services.some(({ id, state }) => id === owner.id && state !== AllocationState.Ready)) return true;
  const service = [...services.values()].find((one) => sameOwner(vipOwner(one), owner));
  return service?.networks.some(({ network, vip }) => network === name && vip === address) === true;
}

/** Allocates the address that an endpoint has already; if that is another's now, the endpoint goes. */
async function takeUp(store: Store, network: NetworkRecord, endpoint: EndpointRecord, ip: string): Promise<void> {
  const key = endpointKey(network.name, endpoint.id);
  const found = await readRecord(store, 'endpoint', key);
  if (found === undefined || found.record.ip !== ip) return;
  const held = await readRecord(store, 'allocation', addressKey(network.name, ip));
  if (held !== undefined && sameOwner(held.record.owner, ownerOf(endpoint))) return;
  try {
    const claim = await claimAddress(store, network, ownerOf(endpoint), ip);
    if ((await store.get(key)) === undefined) await deleteIfUnchanged(store, claim.key, claim.revision);
  } catch (error) {
    // An address outside the subnets is nobody else's, either.
    if ((await store.get(addressKey(network.name, ip))) === undefined || !isVtepError(error)) throw error;
    await deleteIfUnchanged(store, key, found.revision);
    throw new OverlayError('REFUSED', `endpoint ${endpoint.id} removed instead: ${error.message}`);
  }
}
