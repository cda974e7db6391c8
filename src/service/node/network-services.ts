/**
 * The services of one network on a node: its load balancer, and what leads to which service there. Each change touches
 * only the service that it is about, and those that want the same VIP or port.
 */
import {
  Compatibility,
  PublishMode,
  portName,
  type PublishedPort,
  type RecordService,
  type ServiceNetworkSet,
  type ServiceRecord,
} from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { formatIpv4 } from '../../wire/index.js';
import { Forwarding, type LoadBalancer, type ServiceAddresses } from '../balance/index.js';
import { type Backend, BalancedService, type HeldRecord, weightOf } from './balanced-service.js';
import { AddressClaim, Claims, ServiceClaim } from './claims.js';
import { isSameList, isSamePort } from './same-record.js';

/** Changes that a network reports to its node. */
export interface NetworkServicesEvents {
  /**
   * A record has become active or inactive, or its service has gained or lost the VIP.
   * @param vip whether the service has its VIP
   */
  readonly name: (held: HeldRecord, vip: boolean) => void;
  /** Records that want the same: what they want, and what becomes of it; undefined when that is resolved. */
  readonly clash: (what: string, text: string | undefined) => void;
}

/** The services of a network. */
export class NetworkServices {
  set: ServiceNetworkSet;
  readonly #compatibility: Compatibility;
  readonly #events: NetworkServicesEvents;
  readonly #records = new Map<string, HeldRecord>();
  readonly #services = new Map<string, BalancedService>();
  readonly #addresses = new Claims(() => new AddressClaim());
  readonly #ports = new Claims(() => new ServiceClaim());
  #balancer: LoadBalancer | undefined;

  constructor(set: ServiceNetworkSet, compatibility: Compatibility, events: NetworkServicesEvents) {
    this.set = set;
    this.#compatibility = compatibility;
    this.#events = events;
  }

  /** The node's load balancer, once it has an address there. */
  get balancer(): LoadBalancer | undefined {
    return this.#balancer;
  }

  /** Its records, by endpoint. */
  get records(): ReadonlyMap<string, HeldRecord> {
    return this.#records;
  }

  /** Its balanced services, in the order in which they were learned. */
  get services(): Iterable<BalancedService> {
    return this.#services.values();
  }

  /** Replaces the load balancer. Connections through the one before end. */
  setBalancer(balancer: LoadBalancer | undefined): void {
    this.#balancer = balancer;
    for (const service of this.#services.values()) {
      service.id = undefined;
      this.#apply(service);
    }
  }

  /** Adds or replaces a record. */
  setRecord(record: ServiceRecord): void {
    const held = this.#records.get(record.endpoint);
    if (held === undefined) {
      this.#add(record);
      return;
    }
    const { service } = held;
    const isSameBackend = keyOf(record, this.set, this.#compatibility) === service?.key;
    if (!isSameBackend || addressOf(record) !== held.address) {
      this.removeRecord(record.endpoint);
      this.#add(record);
      return;
    }
    held.record = record;
    if (service !== undefined && record.service !== undefined) {
      const backend = held.active && held.address !== undefined ? service.backends.get(held.address) : undefined;
      if (backend !== undefined) this.#setWeight(service, backend);
      this.#setPorts(service, record.service);
    }
    if (held.active) this.#events.name(held, this.#hasVip(service));
  }

  /** Removes a record. @returns whether there was one */
  removeRecord(endpoint: string): boolean {
    const held = this.#records.get(endpoint);
    if (held === undefined) return false;
    this.#records.delete(endpoint);
    const { address, service } = held;
    this.#deactivate(held);
    service?.records.delete(held);
    if (service?.records.size === 0) this.#removeService(service);
    if (address !== undefined) {
      const claim = this.#addresses.to(address);
      claim.records.delete(held);
      if (claim.records.size === 0) claim.servicesFirst = true;
      this.#settleAddress(address, claim);
    }
    return true;
  }

  #add(record: ServiceRecord): void {
    const address = addressOf(record);
    const service = this.#serviceOf(record);
    const held: HeldRecord = { record, service, address, active: false };
    this.#records.set(record.endpoint, held);
    service?.records.add(held);
    if (service !== undefined && record.service !== undefined) this.#setPorts(service, record.service);
    if (address === undefined) {
      this.#activate(held);
      return;
    }
    const claim = this.#addresses.to(address);
    if (claim.services.size === 0) claim.servicesFirst = false;
    claim.records.add(held);
    if (this.#allowsRecords(claim)) this.#activate(held);
    this.#settleAddress(address, claim);
  }

  /** The service that a record is a backend of, which is created with its first. */
  #serviceOf(record: ServiceRecord): BalancedService | undefined {
    const key = keyOf(record, this.set, this.#compatibility);
    if (key === undefined || record.service === undefined) return undefined;
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    const service = new BalancedService(key, record.service);
    this.#services.set(key, service);
    if (service.vip !== undefined) {
      const claim = this.#addresses.to(service.vip);
      if (claim.records.size === 0) claim.servicesFirst = true;
      claim.services.add(service);
      this.#settleAddress(service.vip, claim);
    }
    return service;
  }

  #removeService(service: BalancedService): void {
    this.#services.delete(service.key);
    this.#setPorts(service, undefined);
    const { vip, id } = service;
    if (vip !== undefined) {
      const claim = this.#addresses.to(vip);
      claim.services.delete(service);
      if (claim.services.size === 0) claim.servicesFirst = false;
      this.#settleAddress(vip, claim);
    }
    if (id !== undefined) this.#balancer?.removeService(id);
    service.id = undefined;
  }

