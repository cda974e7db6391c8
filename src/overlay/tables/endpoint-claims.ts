/** Entries of endpoints in a node's tables: forwarding entries by MAC, and neighbour entries by IP address. */
import { getWord, KeyIndex } from '../../memory/internal.js';
import { TargetKind } from './forwarding-entry.js';
import type { ForwardingTable } from './forwarding-table.js';
import type { NeighbourTable } from './neighbour-table.js';
import { addressKey } from './topology-change.js';
import type { Endpoint } from '../topology.js';
import { WaitingClaims } from '../keys/waiting-claims.js';

/** The tables that hold the entries. */
export interface ClaimedTables {
  /** Index of the node they belong to. */
  readonly node: number;
  readonly forwarding: ForwardingTable;
  readonly neighbours: NeighbourTable;
}

/** Maximum number of local endpoints: the default limit of a forwarding table. */
const MAX_LOCAL = 1 << 20;

/** Adds and removes endpoints' entries. If several endpoints claim a key, the first one gets it. */
export class EndpointClaims {
  readonly #tables: ClaimedTables;
  readonly #endpoints: readonly (Endpoint | undefined)[];
  /** The node's own endpoints by MAC, in any network. */
  readonly #localOfMac = new KeyIndex(2, MAX_LOCAL);
  readonly #locals: number[] = [];
  readonly #waitingMacs = new WaitingClaims();
  readonly #waitingIps = new WaitingClaims();
  readonly #waitingLocals = new WaitingClaims();

  /** @param endpoints by index; waiting endpoints are looked up there when their turn comes */
  constructor(tables: ClaimedTables, endpoints: readonly (Endpoint | undefined)[]) {
    this.#tables = tables;
    this.#endpoints = endpoints;
  }

  /**
   * The index of the node's own endpoint with a MAC, or -1; the first one if several networks have it.
   * @param bytes holds the MAC, at `offset`
   */
  localOf(bytes: Uint8Array, offset: number): number {
    this.#setLocalKey(bytes, offset);
    const id = this.#localOfMac.find();
    return id < 0 ? -1 : this.#locals[id];
  }

  /** Adds an endpoint's entries, or queues it for them. Returns false if the forwarding table is full. */
  claim(index: number, { node, ip, mac }: Endpoint, vni: number): boolean {
    const { forwarding, neighbours, node: here } = this.#tables;
    if (forwarding.isStatic(vni, mac, 0)) this.#waitingMacs.add(keyOf(vni, mac), index);
    else if (!this.#setForwarding(vni, mac, index, node)) return false;
    if (ip !== undefined) {
      if (neighbours.find(vni, ip.length === 4 ? 4 : 6, ip, 0) >= 0) this.#waitingIps.add(keyOf(vni, ip), index);
      else neighbours.set(vni, ip, mac);
    }
    if (node === here) this.#claimLocal(mac, index);
    return true;
  }

  /** Removes an endpoint's entries, or passes them to the endpoint that has waited longest. */
  release(index: number, { node, ip, mac }: Endpoint, vni: number): void {
    const { forwarding, neighbours, node: here } = this.#tables;
    if (!this.#waitingMacs.remove(keyOf(vni, mac), index)) {
      const next = this.#waitingMacs.take(keyOf(vni, mac));
      const successor = this.#endpoints[next];
      if (successor === undefined) forwarding.delete(vni, mac, 0);
      else this.#setForwarding(vni, mac, next, successor.node);
    }
    if (ip !== undefined && !this.#waitingIps.remove(keyOf(vni, ip), index)) {
      const successor = this.#endpoints[this.#waitingIps.take(keyOf(vni, ip))];
      if (successor === undefined) neighbours.delete(vni, ip);
      else neighbours.set(vni, ip, successor.mac);
    }
    if (node === here) this.#releaseLocal(mac, index);
  }

  #claimLocal(mac: Uint8Array, index: number): void {
    this.#setLocalKey(mac, 0);
    if (this.#localOfMac.find() >= 0) this.#waitingLocals.add(addressKey(mac), index);
    else this.#locals[this.#localOfMac.add()] = index;
  }

  #releaseLocal(mac: Uint8Array, index: number): void {
    if (this.#waitingLocals.remove(addressKey(mac), index)) return;
    const next = this.#waitingLocals.take(addressKey(mac));
    this.#setLocalKey(mac, 0);
    const id = this.#localOfMac.find();
    if (next < 0) this.#localOfMac.delete(id);
    else this.#locals[id] = next;
  }

  #setForwarding(vni: number, mac: Uint8Array, endpoint: number, node: number): boolean {
    const { forwarding, node: here } = this.#tables;
    if (node === here) return forwarding.set(vni, mac, 0, TargetKind.Local, endpoint);
    return forwarding.set(vni, mac, 0, TargetKind.Vtep, node);
  }

  #setLocalKey(bytes: Uint8Array, offset: number): void {
    const { key } = this.#localOfMac;
    key[0] = getWord(bytes, offset);
    key[1] = (bytes[offset + 4] << 8) | bytes[offset + 5];
  }
}

function keyOf(vni: number, address: Uint8Array): string {
  return `${vni} ${addressKey(address)}`;
}
