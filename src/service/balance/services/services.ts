/**
 * The services of a load balancer and their backends: which service a packet to an unknown connection belongs to, which
 * backend is next, and what each has carried.
 */
import { getWord, KeyIndex } from '../../../memory/internal.js';
import { IpProtocol } from '../../../wire/index.js';
import { BalanceError } from '../error.js';
import { addressText, addressWord, macOrDefault } from '../leg.js';
import { Maglev } from './maglev.js';
import { RoundRobin } from './round-robin.js';
import {
  type BackendCounts,
  type BackendOptions,
  Forwarding,
  type PublishedPort,
  type ServiceAddresses,
  type ServiceCounts,
  type ServiceOptions,
} from './service-options.js';

/** Maximum number of services and of backends of one balancer. */
const MAX_SERVICES = 65_536;
const MAX_WEIGHT = 65_535;
const MAX_PORT = 65_535;
const PROTOCOLS = { tcp: IpProtocol.Tcp, udp: IpProtocol.Udp, sctp: IpProtocol.Sctp } as const;

/** Whether a backend gets new connections. */
export const Leaving = {
  No: 0,
  /** Its weight is 0. */
  Quiesced: 1,
  /** It was removed but still has connections. */
  Removed: 2,
} as const;

/** Counters per backend: packets and bytes to it, packets and bytes from it, connections opened. */
export const COUNTERS = 5;
const OPENED = 4;

/** A consistent hash that is made when it is needed. */
class Ring {
  isStale = true;
  #maglev: Maglev | undefined;

  pick(hash: number, scheduler: RoundRobin, addresses: Int32Array): number {
    this.#maglev ??= new Maglev();
    if (this.isStale) {
      const active = scheduler.destinations.filter((id) => scheduler.weightOf(id) > 0);
      this.#maglev.fill(active, addresses);
      this.isStale = false;
    }
    return this.#maglev.pick(hash);
  }
}

class Service {
  readonly scheduler = new RoundRobin();
  /** Counters of backends that were removed. */
  readonly past = new Float64Array(COUNTERS);
  /** Backends that were removed but still have connections. */
  readonly departing = new Set<number>();
  refused = 0;
  /** Filled with the first pick after a change, so that many changes cost one filling. */
  readonly ring = new Ring();

  constructor(
    readonly name: string,
    /** What leads to it: `Services.setAddresses` changes both. */
    public vip: number | undefined,
    public ports: readonly PublishedPort[],
    readonly forwarding: Forwarding,
  ) {}
}

/** Services and backends by small ids. */
export class Services {
  /** Counters, `COUNTERS` per backend. */
  counters = new Float64Array(16 * COUNTERS);
  /** Address, the MAC's first 4 bytes and its last 2, and port of each backend. */
  address = new Int32Array(16);
  macHigh = new Int32Array(16);
  macLow = new Int32Array(16);
  port = new Int32Array(16);
  /** Connections of each backend. */
  connections = new Int32Array(16);
  /** Those of them that aren't closed yet. */
  active = new Int32Array(16);
  /** `Leaving` of each backend. */
  leaving = new Uint8Array(16);
  #serviceOf = new Int32Array(16);

  readonly #services = new Map<number, Service>();
  #nextService = 0;
  readonly #byVip = new KeyIndex(1, MAX_SERVICES);
  readonly #byPort = new KeyIndex(1, MAX_SERVICES);
  /** Service ids by id of the two indexes. */
  readonly #vipService: number[] = [];
  readonly #portService: number[] = [];
  readonly #freeBackends: number[] = [];
  #backends = 0;

  /** The service of a VIP, or -1. */
  ofVip(address: number): number {
    const found = this.#byVip.find1(address);
    return found < 0 ? -1 : this.#vipService[found];
  }

  /** The service of a published port, or -1. */
  ofPort(protocol: number, port: number): number {
    const found = this.#byPort.find1((protocol << 16) | port);
    return found < 0 ? -1 : this.#portService[found];
  }

  /** How a service's packets reach its backends. */
  forwardingOf(service: number): Forwarding {
    return this.#get(service).forwarding;
  }

  /** The backend whose turn it is, or -1 if there is none with a weight above 0, which is counted. */
  pick(service: number): number {
    const found = this.#get(service);
    const backend = found.scheduler.pick();
    if (backend < 0) found.refused++;
    return backend;
  }

  /** The backend of a flow by consistent hashing, or -1 if there is none with a weight above 0, which is counted. */
  pickByHash(service: number, hash: number): number {
    const found = this.#get(service);
    const backend = found.ring.pick(hash, found.scheduler, this.address);
    if (backend < 0) found.refused++;
    return backend;
  }