  /** Activates a record: names, and its backend. */
  #activate(held: HeldRecord): void {
    held.active = true;
    const { service, address } = held;
    this.#events.name(held, this.#hasVip(service));
    if (service === undefined || address === undefined) return;
    const known = service.backends.get(address);
    if (known !== undefined) {
      known.records.add(held);
      this.#setWeight(service, known);
      return;
    }
    const backend: Backend = { address, records: new Set([held]) };
    service.backends.set(address, backend);
    if (service.id !== undefined) this.#balancer?.addBackend(service.id, { address, weight: weightOf(backend) });
  }

  #deactivate(held: HeldRecord): void {
    if (!held.active) return;
    held.active = false;
    const { service, address } = held;
    this.#events.name(held, false);
    const backend = address === undefined ? undefined : service?.backends.get(address);
    if (service === undefined || backend === undefined) return;
    backend.records.delete(held);
    if (backend.records.size > 0) {
      this.#setWeight(service, backend);
      return;
    }
    service.backends.delete(backend.address);
    if (service.id !== undefined) this.#balancer?.removeBackend(service.id, backend.address);
  }

  #setWeight({ id }: BalancedService, backend: Backend): void {
    if (id !== undefined) this.#balancer?.setWeight(id, backend.address, weightOf(backend));
  }

  #hasVip(service: BalancedService | undefined): boolean {
    return service === undefined || service.vip === undefined || service.vipActive;
  }

  #allowsRecords({ services, servicesFirst }: AddressClaim): boolean {
    return this.#compatibility === Compatibility.Docker || services.size === 0 || !servicesFirst;
  }

  /** Decides who has an address, now that somebody came or went. */
  #settleAddress(address: string, claim: AddressClaim): void {
    const { services, records, holder } = claim;
    if (services.size === 0 && records.size === 0) this.#addresses.forget(address);
    const docker = this.#compatibility === Compatibility.Docker;
    const isTaken = !docker && records.size > 0 && !claim.servicesFirst;
    const next = isTaken ? undefined : docker ? claim.last : claim.first;
    if (next !== holder) {
      claim.holder = next;
      if (holder !== undefined) this.#setVip(holder, false);
      if (next !== undefined) this.#setVip(next, true);
    }
    if (services.size === 0) this.#retry(records);
    this.#reportAddress(address, claim);
  }

  /** Activates the records of an address, if they had been refused. */
  #retry(records: ReadonlySet<HeldRecord>): void {
    const [first] = records;
    // They are all active, or all refused.
    if ((first as HeldRecord | undefined)?.active !== false) return;
    for (const held of records) this.#activate(held);
  }

  #reportAddress(address: string, { services, records, servicesFirst }: AddressClaim): void {
    const key = `address ${address}`;
    const [service, other] = services;
    const [record] = records;
    const refuses = this.#compatibility === Compatibility.Improved;
    const first = service as BalancedService | undefined;
    if (first === undefined || (services.size === 1 && records.size === 0)) {
      this.#events.clash(key, undefined);
      return;
    }
    const where = `${address} on ${inQuotes(this.set.name)}`;
    if (records.size > 0) {
      const task = inQuotes(record.record.name);
      const outcome = !refuses ? '' : servicesFirst ? `: ${task} is left out` : `: ${inQuotes(first.name)} has none`;
      this.#events.clash(key, `${where} is the VIP of ${inQuotes(first.name)} and the address of ${task}${outcome}`);
      return;
    }
    const winner = inQuotes(refuses ? first.name : (this.#addresses.to(address).last?.name ?? ''));
    const text = `${where} is the VIP of ${inQuotes(first.name)} and of ${inQuotes(other.name)}: ${winner} has it`;
    this.#events.clash(key, text);
  }

  #setVip(service: BalancedService, active: boolean): void {
    service.vipActive = active;
    this.#apply(service);
    // Without its VIP a service is found by its tasks' addresses.
    if (this.#compatibility === Compatibility.Docker) return;
    for (const held of service.records) if (held.active) this.#events.name(held, active);
  }

  /** Takes the published ports from a service's latest record; undefined when the service goes. */
  #setPorts(service: BalancedService, from: RecordService | undefined): void {
    if (!this.set.ingress) return;
    const ports = (from?.ports ?? []).filter((one) => one.mode === PublishMode.Ingress && one.published > 0);
    if (isSameList(ports, service.ports, isSamePort)) return;
    const before = service.ports;
    service.ports = ports;
    const texts = new Set(ports.map(portName));
    for (const port of before) {
      if (texts.has(portName(port))) continue;
      const claim = this.#ports.to(portName(port));
      claim.services.delete(service);
      this.#settlePort(port, claim);
    }
    for (const port of ports) {
      const claim = this.#ports.to(portName(port));
      claim.services.add(service);
      this.#settlePort(port, claim);
    }
  }

  #settlePort(port: PublishedPort, claim: ServiceClaim): void {
    const text = portName(port);
    const { services, holder } = claim;
    if (services.size === 0) this.#ports.forget(text);
    const next = this.#compatibility === Compatibility.Docker ? claim.last : claim.first;
    if (next !== holder) {
      claim.holder = next;
      if (holder !== undefined) {
        holder.portsActive = holder.portsActive.filter((one) => portName(one) !== text);
        this.#apply(holder);
      }
      if (next !== undefined) {
        next.portsActive = [...next.portsActive, port];
        this.#apply(next);
      }
    }
    const [first, other] = services;
    const clash =
      services.size < 2
        ? undefined
        : `port ${text} is published by ${inQuotes(first.name)} and ${inQuotes(other.name)}: ` +
          `${inQuotes(next?.name ?? '')} has it`;
    this.#events.clash(`port ${text}`, clash);
  }

  /** Brings a service in the load balancer in line. */
  #apply(service: BalancedService): void {
    const balancer = this.#balancer;
    if (balancer === undefined) return;
    const { vip, vipActive, portsActive, id, name } = service;
    const addresses: ServiceAddresses = {
      ...(vip !== undefined && vipActive ? { vip } : {}),
      published: portsActive.map(({ protocol, published }) => ({ protocol, port: published })),
    };
    if (id !== undefined) {
      balancer.setAddresses(id, addresses);
      return;
    }
    if (addresses.vip === undefined && portsActive.length === 0) return;
    const forwarding = this.set.dsr ? Forwarding.Direct : Forwarding.Masquerade;
    service.id = balancer.addService({ name, ...addresses, forwarding });
    for (const backend of service.backends.values()) {
      balancer.addBackend(service.id, { address: backend.address, weight: weightOf(backend) });
    }
  }
}

/**
 * Identifies the service that a record is a backend of. Docker takes the VIP from the first record of a service, and
 * keeps it until the last is gone.
 */
function keyOf(
  { service }: ServiceRecord,
  { ingress }: ServiceNetworkSet,
  compatibility: Compatibility,
): string | undefined {
  if (service === undefined) return undefined;
  const { id, vip, ports = [] } = service;
  if (vip === undefined && !(ingress && ports.length > 0)) return undefined;
  return compatibility === Compatibility.Docker ? id : JSON.stringify([id, vip === undefined ? '' : vip.join('.')]);
}

function addressOf({ addresses }: ServiceRecord): string | undefined {
  const four = addresses.find(({ length }) => length === 4);
  return four === undefined ? undefined : formatIpv4(four);
}
