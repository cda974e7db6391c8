/** What tests of the control plane share: requests, a clock, random bytes from a seed, a store that fails. */
import {
  type ControlContext,
  encodeRecord,
  type NetworkRequest,
  readOverlay,
  recordKey,
  type ServiceRequest,
  type Store,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
  type PutOptions,
  type WatchOptions,
} from '../../../src/fleet/index.js';

export const START = Date.UTC(2026, 10, 30, 4);

/** Random bytes from a seed (xorshift). */
export function seeded(seed: number): (bytes: Uint8Array) => void {
  let state = seed | 1;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state;
    }
  };
}

let contexts = 0;

/** Each with ids of its own, the same ones in every run. */
export function context(): ControlContext {
  return { random: seeded(7919 * ++contexts), now: () => START };
}

export function network(name: string, more: Partial<NetworkRequest> = {}): NetworkRequest {
  return {
    ...{ name, subnets: [], options: {}, labels: {}, attachable: true, internal: false, ingress: false },
    ...more,
  };
}

export function service(name: string, networks: readonly string[], more: Partial<ServiceRequest> = {}): ServiceRequest {
  return {
    ...{ name, mode: 'vip', deploy: 'replicated', replicas: 1, ports: [], labels: {} },
    networks: networks.map((one) => ({ network: one, aliases: [] })),
    ...more,
  };
}

/** Registers a node. */
export async function addNode(store: Store, name: string, vtep = '192.168.50.1'): Promise<void> {
  const record = { kind: 'node', record: { version: 1, name, vtep, mtu: 1500 } } as const;
  await store.put(recordKey(record), encodeRecord(record));
}

export async function removeNode(store: Store, name: string): Promise<void> {
  const found = await store.get(`nodes/${name}`);
  if (found !== undefined) await store.delete(found.key, found.revision);
}

/** What is wrong with a store's records: something given twice, or to nobody. */
export async function faults(store: Store): Promise<string[]> {
  const { ipam, networks, services, unreadable } = await readOverlay(store);
  const found = unreadable.map((key) => `unreadable ${key}`);
  const seen = new Map<string, string>();
  const once = (what: string, whose: string): void => {
    const other = seen.get(what);
    if (other !== undefined) found.push(`${what} is both ${other}'s and ${whose}'s`);
    seen.set(what, whose);
  };
  for (const { name, state } of [...ipam.networks, ...ipam.services]) {
    if (state !== 'ready') found.push(`${name} is ${state}`);
  }
  for (const { id, name } of ipam.networks)
    if (networks.get(name)?.record?.id !== id) found.push(`${name} has no record`);
  for (const { id, name } of ipam.services) if (services.get(name)?.id !== id) found.push(`${name} has no record`);
  for (const [name, { record, endpoints, addresses }] of networks) {
    if (record === undefined) {
      found.push(`records below ${name}, which isn't there`);
      continue;
    }
    if (!ipam.networks.some(({ id }) => id === record.id)) found.push(`${name} has no entry`);
    once(`VNI ${record.vni}`, name);
    for (const { subnet, gateway } of record.subnets) {
      once(`subnet ${subnet}`, name);
      if (gateway !== undefined && addresses.has(gateway)) found.push(`${gateway} of ${name} is the gateway's`);
    }
    const owners = new Set<string>();
    for (const { id, ip = '' } of endpoints.values()) {
      once(`${ip} of ${name}`, id);
      if (addresses.get(ip)?.record.owner.id !== id) found.push(`${ip} of ${name} isn't ${id}'s`);
      owners.add(ip);
    }
    for (const one of services.values()) {
      for (const { network: of, vip } of one.networks) {
        if (of !== name || vip === undefined) continue;
        once(`${vip} of ${name}`, one.name);
        if (addresses.get(vip)?.record.owner.id !== one.id) found.push(`${vip} of ${name} isn't ${one.name}'s`);
        owners.add(vip);
      }
    }
    for (const [ip, { record: allocation }] of addresses) {
      if (!owners.has(ip)) found.push(`${ip} of ${name} is held for ${allocation.owner.id}`);
    }
  }
  for (const { id, name, ports } of services.values()) {
    if (!ipam.services.some((entry) => entry.id === id)) found.push(`${name} has no entry`);
    for (const { protocol, published, mode } of ports) if (mode === 'ingress') once(`${published}/${protocol}`, name);
  }
  return found;
}

/** Why a process ended. */
export class Crash extends Error {}

/** A store as a process has it that dies before its write of an index: all that it does from then on fails. */
export class CrashingStore implements Store {
  readonly #store: Store;
  #left: number;

  constructor(store: Store, writes: number) {
    this.#store = store;
    this.#left = writes;
  }

  /** Whether it is dead. */
  get crashed(): boolean {
    return this.#left < 0;
  }

  get connected(): boolean {
    return this.#store.connected;
  }

  get(key: string): Promise<StoreRecord | undefined> {
    return this.#alive(() => this.#store.get(key));
  }

  put(key: string, value: Uint8Array, options?: PutOptions): Promise<number> {
    return this.#write(() => this.#store.put(key, value, options));
  }

  delete(key: string, revision: number): Promise<void> {
    return this.#write(() => this.#store.delete(key, revision));
  }

  snapshot(prefix: string): Promise<StoreSnapshot> {
    return this.#alive(() => this.#store.snapshot(prefix));
  }

  watch(prefix: string, revision: number, options?: WatchOptions): AsyncIterable<StoreChange> {
    return this.#store.watch(prefix, revision, options);
  }

  compact(revision: number): Promise<void> {
    return this.#store.compact(revision);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #alive<T>(operation: () => Promise<T>): Promise<T> {
    if (this.crashed) throw new Crash();
    return operation();
  }

  async #write<T>(operation: () => Promise<T>): Promise<T> {
    this.#left--;
    return this.#alive(operation);
  }
}

/** A store whose operations wait for each other in an order that a seed decides, so that they interleave in any way. */
export class InterleavingStore extends CrashingStore {
  readonly #random: (bytes: Uint8Array) => void;

  constructor(store: Store, random: (bytes: Uint8Array) => void) {
    super(store, Number.MAX_SAFE_INTEGER);
    this.#random = random;
  }

  override async get(key: string): Promise<StoreRecord | undefined> {
    await this.#pause();
    return super.get(key);
  }

  override async put(key: string, value: Uint8Array, options?: PutOptions): Promise<number> {
    await this.#pause();
    return super.put(key, value, options);
  }

  override async delete(key: string, revision: number): Promise<void> {
    await this.#pause();
    return super.delete(key, revision);
  }

  override async snapshot(prefix: string): Promise<StoreSnapshot> {
    await this.#pause();
    return super.snapshot(prefix);
  }

  async #pause(): Promise<void> {
    const byte = new Uint8Array(1);
    this.#random(byte);
    for (let i = byte[0] % 8; i > 0; i--) await Promise.resolve();
  }
}

/** Whether an error is one that an operation reports, and no bug. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StoreError || (error instanceof Error && error.name === 'OverlayError');
}
