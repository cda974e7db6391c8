import { type DbContext } from './context.js';
import { type DbNode } from './db-node.js';
import { Attachment, Network } from './network.js';

/** The networks that are known, and the nodes on them. */
export class Networks {
  readonly #context: DbContext;
  readonly #networks = new Map<string, Network>();
  #attachments = 0;
  /** The one found last: most messages are about the same network as the one before. */
  #last: Network | undefined;

  constructor(context: DbContext) {
    this.#context = context;
  }

  get(id: string): Network | undefined {
    if (this.#last?.id === id) return this.#last;
    return (this.#last = this.#networks.get(id));
  }

  values(): IterableIterator<Network> {
    return this.#networks.values();
  }

  /** The network with an id, which becomes known. Undefined if there are too many. */
  open(id: string): Network | undefined {
    const known = this.#networks.get(id);
    if (known !== undefined) return known;
    if (this.#networks.size >= this.#context.parameters.maxNetworks) return undefined;
    const network = new Network(id);
    this.#networks.set(id, network);
    return network;
  }

  /** Puts a node on a network. Returns false, and counts it, if there is no room. */
  attach(node: DbNode, networkId: string, lTime: number): boolean {
    const { counts, parameters } = this.#context;
    if (this.#attachments >= parameters.maxAttachments) {
      counts.refusedAttachments += 1;
      return false;
    }
    const network = this.open(networkId);
    if (network === undefined) {
      counts.refusedNetworks += 1;
      return false;
    }
    const attachment = new Attachment(node, networkId, lTime);
    network.attachments.set(node.name, attachment);
    network.enter(attachment);
    this.#attachments += 1;
    return true;
  }

  /** Forgets that a node is, or was, on a network. */
  forget(network: Network, attachment: Attachment): void {
    if (attachment.leaving) network.departed -= 1;
    network.exit(attachment);
    network.attachments.delete(attachment.node.name);
    this.#attachments -= 1;
    this.dropIfUnused(network);
  }

  /** Forgets the networks of a node. */
  detach(node: DbNode): void {
    for (const network of this.#networks.values()) {
      const attachment = network.attachments.get(node.name);
      if (attachment !== undefined) this.forget(network, attachment);
    }
  }

  /** Forgets a network that no node is on. */
  dropIfUnused(network: Network): void {
    if (network.own === undefined && network.attachments.size === 0) {
      this.#networks.delete(network.id);
      this.#last = undefined;
    }
  }

  /** Ids of the networks that this node and another one are on. */
  common(node: DbNode): string[] {
    const ids: string[] = [];
    for (const network of this.#networks.values()) {
      if (network.own?.leaving === false && network.attachments.get(node.name)?.leaving === false) ids.push(network.id);
    }
    return ids;
  }
}
