/** The nodes that entries name as their VTEPs, in bounded number. */
import { formatAddress, type Node } from '../../overlay/index.js';
import type { Differences } from '../../overlay/internal.js';

/** A VTEP that entries name. */
interface UsedNode {
  readonly node: Node;
  /** Its owners with their numbers of entries; the first one gives the name. */
  readonly owners: Map<string, number>;
}

/** A node for each VTEP as long as an entry names it. */
export class LearnedNodes {
  readonly #nodes = new Map<string, UsedNode>();
  readonly #names: Set<string>;
  readonly #pending: Differences<string, Node>;
  /** The last one that made a name unique. */
  #number = 1;
  readonly #mtu: number;
  readonly #most: number;

  /**
   * @param pending receives the nodes, by VTEP
   * @param options the nodes' MTU, how many there may be, and names that they don't get
   */
  constructor(
    pending: Differences<string, Node>,
    options: { readonly mtu: number; readonly most: number; readonly reserved: readonly string[] },
  ) {
    this.#pending = pending;
    this.#mtu = options.mtu;
    this.#most = options.most;
    this.#names = new Set(options.reserved);
  }

  /** Number of nodes. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The name of the node with a VTEP. */
  nameOf(vtep: Uint8Array): string | undefined {
    return this.#nodes.get(vtep.join('.'))?.node.name;
  }

  /** Adds an entry's use of a VTEP. @returns whether there was room */
  add(vtep: Uint8Array, owner: string): boolean {
    const key = vtep.join('.');
    const used = this.#nodes.get(key);
    if (used === undefined) {
      if (this.#nodes.size >= this.#most) return false;
      this.#name(key, vtep, new Map([[owner, 1]]));
      return true;
    }
    used.owners.set(owner, (used.owners.get(owner) ?? 0) + 1);
    return true;
  }

  /** Ends an entry's use of a VTEP. */
  remove(vtep: Uint8Array, owner: string): void {
    const key = vtep.join('.');
    const used = this.#nodes.get(key);
    if (used === undefined) return;
    const { node, owners } = used;
    const left = (owners.get(owner) ?? 0) - 1;
    if (left > 0) {
      owners.set(owner, left);
      return;
    }
    const [first] = owners.keys();
    owners.delete(owner);
    if (owners.size > 0 && first !== owner) return;
    this.#names.delete(node.name);
    if (owners.size > 0) {
      this.#name(key, vtep, owners);
      return;
    }
    this.#nodes.delete(key);
    this.#pending.set(key, undefined);
  }

  #name(key: string, vtep: Uint8Array, owners: Map<string, number>): void {
    const [owner] = owners.keys();
    let name = owner;
    // The same owner may have another VTEP, and anybody may have any name.
    if (this.#names.has(name)) name = `${owner} ${formatAddress(vtep)}`;
    // The number never comes back: whoever takes all names with small ones makes nobody search.
    while (this.#names.has(name)) name = `${owner} ${formatAddress(vtep)} #${++this.#number}`;
    this.#names.add(name);
    const node: Node = { name, vtep, mac: undefined, mtu: this.#mtu };
    this.#nodes.set(key, { node, owners });
    this.#pending.set(key, node);
  }
}