  /** Counts a connection that was opened to a backend. */
  opened(backend: number): void {
    this.connections[backend]++;
    this.counters[backend * COUNTERS + OPENED]++;
  }

  /** Counts a connection that has become active, or, with -1, isn't any more. */
  activated(backend: number, change: number): void {
    this.active[backend] += change;
  }

  /** Counts a connection that is gone, and isn't active; a removed backend is forgotten with its last. */
  closed(backend: number): void {
    this.connections[backend]--;
    if (this.connections[backend] === 0 && this.leaving[backend] === Leaving.Removed) this.#forget(backend);
  }

  /** @throws BalanceError `SERVICE_EXISTS`, `BAD_BALANCER` */
  add({ name, vip, published = [], forwarding = Forwarding.Masquerade }: ServiceOptions): number {
    if (vip === undefined && published.length === 0) {
      throw new BalanceError('BAD_BALANCER', `service ${name} needs a VIP or a published port`);
    }
    // Never reused: connections of a removed service may outlive it.
    const id = this.#nextService++;
    this.#checkAddresses(id, vip, published);
    this.#services.set(id, new Service(name, undefined, [], forwarding));
    this.#claim(id, vip, published);
    return id;
  }

  /** @throws BalanceError `UNKNOWN_SERVICE`, `SERVICE_EXISTS`, `BAD_BALANCER`; then nothing has changed */
  setAddresses(service: number, { vip, published = [] }: ServiceAddresses): void {
    const found = this.#get(service);
    this.#checkAddresses(service, vip, published);
    this.#unclaim(found);
    this.#claim(service, vip, published);
  }

