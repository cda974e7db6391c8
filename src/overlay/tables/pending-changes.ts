/** Puts changes of a node's tables into an order in which they can be applied. */
import { type ServiceChange, ServiceChangeKind } from '../services/service-change.js';
import type { ServiceLabels } from '../services/service-labels.js';
import type { ServiceNetworkSet, ServiceRecord } from '../services/service-set.js';
import type { Network, Node } from '../topology.js';
import { Differences } from './differences.js';
import { ChangeKind, type EndpointRecord, type TopologyChange } from './topology-change.js';

/** Changes of a node's tables and services, in the order in which they must be applied. */
export interface TakenChanges {
  readonly topology: readonly TopologyChange[];
  readonly services: readonly ServiceChange[];
}

/** What a node's tables and services hold once all changes have been applied; this node itself isn't among the nodes. */
export interface TakenState {
  readonly nodes: readonly Node[];
  readonly networks: readonly Network[];
  readonly endpoints: readonly EndpointRecord[];
  readonly serviceNetworks: readonly ServiceNetworkSet[];
  readonly records: readonly ServiceRecord[];
  readonly labels: readonly ServiceLabels[];
}

/** The objects of a topology and its services, with what has changed since the last `take`. */
export class PendingChanges {
  /** By VTEP. */
  readonly nodes = new Differences<string, Node>(isSameValue);
  /** By VNI. */
  readonly networks = new Differences<number, Network>(isSameValue);
  /** By id. */
  readonly endpoints = new Differences<string, EndpointRecord>(isSameValue);
  /** By name. */
  readonly serviceNetworks = new Differences<string, ServiceNetworkSet>(isSameValue);
  /** By the endpoint's id. */
  readonly records = new Differences<string, ServiceRecord>(isSameValue);
  /** By name of the service. */
  readonly labels = new Differences<string, ServiceLabels>(isSameValue);

  /** Number of objects that may have changed. */
  get size(): number {
    const { nodes, networks, endpoints, serviceNetworks, records, labels } = this;
    return nodes.size + networks.size + endpoints.size + serviceNetworks.size + records.size + labels.size;
  }

  /** The changes. They can also be applied in pieces, as long as the order stays. */
  take(): TakenChanges {
    return { topology: this.#topology(), services: this.#services() };
  }

  /** What all changes that were taken add up to. */
  get taken(): TakenState {
    const { nodes, networks, endpoints, serviceNetworks, records, labels } = this;
    return {
      nodes: [...nodes.taken],
      networks: [...networks.taken],
      endpoints: [...endpoints.taken],
      serviceNetworks: [...serviceNetworks.taken],
      records: [...records.taken],
      labels: [...labels.taken],
    };
  }

  #topology(): TopologyChange[] {
    const removed: TopologyChange[] = [];
    const added: TopologyChange[] = [];
    for (const { before, after } of this.endpoints.take()) {
      const stays = before !== undefined && after !== undefined && isSamePlace(before, after);
      if (stays) {
        added.push({ kind: ChangeKind.ChangeEndpoint, endpoint: after });
        continue;
      }
      if (before !== undefined) removed.push({ kind: ChangeKind.RemoveEndpoint, id: before.id ?? before.name });
      if (after !== undefined) added.push({ kind: ChangeKind.AddEndpoint, endpoint: after });
    }
    const set: TopologyChange[] = [];
    for (const { before, after } of this.nodes.take()) {
      if (after !== undefined) {
        set.push({ kind: before === undefined ? ChangeKind.AddNode : ChangeKind.ChangeNode, node: after });
      } else if (before !== undefined) removed.push({ kind: ChangeKind.RemoveNode, vtep: before.vtep });
    }
    for (const { before, after } of this.networks.take()) {
      if (after !== undefined) {
        set.push({ kind: before === undefined ? ChangeKind.AddNetwork : ChangeKind.ChangeNetwork, network: after });
      } else if (before !== undefined) removed.push({ kind: ChangeKind.RemoveNetwork, vni: before.vni });
    }
    return [...removed, ...set, ...added];
  }

  #services(): ServiceChange[] {
    const removed: ServiceChange[] = [];
    const added: ServiceChange[] = [];
    for (const { before, after } of this.records.take()) {
      if (after !== undefined) added.push({ kind: ServiceChangeKind.SetRecord, record: after });
      // Its name on its network may be another one, too.
      if (before === undefined || (after !== undefined && after.network === before.network)) continue;
      removed.push({ kind: ServiceChangeKind.RemoveRecord, network: before.network, endpoint: before.endpoint });
    }
    const set: ServiceChange[] = [];
    for (const { before, after } of this.serviceNetworks.take()) {
      if (after !== undefined) set.push({ kind: ServiceChangeKind.SetNetwork, network: after });
      else if (before !== undefined) removed.push({ kind: ServiceChangeKind.RemoveNetwork, name: before.name });
    }
    // A route has its backends as soon as there is one, and is gone before them.
    const removedLabels: ServiceChange[] = [];
    for (const { before, after } of this.labels.take()) {
      if (after !== undefined) added.push({ kind: ServiceChangeKind.SetLabels, labels: after });
      else if (before !== undefined)
        removedLabels.push({ kind: ServiceChangeKind.RemoveLabels, service: before.service });
    }
    return [...removedLabels, ...removed, ...set, ...added];
  }
}

function isSamePlace(a: EndpointRecord, b: EndpointRecord): boolean {
  return a.vni === b.vni && isSameValue(a.vtep, b.vtep);
}

/** Compares plain values with all their members; an absent member equals one that is undefined. */
function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  for (const key of other.keys()) if (!one.has(key)) one.set(key, undefined);
  for (const [key, value] of one) if (!isSameValue(value, other.get(key))) return false;
  return true;
}