  #checkAddresses(service: number, vip: string | undefined, published: readonly PublishedPort[]): void {
    const holder = vip === undefined ? -1 : this.ofVip(addressWord(vip));
    if (holder >= 0 && holder !== service) {
      throw new BalanceError('SERVICE_EXISTS', `${vip} already is the VIP of ${this.#nameOf(holder)}`);
    }
    for (const { protocol, port } of published) {
      checkPort(port, 1);
      const other = this.ofPort(PROTOCOLS[protocol], port);
      if (other < 0 || other === service) continue;
      throw new BalanceError(
        'SERVICE_EXISTS',
        `port ${port}/${protocol} is already published by ${this.#nameOf(other)}`,
      );
    }
  }

  #claim(service: number, vip: string | undefined, published: readonly PublishedPort[]): void {
    const own = this.#get(service);
    own.vip = vip === undefined ? undefined : addressWord(vip);
    own.ports = published;
    if (own.vip !== undefined) {
      this.#byVip.key[0] = own.vip;
      this.#vipService[this.#byVip.add()] = service;
    }
    for (const { protocol, port } of published) {
      this.#byPort.key[0] = (PROTOCOLS[protocol] << 16) | port;
      this.#portService[this.#byPort.add()] = service;
    }
  }

  #unclaim({ vip, ports }: Service): void {
    if (vip !== undefined) this.#byVip.delete(this.#byVip.find1(vip));
    for (const { protocol, port } of ports) {
      const found = this.#byPort.find1((PROTOCOLS[protocol] << 16) | port);
      if (found >= 0) this.#byPort.delete(found);
    }
  }

  /** @throws BalanceError `UNKNOWN_SERVICE` */
  remove(service: number): void {
    const found = this.#get(service);
    for (const backend of [...found.scheduler.destinations]) this.#removeBackend(service, backend);
    this.#unclaim(found);
    this.#services.delete(service);
  }

  /** @throws BalanceError `UNKNOWN_SERVICE`, `BACKEND_EXISTS`, `BAD_BALANCER` */
  addBackend(service: number, { address, mac, weight = 1, port = 0 }: BackendOptions): number {
    const { scheduler, name, ring } = this.#get(service);
    const word = addressWord(address);
    checkWeight(weight);
    checkPort(port, 0);
    if (this.#findBackend(scheduler, word) >= 0) {
      throw new BalanceError('BACKEND_EXISTS', `service ${name} already has the backend ${address}`);
    }
    const macBytes = macOrDefault(address, mac);
    const id = this.#freeBackends.pop() ?? this.#backends++;
    if (id === this.address.length) this.#grow();
    this.address[id] = word;
    this.#setMac(id, macBytes);
    this.port[id] = port;
    this.connections[id] = 0;
    this.active[id] = 0;
    this.leaving[id] = weight === 0 ? Leaving.Quiesced : Leaving.No;
    this.#serviceOf[id] = service;
    this.counters.fill(0, id * COUNTERS, (id + 1) * COUNTERS);
    scheduler.add(id, weight);
    ring.isStale = true;
    return id;
  }

  /** @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND`, `BAD_BALANCER` */
  setWeight(service: number, address: string, weight: number): void {
    checkWeight(weight);
    const backend = this.#backendOf(service, address);
    const { scheduler, ring } = this.#get(service);
    scheduler.setWeight(backend, weight);
    ring.isStale = true;
    this.leaving[backend] = weight === 0 ? Leaving.Quiesced : Leaving.No;
  }

  /** @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND`; VtepError for an invalid MAC */
  setMac(service: number, address: string, mac?: string): void {
    this.#setMac(this.#backendOf(service, address), macOrDefault(address, mac));
  }

  /** @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND` */
  removeBackend(service: number, address: string): void {
    this.#removeBackend(service, this.#backendOf(service, address));
  }

  /** What a service has carried. Backends are in the scheduler's order. */
  countsOf(service: number): ServiceCounts {
    const { name, past, departing, refused, scheduler } = this.#get(service);
    const sums = past.slice();
    for (const id of departing) this.#addCounters(id, sums);
    const backends = scheduler.destinations.map((id): BackendCounts => {
      const counts = this.counters.subarray(id * COUNTERS, (id + 1) * COUNTERS);
      counts.forEach((count, i) => (sums[i] += count));
      const [packetsIn, bytesIn, packetsOut, bytesOut, opened] = counts;
      const address = addressText(this.address[id]);
      const weight = scheduler.weightOf(id);
      const { [id]: connections } = this.connections;
      const { [id]: active } = this.active;
      return { address, weight, connections, active, opened, packetsIn, bytesIn, packetsOut, bytesOut };
    });
    const [packetsIn, bytesIn, packetsOut, bytesOut, opened] = sums;
    return { id: service, name, opened, refused, packetsIn, bytesIn, packetsOut, bytesOut, backends };
  }

  /** Services' ids. */
  get ids(): readonly number[] {
    return [...this.#services.keys()];
  }

  #get(service: number): Service {
    const found = this.#services.get(service);
    if (found === undefined) throw new BalanceError('UNKNOWN_SERVICE', `there is no service ${service}`);
    return found;
  }

  #nameOf(service: number): string {
    return this.#get(service).name;
  }

  #findBackend(scheduler: RoundRobin, address: number): number {
    return scheduler.destinations.find((id) => this.address[id] === address) ?? -1;
  }

  #backendOf(service: number, address: string): number {
    const { scheduler, name } = this.#get(service);
    const found = this.#findBackend(scheduler, addressWord(address));
    if (found < 0) throw new BalanceError('UNKNOWN_BACKEND', `service ${name} has no backend ${address}`);
    return found;
  }

  #setMac(backend: number, mac: Uint8Array): void {
    this.macHigh[backend] = getWord(mac, 0);
    this.macLow[backend] = (mac[4] << 8) | mac[5];
  }

  #removeBackend(service: number, backend: number): void {
    const { scheduler, ring } = this.#get(service);
    scheduler.remove(backend);
    ring.isStale = true;
    this.leaving[backend] = Leaving.Removed;
    if (this.connections[backend] === 0) this.#forget(backend);
    else this.#get(service).departing.add(backend);
  }

  #forget(backend: number): void {
    const service = this.#services.get(this.#serviceOf[backend]);
    if (service !== undefined) {
      this.#addCounters(backend, service.past);
      service.departing.delete(backend);
    }
    this.#freeBackends.push(backend);
  }

  #addCounters(backend: number, sums: Float64Array): void {
    for (let i = 0; i < COUNTERS; i++) sums[i] += this.counters[backend * COUNTERS + i];
  }

  #grow(): void {
    const capacity = this.address.length * 2;
    this.counters = grown(this.counters, new Float64Array(capacity * COUNTERS));
    this.address = grown(this.address, new Int32Array(capacity));
    this.macHigh = grown(this.macHigh, new Int32Array(capacity));
    this.macLow = grown(this.macLow, new Int32Array(capacity));
    this.port = grown(this.port, new Int32Array(capacity));
    this.connections = grown(this.connections, new Int32Array(capacity));
    this.active = grown(this.active, new Int32Array(capacity));
    this.leaving = grown(this.leaving, new Uint8Array(capacity));
    this.#serviceOf = grown(this.#serviceOf, new Int32Array(capacity));
  }
}

function grown<T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function checkWeight(weight: number): void {
  if (Number.isInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT) return;
  throw new BalanceError('BAD_BALANCER', `a weight is an integer from 0 to ${MAX_WEIGHT}, not ${weight}`);
}

function checkPort(port: number, least: number): void {
  if (Number.isInteger(port) && port >= least && port <= MAX_PORT) return;
  throw new BalanceError('BAD_BALANCER', `a port is an integer from ${least} to ${MAX_PORT}, not ${port}`);
}
